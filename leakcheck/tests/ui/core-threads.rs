use leakcheck::leak_test;

#[leak_test(flavor = "multi_thread", core_threads = 4)]
async fn it() {}

fn main() {}
