use leakcheck::leak_test;

#[leak_test(grace = 250)]
async fn it() {}

fn main() {}
