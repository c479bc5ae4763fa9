use leakcheck::leak_test;

#[leak_test(worker_threads = 0, grace = "soon", action = "ignore")]
async fn it() {}

fn main() {}
