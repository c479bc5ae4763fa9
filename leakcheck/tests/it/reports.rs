//! What a report says.

#[cfg(tokio_unstable)]
use expect_test::expect;
use leakcheck::Tier;

use crate::support::run;

#[test]
fn one_leak_fits_a_screen_and_shows_the_users_future_first() {
    let printed = run("stuck_in_functions").printed;
    assert!(printed.lines().count() <= 24, "{printed}");
    let headline = "Error: leakcheck: 1 leaked task outlived `targets::stuck_in_functions`";
    assert!(printed.starts_with(headline), "{printed}");
    assert_eq!(printed.lines().nth(2).unwrap(), "  1. it::targets::flusher", "{printed}");
}

#[test]
fn a_report_shows_the_functions_down_to_what_is_waited_for() {
    let printed = run("stuck_in_functions").normalised();
    let expected = "     stuck at     leakcheck/tests/it/targets.rs:L   it::targets::flusher
                  leakcheck/tests/it/targets.rs:L   it::targets::flush
                  awaiting tokio::sync::oneshot::Receiver<u32>";
    assert!(printed.contains(expected), "{printed}");
}

#[cfg(tokio_unstable)]
#[test]
fn the_hooks_tier_tells_who_spawned_a_survivor_and_what_to_do() {
    let expected = expect![[r#"
        Error: leakcheck: 1 leaked task outlived `targets::one_leak` (waited T ms, hooks tier)

          1. core::future::Pending<()>
             task N       waiting, alive T ms, idle T ms, polled once
             spawned at   leakcheck/tests/it/targets.rs:L:C   in it::targets::one_leak   by the test's body
                          tokio::spawn(forever());
             stuck at     awaiting core::future::Pending<()> [nothing: it never ends]
                          nobody holds a waker: it can never run again
             cause        pending for ever: awaits `pending()`, which never ends
             help         abort the task, or select! the `pending()` against something that ends
             allow it     #[leak_test(ignore(spawned_at = "leakcheck/tests/it/targets.rs:L", reason = "…"))]
    "#]];
    expected.assert_eq(&run("one_leak").normalised());
}

#[test]
fn the_stack_of_a_spawn_is_shown_where_it_is_asked_for() {
    let printed = run("leak_with_its_stack").normalised();
    let expected = match Tier::current() {
        Tier::Hooks => "     spawn stack  leakcheck/tests/it/targets.rs:L",
        _ => "the stacks of spawns (set by the test) are kept in the hooks tier only",
    };
    assert!(printed.contains(expected), "{printed}");
    assert!(!run("one_leak").printed.contains("spawn stack"));
}

#[cfg(tokio_unstable)]
#[test]
fn branches_of_a_select_are_shown_below_each_other() {
    let expected = expect![[r#"
        Error: leakcheck: 1 leaked task outlived `targets::stuck_in_a_select` (waited T ms, hooks tier)

          1. it::targets::stuck_in_a_select::{async block}
             task N       waiting, alive T ms, idle T ms, polled once
             spawned at   leakcheck/tests/it/targets.rs:L:C   in it::targets::stuck_in_a_select   by the test's body
                          tokio::spawn(async {
             stuck at     leakcheck/tests/it/targets.rs:L   it::targets::stuck_in_a_select::{async block}, in a select! of it
                          - leakcheck/tests/it/targets.rs:L   it::targets::flusher
                            leakcheck/tests/it/targets.rs:L   it::targets::flush
                            awaiting tokio::sync::oneshot::Receiver<u32> [an answer, 1 sender left]
                          - awaiting tokio::time::Sleep [a timer, due in T ms]
             cause        response never sent: waits for a oneshot channel's answer, which nobody sent, and 1 sender is still alive; beside that, for a timer
             help         send the answer, or drop its oneshot Sender (look for it in a map of pending requests)
             allow it     #[leak_test(ignore(future = "it::targets::stuck_in_a_select::{async block}", reason = "…"))]
    "#]];
    expected.assert_eq(&run("stuck_in_a_select").normalised());
}

#[cfg(tokio_unstable)]
#[test]
fn alike_survivors_are_one_entry() {
    let expected = expect![[r#"
        Error: leakcheck: 30 leaked tasks outlived `targets::alike_leaks` (waited T ms, hooks tier)

          1. core::future::Pending<()>
             30 tasks     the first, task N: waiting, alive T ms, idle T ms, polled once
             spawned at   leakcheck/tests/it/targets.rs:L:C   in it::targets::alike_leaks   by the test's body
                          tokio::spawn(forever());
             stuck at     awaiting core::future::Pending<()> [nothing: it never ends]
                          nobody holds a waker: it can never run again
             cause        pending for ever: awaits `pending()`, which never ends
             help         abort the task, or select! the `pending()` against something that ends
             allow it     #[leak_test(ignore(spawned_at = "leakcheck/tests/it/targets.rs:L", reason = "…"))]
    "#]];
    expected.assert_eq(&run("alike_leaks").normalised());
}

#[cfg(tokio_unstable)]
#[test]
fn a_child_names_its_parent_and_where_that_was_spawned() {
    let expected = expect![[r#"
        Error: leakcheck: 2 leaked tasks outlived `targets::a_family` (waited T ms, hooks tier)

          1. it::targets::a_family::{async block}
             task N       waiting, alive T ms, idle T ms, polled once
             spawned at   leakcheck/tests/it/targets.rs:L:C   in it::targets::a_family   by the test's body
                          tokio::spawn(async {
             stuck at     leakcheck/tests/it/targets.rs:L   it::targets::a_family::{async block}
                          awaiting core::future::Pending<()> [nothing: it never ends]
                          nobody holds a waker: it can never run again
             cause        pending for ever: awaits `pending()`, which never ends
             help         abort the task, or select! the `pending()` against something that ends
             allow it     #[leak_test(ignore(future = "it::targets::a_family::{async block}", reason = "…"))]

          2. core::future::Pending<()>
             task N       waiting, alive T ms, idle T ms, polled once
             spawned at   leakcheck/tests/it/targets.rs:L:C   in it::targets::a_family   by task N
                          tokio::spawn(forever());
                          task N was spawned at leakcheck/tests/it/targets.rs:L:C
             stuck at     awaiting core::future::Pending<()> [nothing: it never ends]
                          nobody holds a waker: it can never run again
             cause        pending for ever: awaits `pending()`, which never ends
             help         abort the task, or select! the `pending()` against something that ends
             allow it     #[leak_test(ignore(spawned_at = "leakcheck/tests/it/targets.rs:L", reason = "…"))]
    "#]];
    expected.assert_eq(&run("a_family").normalised());
}

#[cfg(tokio_unstable)]
#[test]
fn a_spawn_outside_the_workspace_is_traced_to_the_users_line() {
    let expected = expect![[r#"
        Error: leakcheck: 1 leaked task outlived `targets::through_a_library` (waited T ms, hooks tier)

          1. core::future::Pending<()>
             task N       waiting, alive T ms, idle T ms, polled once
             spawned at   core/src/ops/function.rs:L:C   by the test's body
             called from  leakcheck/tests/it/targets.rs:L   in it::targets::through_a_library
                          (0..1).map(|_| forever()).map(tokio::spawn).for_each(drop);
             stuck at     awaiting core::future::Pending<()> [nothing: it never ends]
                          nobody holds a waker: it can never run again
             cause        pending for ever: awaits `pending()`, which never ends
             help         abort the task, or select! the `pending()` against something that ends
             allow it     #[leak_test(ignore(spawned_at = "leakcheck/tests/it/targets.rs:L", reason = "…"))]
    "#]];
    expected.assert_eq(&run("through_a_library").normalised());
}

#[test]
fn a_busy_loop_is_told_from_waiting() {
    let printed = run("busy_loop").printed;
    let told = |cause: &str| printed.contains(&format!("cause        {cause}"));
    match Tier::current() {
        Tier::Hooks => assert!(told("busy loop: "), "{printed}"),
        _ => assert!(
            told("between two turns: ") || told("blocks its worker: was in a poll when"),
            "{printed}"
        ),
    }
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
    assert!(rest.contains('\x1b'));
    assert!(!run("one_leak").printed.contains('\x1b'));
    let refused = [("CARGO_TERM_COLOR", "always"), ("NO_COLOR", "1")];
    assert!(!crate::support::run_with("one_leak", &refused).printed.contains('\x1b'));
}
