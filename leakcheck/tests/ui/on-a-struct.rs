use leakcheck::leak_test;

#[leak_test]
struct It;

fn main() {}
