use leakcheck::leak_test;

#[leak_test(action = "off", known_leak = "issue 7")]
async fn it() {}

fn main() {}
