use leakcheck::leak_test;

#[leak_test(ignore(function = "", reason = "the pool"))]
async fn it() {}

fn main() {}
