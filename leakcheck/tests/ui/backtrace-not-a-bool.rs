use leakcheck::leak_test;

#[leak_test(backtrace = "full")]
async fn it() {}

fn main() {}
