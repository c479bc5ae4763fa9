use leakcheck::leak_test;

#[leak_test(flavor = MULTI_THREAD)]
async fn it() {}

fn main() {}
