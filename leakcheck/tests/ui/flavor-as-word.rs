use leakcheck::leak_test;

#[leak_test(multi_thread)]
async fn it() {}

fn main() {}
