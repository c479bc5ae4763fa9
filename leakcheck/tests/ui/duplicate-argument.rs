use leakcheck::leak_test;

#[leak_test(flavor = "local", flavor = "local")]
async fn it() {}

fn main() {}
