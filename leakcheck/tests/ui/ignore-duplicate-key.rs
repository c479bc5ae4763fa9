use leakcheck::leak_test;

#[leak_test(ignore(name = "reaper", name = "keeper", reason = "the pool"))]
async fn it() {}

fn main() {}
