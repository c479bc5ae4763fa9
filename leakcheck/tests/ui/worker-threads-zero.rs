use leakcheck::leak_test;

#[leak_test(flavor = "multi_thread", worker_threads = 0)]
async fn it() {}

fn main() {}
