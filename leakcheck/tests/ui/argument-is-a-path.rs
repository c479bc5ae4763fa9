use leakcheck::leak_test;

#[leak_test(tokio::flavor = "local")]
async fn it() {}

fn main() {}
