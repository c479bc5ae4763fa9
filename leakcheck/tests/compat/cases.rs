//! `#[test_case]` makes async functions, and leaves the attribute to run them.

use leakcheck::leak_test;
use test_case::test_case;

use crate::leak;

#[test_case(1, 2 => 3; "small numbers")]
#[test_case(40, 2 => 42; "larger numbers")]
#[leak_test]
async fn values(left: u32, right: u32) -> u32 {
    tokio::task::yield_now().await;
    left + right
}

#[test_case(0 => panics "divide by zero")]
#[test_case(3 => 4)]
#[leakcheck::test(flavor = "multi_thread")]
async fn panics(divisor: u32) -> u32 {
    12 / divisor
}

#[test_case(1)]
#[test_case(2)]
#[leak_test(known_leak = "the check must run for each case", grace = "1ms")]
async fn every_case_is_checked(_number: u32) {
    leak();
}
