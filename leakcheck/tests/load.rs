//! Precision under load: a mixed bag of clean tests raises no alarm while every core is busy, and
//! a leak planted in each is always found, at its line.
//!
//! `LEAKCHECK_SOAK=N` makes it N runs instead of 2,000; `scripts/soak` goes on for longer.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use futures::future::{BoxFuture, FutureExt};
use leakcheck::{Flavor, LeakReport, Options, Runtime, Tier};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

const RUNS: usize = 2_000;

/// Whole tests that leave nothing behind, though some need a moment after their end.
const CLEAN: [fn() -> BoxFuture<'static, ()>; 4] = [
    || dropped_join_set().boxed(),
    || aborted_tasks().boxed(),
    || late_answer().boxed(),
    || chain_of_children().boxed(),
];

async fn dropped_join_set() {
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        tasks.spawn(std::future::pending::<()>());
    }
    tasks.spawn(async {});
    tasks.join_next().await;
}

async fn aborted_tasks() {
    for _ in 0..20 {
        tokio::spawn(std::future::pending::<()>()).abort();
    }
}

/// The answer is sent as the body ends: who waits for it has yet to wake up.
async fn late_answer() {
    let (answer, question) = oneshot::channel::<u32>();
    tokio::spawn(async move {
        tokio::task::yield_now().await;
        question.await.unwrap()
    });
    tokio::task::yield_now().await;
    answer.send(42).unwrap();
}

/// Each spawns the next and ends; the body waits for none.
async fn chain_of_children() {
    fn link(left: u32) -> BoxFuture<'static, ()> {
        async move {
            tokio::task::yield_now().await;
            if left > 0 {
                tokio::spawn(link(left - 1));
            }
        }
        .boxed()
    }
    tokio::spawn(link(10));
}

fn options(run: usize) -> Options {
    match run % 3 {
        0 => Options::new(),
        1 => Options::new().flavor(Flavor::Local),
        _ => Options::new().flavor(Flavor::MultiThread).worker_threads(4),
    }
}

fn runs() -> usize {
    let asked = std::env::var("LEAKCHECK_SOAK").ok();
    asked.map_or(RUNS, |runs| runs.parse().expect("LEAKCHECK_SOAK is a number of runs"))
}

/// Calls `each` for every run, `at_once` of them side by side, while every core has more to do.
fn under_load(at_once: usize, each: impl Fn(usize) + Sync) {
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let work = || {
            while let Some(run) =
                Some(next.fetch_add(1, Ordering::Relaxed)).filter(|run| *run < runs())
            {
                each(run);
            }
        };
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        let results: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        over.store(true, Ordering::Relaxed);
        results.into_iter().for_each(|result| result.expect("no run failed"));
    });
}

fn check(run: usize, body: impl Future<Output = ()>) -> Result<(), Box<LeakReport>> {
    let runtime = Runtime::new(options(run)).unwrap();
    runtime.block_on(body);
    runtime.check()
}

#[test]
fn a_clean_test_raises_no_alarm_however_busy_the_machine() {
    under_load(4, |run| {
        let clean = CLEAN[run / 3 % CLEAN.len()];
        if let Err(report) = check(run, clean()) {
            panic!("a false alarm in run {run}: {report}");
        }
    });
}

/// Ignored tasks come and go all the time, on other threads, while the check looks.
#[cfg(tokio_unstable)]
#[test]
fn ignored_tasks_may_come_and_go_while_the_check_looks() {
    let ignore = || leakcheck::Ignore::new("a server").spawned_at("tests/load.rs", None);
    let options = || Options::new().flavor(Flavor::MultiThread).worker_threads(4).ignore(ignore());
    for _ in 0..runs() / 10 {
        let runtime = Runtime::new(options()).unwrap();
        runtime.block_on(async {
            tokio::spawn(async {
                loop {
                    tokio::spawn(tokio::task::yield_now());
                    tokio::task::yield_now().await;
                }
            });
        });
        if let Err(report) = runtime.check() {
            panic!("a false alarm: {report}");
        }
    }
}

#[test]
fn a_planted_leak_is_always_found_at_its_line() {
    // Each of these waits for the whole grace: many wait side by side.
    under_load(64, |run| {
        let clean = CLEAN[run / 3 % CLEAN.len()];
        let mut planted = 0;
        let report = check(run, async {
            planted = plant().line();
            clean().await;
        });
        let report = report.expect_err("the leak is found");
        assert_eq!(report.leaked(), 1, "{report}");
        if Tier::current() == Tier::Hooks {
            let place =
                report.survivors[0].spawned_at.as_ref().expect("the hooks tier knows the place");
            assert_eq!(
                (place.file.as_str(), place.line),
                ("leakcheck/tests/load.rs", planted),
                "{report}"
            );
        }
    });
}

/// Leaves a task behind, and tells where.
fn plant() -> &'static Location<'static> {
    #[track_caller]
    fn spawn() -> &'static Location<'static> {
        tokio::spawn(std::future::pending::<()>());
        Location::caller()
    }
    spawn()
}
