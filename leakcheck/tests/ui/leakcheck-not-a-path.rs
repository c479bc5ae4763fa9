use leakcheck::leak_test;

#[leak_test(leakcheck = "4")]
async fn it() {}

fn main() {}
