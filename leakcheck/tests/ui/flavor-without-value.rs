use leakcheck::leak_test;

#[leak_test(flavor)]
async fn it() {}

fn main() {}
