use leakcheck::leak_test;

#[leak_test(ignore(name, reason = "the pool"))]
async fn it() {}

fn main() {}
