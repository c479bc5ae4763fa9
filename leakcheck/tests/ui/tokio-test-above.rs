use leakcheck::leak_test;

#[tokio::test]
#[leak_test]
async fn it() {}

fn main() {}
