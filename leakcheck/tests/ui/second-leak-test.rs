use leakcheck::leak_test;

#[leak_test(grace = "1s")]
#[leakcheck::test(flavor = "local")]
async fn it() {}

fn main() {}
