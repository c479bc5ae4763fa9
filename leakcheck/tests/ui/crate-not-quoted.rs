use leakcheck::leak_test;

#[leak_test(crate = tokio1)]
async fn it() {}

fn main() {}
