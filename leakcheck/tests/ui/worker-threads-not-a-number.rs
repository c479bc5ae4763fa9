use leakcheck::leak_test;

#[leak_test(flavor = "multi_thread", worker_threads = "4")]
async fn it() {}

fn main() {}
