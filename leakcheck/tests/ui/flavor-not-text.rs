use leakcheck::leak_test;

#[leak_test(flavor = 123)]
async fn it() {}

fn main() {}
