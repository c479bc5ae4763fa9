//! Waiting for survivors: on events, in virtual time where the clock is paused.

use std::time::{Duration, Instant};

use leakcheck::{Flavor, Options, Runtime, leak_test};
use tokio::task::JoinSet;

use crate::support::run;

#[leak_test(start_paused = true)]
async fn a_task_may_end_within_the_grace() {
    tokio::spawn(tokio::time::sleep(Duration::from_millis(499)));
}

#[leak_test]
async fn aborted_tasks_get_their_turn_to_end() {
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        tasks.spawn(std::future::pending::<()>());
    }
}

#[leak_test(flavor = "multi_thread", worker_threads = 4)]
async fn aborted_tasks_of_other_threads_get_theirs() {
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        tasks.spawn(std::future::pending::<()>());
    }
}

#[leak_test(start_paused = true, grace = "100ms")]
async fn while_survivors_keep_ending_the_wait_goes_on() {
    // One ends every 95 ms: each within the last quarter of a grace, all within four.
    for step in 1..=4 {
        tokio::spawn(tokio::time::sleep(Duration::from_millis(95 * step)));
    }
}

#[test]
fn the_wait_goes_on_for_four_graces_and_no_longer() {
    let grace = Duration::from_millis(100);
    let runtime = Runtime::new(Options::new().start_paused(true).grace(grace)).unwrap();
    runtime.block_on(async {
        for step in 1..=40 {
            tokio::spawn(tokio::time::sleep(Duration::from_millis(15 * step)));
        }
    });
    let report = runtime.check().unwrap_err();
    assert_eq!(report.leaked(), 40 - 400 / 15);
    assert!(report.waited >= grace * 4 && report.waited < grace * 5, "{:?}", report.waited);
}

#[test]
fn a_paused_grace_costs_no_real_time() {
    let began = Instant::now();
    let options = Options::new().start_paused(true).grace(Duration::from_secs(3600));
    let runtime = Runtime::new(options).unwrap();
    runtime.block_on(async { drop(tokio::spawn(tokio::time::sleep(Duration::from_secs(7200)))) });
    assert_eq!(runtime.check().unwrap_err().leaked(), 1);
    // An hour passed for the test's tasks; the bound only tells an hour from no time.
    assert!(began.elapsed() < Duration::from_secs(600));
}

#[leak_test(grace = "100ms")]
async fn a_timer_that_is_due_soon_is_waited_for() {
    tokio::spawn(tokio::time::sleep(Duration::from_millis(150)));
}

#[test]
fn a_timer_that_is_due_later_is_not_waited_for() {
    let grace = Duration::from_millis(20);
    let runtime = Runtime::new(Options::new().grace(grace)).unwrap();
    runtime.block_on(async { drop(tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)))) });
    let report = runtime.check().unwrap_err();
    assert!(report.waited < grace * 4, "{:?}", report.waited);
}

#[test]
fn nothing_due_later_than_the_grace_fires() {
    let run = run("paused_beyond_grace");
    assert!(!run.passed);
    assert!(run.printed.contains("waited 500 ms"), "{}", run.printed);
}

#[test]
fn a_clock_that_blocking_work_holds_does_not_hold_the_check() {
    let options = Options::new().start_paused(true).grace(Duration::from_millis(20));
    let runtime = Runtime::new(options).unwrap();
    let (release, held) = std::sync::mpsc::channel::<()>();
    runtime.block_on(async {
        tokio::task::spawn_blocking(move || held.recv());
        tokio::spawn(std::future::pending::<()>());
    });
    assert_eq!(runtime.check().unwrap_err().leaked(), 1);
    drop(release);
}

#[test]
fn ignored_survivors_are_not_waited_for() {
    let ignore = leakcheck::Ignore::new("lives on").count(1);
    let options = Options::new().start_paused(true).ignore(ignore);
    let runtime = Runtime::new(options).unwrap();
    runtime.block_on(async { drop(tokio::spawn(std::future::pending::<()>())) });
    let before = runtime.block_on(async { tokio::time::Instant::now() });
    assert!(runtime.check().is_ok());
    let after = runtime.block_on(async { tokio::time::Instant::now() });
    assert!(after - before < Duration::from_millis(2), "{:?}", after - before);
}

#[test]
fn without_grace_what_is_ready_still_gets_to_run() {
    for flavor in [Flavor::CurrentThread, Flavor::Local] {
        let runtime =
            Runtime::new(Options::new().flavor(flavor).start_paused(true).grace(Duration::ZERO))
                .unwrap();
        runtime.block_on(async { drop(tokio::spawn(tokio::task::yield_now())) });
        assert!(runtime.check().is_ok());
    }
}
