use leakcheck::leak_test;

#[leak_test(crate = "456")]
async fn it() {}

fn main() {}
