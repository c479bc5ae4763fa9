use leakcheck::leak_test;

#[leak_test]
#[tokio::test(start_paused = true)]
async fn it() {}

fn main() {}
