use leakcheck::leak_test;

#[leak_test]
#[std::prelude::v1::test]
async fn it() {}

fn main() {}
