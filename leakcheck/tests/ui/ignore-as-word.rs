use leakcheck::leak_test;

#[leak_test(ignore)]
async fn it() {}

fn main() {}
