use leakcheck::leak_test;

#[leak_test(worker_threads = 4)]
async fn it() {}

fn main() {}
