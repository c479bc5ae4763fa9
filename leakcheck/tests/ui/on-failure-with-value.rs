use leakcheck::leak_test;

#[leak_test(on_failure = true)]
async fn it() {}

fn main() {}
