use leakcheck::leak_test;

#[leak_test(flavor = "threaded_scheduler")]
async fn it() {}

fn main() {}
