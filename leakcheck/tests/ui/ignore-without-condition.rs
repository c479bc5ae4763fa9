use leakcheck::leak_test;

#[leak_test(ignore(reason = "the pool"))]
async fn it() {}

fn main() {}
