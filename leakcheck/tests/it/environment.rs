//! What the environment may say, and that a bad word of it fails the test.

use crate::support::run_with;

#[test]
fn the_environment_decides_where_the_test_says_nothing() {
    assert!(run_with("one_leak", &[("LEAKCHECK", "warn")]).passed);
    assert!(run_with("one_leak", &[("LEAKCHECK", "off")]).passed);
    assert!(!run_with("one_leak", &[("LEAKCHECK", "fail")]).passed);
}

#[test]
fn the_test_wins_over_the_environment() {
    let run = run_with("leak_that_warns", &[("LEAKCHECK", "fail")]);
    assert!(run.passed && run.printed.starts_with("Warning:"), "{}", run.printed);
}

#[test]
fn the_grace_may_be_set_from_outside() {
    let printed = run_with("paused_within_grace", &[("LEAKCHECK_GRACE", "10ms")]).printed;
    assert!(printed.contains("1 leaked task"), "{printed}");
    assert!(printed.contains("the grace of 10ms is set by LEAKCHECK_GRACE"), "{printed}");
    assert_eq!(run_with("clean", &[("LEAKCHECK_GRACE", "10ms")]).printed, "");
    assert_eq!(run_with("known_leak", &[("LEAKCHECK", "off")]).printed, "");
}

#[track_caller]
fn refused(target: &str, variable: &str, value: &str, accepted: &str) {
    let run = run_with(target, &[(variable, value)]);
    assert!(!run.passed, "{}", run.printed);
    for text in ["did not run", variable, value, accepted] {
        assert!(run.printed.contains(text), "`{text}` is missing:\n{}", run.printed);
    }
}

#[test]
fn a_bad_value_fails_the_test_and_says_what_is_accepted() {
    refused("clean", "LEAKCHECK", "nonsense", "`fail`, `warn`, `off`");
    refused("clean", "LEAKCHECK_GRACE", "abc", "`250ms`");
    refused("clean", "LEAKCHECK_BACKTRACE", "full", "`1` or `0`");
    refused("clean", "LEAKCHECK_REPORT", "/dev/null/reports", "a folder");
}

#[test]
fn a_bad_value_does_not_satisfy_should_panic() {
    refused("expects_a_panic", "LEAKCHECK", "nonsense", "`fail`, `warn`, `off`");
}
