use leakcheck::leak_test;

#[leak_test(ignore(future = "hyper_util::*", reason = " "))]
async fn it() {}

fn main() {}
