use leakcheck::leak_test;

#[leak_test(ignore(task = "reaper", reason = "the pool"))]
async fn it() {}

fn main() {}
