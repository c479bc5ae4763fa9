//! What a report says.

use expect_test::expect;
use leakcheck::Tier;

use crate::support::run;

#[test]
fn one_leak_fits_a_screen_and_shows_the_users_line_first() {
    let printed = run("one_leak").printed;
    assert!(printed.lines().count() <= 24, "{printed}");
    assert!(
        printed.starts_with("Error: leakcheck: 1 leaked task outlived `targets::one_leak`"),
        "{printed}"
    );
    if Tier::current() == Tier::Hooks {
        let first_place = printed.lines().nth(2).unwrap();
        assert!(first_place.contains("leakcheck/tests/it/targets.rs:"), "{printed}");
        assert!(first_place.ends_with("tokio::spawn(forever());"), "{printed}");
    }
}

#[cfg(tokio_unstable)]
#[test]
fn the_hooks_tier_tells_who_spawned_a_survivor_and_what_to_do() {
    let expected = expect![[r#"
        Error: leakcheck: 1 leaked task outlived `targets::one_leak` (waited T ms, hooks tier)

          1. leakcheck/tests/it/targets.rs:L   tokio::spawn(forever());
             task N       waiting, alive T ms, idle T ms, polled once
             spawned at   leakcheck/tests/it/targets.rs:L:C   by the test's body
             help         await its JoinHandle, abort it, or end what it waits for (drop the sender, cancel the token)
             allow it     #[leak_test(ignore(spawned_at = "leakcheck/tests/it/targets.rs:L", reason = "…"))]
    "#]];
    expected.assert_eq(&run("one_leak").normalised());
}

#[cfg(not(tokio_unstable))]
#[test]
fn the_plain_tier_says_that_a_number_is_all_it_knows() {
    let expected = expect![[r#"
        Error: leakcheck: 30 leaked tasks outlived `targets::alike_leaks` (waited T ms, plain tier)

          This build counts tasks and cannot tell them apart, because tokio was built without its
          unstable features. To see which lines spawned them, run the test once with

              RUSTFLAGS="--cfg tokio_unstable" cargo test

          A task ends when it is joined, aborted, or when what it waits for ends (its sender is
          dropped, its token cancelled).
    "#]];
    expected.assert_eq(&run("alike_leaks").normalised());
}

#[cfg(tokio_unstable)]
#[test]
fn alike_survivors_are_one_entry() {
    let expected = expect![[r#"
        Error: leakcheck: 30 leaked tasks outlived `targets::alike_leaks` (waited T ms, hooks tier)

          1. leakcheck/tests/it/targets.rs:L   tokio::spawn(forever());
             30 tasks     the first, task N: waiting, alive T ms, idle T ms, polled once
             spawned at   leakcheck/tests/it/targets.rs:L:C   by the test's body
             help         await its JoinHandle, abort it, or end what it waits for (drop the sender, cancel the token)
             allow it     #[leak_test(ignore(spawned_at = "leakcheck/tests/it/targets.rs:L", reason = "…"))]
    "#]];
    expected.assert_eq(&run("alike_leaks").normalised());
}

#[cfg(tokio_unstable)]
#[test]
fn a_child_names_its_parent_and_where_that_was_spawned() {
    let expected = expect![[r#"
        Error: leakcheck: 2 leaked tasks outlived `targets::a_family` (waited T ms, hooks tier)

          1. leakcheck/tests/it/targets.rs:L   tokio::spawn(async {
             task N       waiting, alive T ms, idle T ms, polled once
             spawned at   leakcheck/tests/it/targets.rs:L:C   by the test's body
             help         await its JoinHandle, abort it, or end what it waits for (drop the sender, cancel the token)
             allow it     #[leak_test(ignore(spawned_at = "leakcheck/tests/it/targets.rs:L", reason = "…"))]

          2. leakcheck/tests/it/targets.rs:L   tokio::spawn(forever());
             task N       waiting, alive T ms, idle T ms, polled once
             spawned at   leakcheck/tests/it/targets.rs:L:C   by task N
                          task N was spawned at leakcheck/tests/it/targets.rs:L:C
             help         await its JoinHandle, abort it, or end what it waits for (drop the sender, cancel the token)
             allow it     #[leak_test(ignore(spawned_at = "leakcheck/tests/it/targets.rs:L", reason = "…"))]
    "#]];
    expected.assert_eq(&run("a_family").normalised());
}

#[cfg(tokio_unstable)]
#[test]
fn a_spawn_outside_the_workspace_is_traced_to_the_users_line() {
    let expected = expect![[r#"
        Error: leakcheck: 1 leaked task outlived `targets::through_a_library` (waited T ms, hooks tier)

          1. leakcheck/tests/it/targets.rs:L   (0..1).map(|_| forever()).map(tokio::spawn).for_each(drop);
             task N       waiting, alive T ms, idle T ms, polled once
             spawned at   core/src/ops/function.rs:L:C   by the test's body
             called from  leakcheck/tests/it/targets.rs:L:C   in it::targets::through_a_library
             help         await its JoinHandle, abort it, or end what it waits for (drop the sender, cancel the token)
             allow it     #[leak_test(ignore(spawned_at = "leakcheck/tests/it/targets.rs:L", reason = "…"))]
    "#]];
    expected.assert_eq(&run("through_a_library").normalised());
}

#[cfg(tokio_unstable)]
#[test]
fn a_busy_loop_is_told_from_waiting() {
    let printed = run("busy_loop").printed;
    assert!(printed.contains("cause        busy loop: was polled"), "{printed}");
}

#[test]
fn blocking_work_that_does_not_end_is_reported_and_not_waited_for() {
    let run = run("blocking_work");
    assert!(!run.passed);
    assert!(
        run.printed.contains("the runtime did not shut down within 2000 ms"),
        "{}",
        run.printed
    );
}

#[test]
fn a_report_has_colours_only_where_they_are_wanted() {
    let coloured = crate::support::run_with("one_leak", &[("CARGO_TERM_COLOR", "always")]).printed;
    let (first_line, rest) = coloured.split_once('\n').unwrap();
    assert!(!first_line.contains('\x1b'), "runners look for the first line: {first_line:?}");
    assert_eq!(rest.contains('\x1b'), Tier::current() == Tier::Hooks);
    assert!(!run("one_leak").printed.contains('\x1b'));
    let refused = [("CARGO_TERM_COLOR", "always"), ("NO_COLOR", "1")];
    assert!(!crate::support::run_with("one_leak", &refused).printed.contains('\x1b'));
}
