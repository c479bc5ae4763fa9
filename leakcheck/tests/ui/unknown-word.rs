use leakcheck::leak_test;

#[leak_test(paused)]
async fn it() {}

fn main() {}
