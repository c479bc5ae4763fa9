use leakcheck::leak_test;

#[leak_test(flavor = "multi_thread", unhandled_panic = "ignore")]
async fn it() {}

fn main() {}
