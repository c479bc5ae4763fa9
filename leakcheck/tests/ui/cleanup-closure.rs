use leakcheck::leak_test;

#[leak_test(cleanup = || {})]
async fn it() {}

fn main() {}
