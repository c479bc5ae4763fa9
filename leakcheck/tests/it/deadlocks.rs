//! What a report says of tasks that wait for each other.

use expect_test::{Expect, expect};

use crate::support::run;

/// The first causes and what helps, so many, without what differs between runs.
fn check(target: &str, causes: usize, expected: Expect) {
    let printed = run(&format!("deadlocks::{target}")).normalised();
    // Without hooks a place is told only where one alone spawns such a task.
    let place = " (spawned at leakcheck/tests/it/targets/deadlocks.rs:L)";
    let printed = printed.replace(place, "");
    let told = |line: &&str| line.starts_with("     cause") || line.starts_with("     help");
    let lines = printed.lines().filter(told).map(str::trim).take(2 * causes);
    expected.assert_eq(&(lines.collect::<Vec<_>>().join("\n") + "\n"));
}

#[test]
fn locks_that_were_taken_in_two_orders_are_told_with_both_guards() {
    check(
        "locks_taken_in_two_orders",
        1,
        expect![[r#"
            cause        likely deadlock: waits in a circle of 2 tasks, none of which can go on unless one gave back what it took: 1 → 2 → 1; it waits for a lock that task N took (`payer` in it::targets::deadlocks::transfer)
            help         break the circle: take the locks in the same order everywhere, and hold none across an `.await` of what another needs it for
        "#]],
    );
}

#[test]
fn actors_that_send_into_full_inboxes_are_told_with_both_receivers() {
    check(
        "inboxes_that_are_full",
        1,
        expect![[r#"
            cause        likely deadlock: waits in a circle of 2 tasks, none of which can go on unless one gave back what it took: 1 → 2 → 1; it waits for room in a channel whose receiver task N took (`inbox` in it::targets::deadlocks::actor)
            help         break the circle: read the channel while sending (`select!`), or answer through a channel of its own
        "#]],
    );
}

#[test]
fn whoever_waits_for_a_lock_is_led_to_the_one_that_keeps_it() {
    check(
        "a_lock_that_is_kept",
        2,
        expect![[r#"
            cause        sleeps longer than the grace: sleeps for another 59 min beyond the grace; 1 leaked task waits for what it took
            help         abort it or cut the sleep short with a CancellationToken; if it may end by itself, raise the `grace`
            cause        lock never released: waits for a lock that task N took (`_guard` in it::targets::deadlocks::keeper); task N sleeps for another 59 min beyond the grace
            help         see to task N first
        "#]],
    );
}

#[test]
fn a_task_that_takes_a_lock_twice_is_told_of_its_first_guard() {
    check(
        "a_lock_that_is_taken_twice",
        1,
        expect![[r#"
            cause        lock never released: waits for a Mutex that was not released; it took that itself before (`first` in it::targets::deadlocks::a_lock_that_is_taken_twice::{async block}): unless it gave that back, it waits for itself
            help         drop the guard that it has before it locks again
        "#]],
    );
}

#[test]
fn a_worker_that_reads_its_channel_is_told_nothing_of_holding_it() {
    check(
        "a_worker_whose_sender_is_kept",
        1,
        expect![[r#"
        cause        worker without exit: waits for the next message of its channel, and 1 sender is still alive
        help         drop every Sender of the channel before the test ends (the worker itself may hold a clone)
    "#]],
    );
}
