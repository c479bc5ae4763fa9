//! rstest looks for an attribute whose last segment is `test`, above or below.

use leakcheck::leak_test;
use rstest::{fixture, rstest};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::leak;

#[fixture]
async fn answer() -> u32 {
    tokio::task::yield_now().await;
    42
}

#[rstest]
#[case(1, (2, 3))]
#[case::larger(40, (2, 42))]
#[leakcheck::test(flavor = "multi_thread")]
async fn cases_above(#[case] mut left: u32, #[case] (right, sum): (u32, u32)) {
    left += right;
    assert_eq!(left, sum);
    assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::MultiThread);
}

#[leakcheck::test(flavor = "multi_thread")]
#[rstest]
#[case(1, (2, 3))]
#[case::larger(40, (2, 42))]
async fn cases_below(#[case] mut left: u32, #[case] (right, sum): (u32, u32)) {
    left += right;
    assert_eq!(left, sum);
    assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::MultiThread);
}

#[rstest]
#[leakcheck::test]
async fn async_fixtures_above(#[future] answer: u32) {
    assert_eq!(answer.await, 42);
}

#[rstest]
#[leakcheck::test]
async fn awaited_fixtures_above(#[future(awt)] answer: u32) {
    assert_eq!(answer, 42);
}

#[leakcheck::test]
#[rstest]
async fn async_fixtures_below(#[future] answer: u32) {
    assert_eq!(answer.await, 42);
}

#[rstest]
#[test_attr(leak_test(flavor = "local"))]
async fn the_attribute_may_be_named(#[values(1, 2)] number: u32) {
    let sent = tokio::task::spawn_local(async move { number }).await.unwrap();
    assert_eq!(sent, number);
}

#[rstest]
#[timeout(std::time::Duration::from_secs(60))]
#[leakcheck::test]
async fn timeouts_wrap_the_body() {
    tokio::task::yield_now().await;
}

#[rstest]
#[case::first(1)]
#[case::second(2)]
#[leakcheck::test(known_leak = "the check must run for each case", grace = "1ms")]
async fn every_case_above_is_checked(#[case] _number: u32) {
    leak();
}

#[leakcheck::test(known_leak = "the check must run for each case", grace = "1ms")]
#[rstest]
#[case::first(1)]
#[case::second(2)]
async fn every_case_below_is_checked(#[case] _number: u32) {
    leak();
}

#[rstest]
#[should_panic(expected = "as wanted")]
#[case::first(1)]
#[leakcheck::test]
async fn panics(#[case] _number: u32) {
    panic!("as wanted");
}
