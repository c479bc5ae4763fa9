use leakcheck::leak_test;

#[leak_test(ignore(spawned_at = "src/pool.rs:x", reason = "the pool"))]
async fn it() {}

fn main() {}
