use leakcheck::leak_test;

#[leak_test(start_paused = 1)]
async fn it() {}

fn main() {}
