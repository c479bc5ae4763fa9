use leakcheck::leak_test;

#[leak_test(action = "ignore")]
async fn it() {}

fn main() {}
