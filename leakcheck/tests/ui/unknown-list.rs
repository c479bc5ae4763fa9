use leakcheck::leak_test;

#[leak_test(timeout(5))]
async fn it() {}

fn main() {}
