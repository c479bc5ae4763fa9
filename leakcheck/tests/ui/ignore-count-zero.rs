use leakcheck::leak_test;

#[leak_test(ignore(name = "reaper", count = 0, reason = "the pool"))]
async fn it() {}

fn main() {}
