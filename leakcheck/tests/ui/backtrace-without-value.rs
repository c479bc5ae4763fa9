use leakcheck::leak_test;

#[leak_test(backtrace)]
async fn it() {}

fn main() {}
