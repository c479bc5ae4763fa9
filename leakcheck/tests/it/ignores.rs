//! Which survivors may stay, and that nothing passes by guessing.

use leakcheck::Tier;

use crate::support::run;

#[track_caller]
fn passes(target: &str) {
    let run = run(target);
    assert!(run.passed, "{}", run.printed);
}

#[test]
fn a_place_may_be_ignored() {
    passes("ignored_by_place");
}

#[test]
fn a_place_is_known_in_the_plain_tier_only_where_no_other_spawns_the_same() {
    let run = run("ignored_by_a_place_of_many");
    assert_eq!(run.passed, Tier::current() == Tier::Hooks, "{}", run.printed);
    let undecided = "`spawned_at` cannot be told: one of ";
    assert_eq!(run.printed.contains(undecided), Tier::current() == Tier::Plain, "{}", run.printed);
}

#[test]
fn who_spawned_it_may_be_ignored() {
    passes("ignored_by_function");
}

#[test]
fn what_the_await_tree_tells_may_be_ignored() {
    passes("ignored_by_future");
    passes("ignored_by_any_function");
    passes("ignored_by_what_it_awaits");
}

#[track_caller]
fn one_leaks(target: &str) {
    let run = run(target);
    assert!(!run.passed);
    assert!(run.printed.starts_with("Error: leakcheck: 1 leaked task"), "{}", run.printed);
}

#[test]
fn an_ignore_covers_no_more_than_it_says() {
    one_leaks("one_more_than_ignored");
    one_leaks("one_beside_an_ignored_future");
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
    assert!(run.printed.contains("`name` cannot be told: tokio keeps"), "{}", run.printed);
    assert!(
        run.printed.contains(r#"ignore(name = "app", reason = "lives on")"#),
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
    passes("ignored_as_current");
}

#[test]
fn what_comes_after_ignore_current_may_not() {
    one_leaks("leak_after_ignore_current");
}

#[test]
fn ignore_current_outside_of_a_leak_test_is_an_error() {
    let error = leakcheck::try_ignore_current().unwrap_err().to_string();
    assert!(error.contains("outside of a leak test"), "{error}");
}
