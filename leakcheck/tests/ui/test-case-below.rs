use leakcheck::leak_test;

#[leak_test]
#[test_case::test_case(1)]
#[test_case::test_case(2)]
async fn it(number: u32) {
    assert!(number > 0);
}

fn main() {}
