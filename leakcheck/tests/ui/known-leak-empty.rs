use leakcheck::leak_test;

#[leak_test(known_leak = "")]
async fn it() {}

fn main() {}
