use leakcheck::leak_test;

#[leak_test(ignore(count = 2, reason = "the pool"))]
async fn it() {}

fn main() {}
