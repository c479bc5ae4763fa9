//! Attributes that set up logs.
//!
//! Both set the subscriber of the process, and `traced_test` insists on being the first: so it is
//! the innermost of the two wherever they meet.

use leakcheck::leak_test;
use tracing::info;
use tracing_test::traced_test;

use crate::leak;

#[leak_test]
#[traced_test]
async fn traced_below() {
    info!("from the body below");
    assert!(logs_contain("from the body below"));
}

#[traced_test]
#[leakcheck::test]
async fn traced_above() {
    info!("from the body above");
    assert!(logs_contain("from the body above"));
}

#[test_log::test(leak_test)]
#[traced_test]
async fn logged_above() {
    info!("from a logged body");
    assert!(logs_contain("from a logged body"));
}

#[leak_test]
#[test_log::test]
#[traced_test]
async fn logged_below() {
    info!("from another logged body");
    assert!(logs_contain("from another logged body"));
}

#[test_log::test(leak_test(known_leak = "the check must run", grace = "1ms"))]
#[traced_test]
async fn logged_tests_are_checked() {
    leak();
}
