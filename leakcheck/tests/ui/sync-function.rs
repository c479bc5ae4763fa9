use leakcheck::leak_test;

#[leak_test]
fn it() {}

fn main() {}
