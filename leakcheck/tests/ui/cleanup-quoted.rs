use leakcheck::leak_test;

#[leak_test(cleanup = "close")]
async fn it() {}

fn main() {}
