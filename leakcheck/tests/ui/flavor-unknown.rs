use leakcheck::leak_test;

#[leak_test(flavor = "foo")]
async fn it() {}

fn main() {}
