use leakcheck::leak_test;

#[leak_test(floor = "current_thread")]
async fn it() {}

fn main() {}
