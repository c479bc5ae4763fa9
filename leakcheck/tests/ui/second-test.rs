use leakcheck::leak_test;

#[leak_test]
#[test]
async fn it() {}

fn main() {}
