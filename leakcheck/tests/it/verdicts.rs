//! What passes, what fails, and that the test's own failure comes first.

use crate::support::{Run, run};

#[track_caller]
fn check(target: &str, passes: bool, expected: &[&str]) -> Run {
    let run = run(target);
    assert_eq!(run.passed, passes, "{}", run.printed);
    let mut rest = run.printed.as_str();
    for text in expected {
        let at = rest
            .find(text)
            .unwrap_or_else(|| panic!("`{text}` is missing, or not in order:\n{}", run.printed));
        rest = &rest[at + text.len()..];
    }
    run
}

#[test]
fn a_clean_test_passes_and_prints_nothing() {
    let run = check("clean", true, &[]);
    assert_eq!(run.printed, "");
}

#[test]
fn a_leak_fails_its_test() {
    check("one_leak", false, &["Error: leakcheck: 1 leaked task"]);
}

#[test]
fn a_leak_that_warns_is_told_and_passes() {
    check("leak_that_warns", true, &["Warning: leakcheck: 1 leaked task"]);
}

#[test]
fn a_leak_that_nobody_looks_for_is_not_told() {
    let run = check("leak_unchecked", true, &[]);
    assert_eq!(run.printed, "");
}

#[test]
fn the_bodys_panic_is_all_that_is_told() {
    let run = check("own_panic_and_leak", false, &["the test's own failure"]);
    assert!(!run.printed.contains("leakcheck:"), "{}", run.printed);
}

#[test]
fn on_failure_tells_of_the_leak_after_the_bodys_panic() {
    check(
        "own_panic_and_leak_on_failure",
        false,
        &["the test's own failure", "Error: leakcheck: 1 leaked task"],
    );
}

#[test]
fn the_bodys_error_is_all_that_is_told() {
    let run = check("own_error_and_leak", false, &["the test's own error"]);
    assert!(!run.printed.contains("leakcheck:"), "{}", run.printed);
    let run = check("own_exit_code_and_leak", false, &[]);
    assert!(!run.printed.contains("leakcheck:"), "{}", run.printed);
}

#[test]
fn a_failure_that_only_its_type_knows_of_is_told_before_the_leak() {
    check(
        "own_verdict_and_leak",
        false,
        &["the type's own failure", "Error: leakcheck: 1 leaked task"],
    );
}

#[test]
fn a_leak_never_satisfies_should_panic() {
    check("missing_panic_and_leak", false, &["Error: leakcheck: 1 leaked task"]);
    check("missing_panic_and_cleanup_panics", false, &["the cleanup `panicking_cleanup` failed"]);
}

#[test]
fn an_expected_panic_passes() {
    check("expected_panic_and_leak", true, &["as expected"]);
}

#[test]
fn a_known_leak_passes_while_it_leaks() {
    check(
        "known_leak",
        true,
        &["Note: leakcheck: 1 leaked task", "known leak: the pool has no close yet"],
    );
}

#[test]
fn a_known_leak_that_was_mended_fails() {
    check("known_leak_that_was_mended", false, &["no longer leaks", "the pool has no close yet"]);
}

#[test]
fn blocking_work_may_be_the_known_leak() {
    check("known_leak_of_blocking_work", true, &["the runtime did not shut down"]);
}

#[test]
fn what_fails_a_test_is_called_an_error() {
    check("known_leak_and_cleanup_panics", false, &["Error: leakcheck: ", "the cleanup"]);
}

#[test]
fn a_task_may_be_spawned_while_a_thread_is_torn_down() {
    check("spawn_while_a_thread_is_torn_down", true, &[]);
}

#[test]
fn a_cleanup_that_panics_fails_the_test_and_the_check_is_still_made() {
    let expected =
        ["the cleanup `panicking_cleanup` failed", "it panicked: the cleanup's own failure"];
    let run = check("cleanup_panics", false, &expected);
    assert!(run.printed.contains("1 leaked task outlived"), "{}", run.printed);
}

#[test]
fn a_cleanup_that_returns_an_error_fails_the_test() {
    check(
        "cleanup_fails",
        false,
        &["the cleanup `failing_cleanup` failed", "the cleanup's own error"],
    );
}

#[test]
fn a_cleanup_that_panics_is_told_after_the_bodys_own_failure() {
    let expected = ["the test's own failure", "the cleanup `panicking_cleanup` failed"];
    check("own_panic_and_cleanup_panics", false, &expected);
}

#[cfg(target_os = "linux")]
#[test]
fn a_clean_test_never_opens_the_executable() {
    let run = run("opens_the_executable_only_for_a_leak");
    assert!(run.passed, "{}", run.printed);
}
