//! Which survivors may stay, and that nothing passes by guessing.

use leakcheck::Tier;

use crate::support::{Run, run};

/// Decided in the hooks tier; in the plain tier the test fails and says why.
#[track_caller]
fn decided_by_identity(target: &str, passes_in_hooks_tier: bool) -> Run {
    let run = run(target);
    match Tier::current() {
        Tier::Hooks => assert_eq!(run.passed, passes_in_hooks_tier, "{}", run.printed),
        _ => {
            assert!(!run.passed, "{}", run.printed);
            assert!(run.printed.contains("cannot tell them apart"), "{}", run.printed);
        }
    }
    run
}

#[test]
fn a_place_may_be_ignored() {
    decided_by_identity("ignored_by_place", true);
}

#[test]
fn a_function_may_be_ignored() {
    decided_by_identity("ignored_by_function", true);
}

#[test]
fn an_ignore_covers_no_more_than_its_count() {
    let run = run("one_more_than_ignored");
    assert!(!run.passed);
    let leaked = if Tier::current() == Tier::Hooks { 1 } else { 2 };
    let headline = format!("Error: leakcheck: {leaked} leaked task");
    assert!(run.printed.starts_with(&headline), "{}", run.printed);
}

#[test]
fn a_number_alone_is_decided_in_both_tiers() {
    let run = run("ignored_by_number");
    assert!(run.passed, "{}", run.printed);
}

#[test]
fn what_cannot_be_read_is_said_and_does_not_pass() {
    let run = run("ignored_by_what_cannot_be_read");
    assert!(!run.passed);
    assert!(run.printed.contains("undecided"), "{}", run.printed);
    assert!(
        run.printed.contains(r#"ignore(future = "app::*", reason = "lives on")"#),
        "{}",
        run.printed
    );
}

#[test]
fn an_ignore_that_covers_nothing_is_told() {
    let run = run("stale_ignore");
    assert!(run.passed);
    let stale = r#"ignore(spawned_at = "no/such/file.rs", reason = "went away") covered nothing"#;
    assert!(run.printed.contains(stale), "{}", run.printed);
}

#[test]
fn what_lives_at_ignore_current_may_live() {
    decided_by_identity("ignored_as_current", true);
}

#[test]
fn what_comes_after_ignore_current_may_not() {
    let run = decided_by_identity("leak_after_ignore_current", false);
    if Tier::current() == Tier::Hooks {
        assert!(run.printed.starts_with("Error: leakcheck: 1 leaked task"), "{}", run.printed);
    }
}

#[test]
fn ignore_current_outside_of_a_leak_test_is_an_error() {
    let error = leakcheck::try_ignore_current().unwrap_err().to_string();
    assert!(error.contains("outside of a leak test"), "{error}");
}
