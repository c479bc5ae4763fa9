//! The arguments of `#[tokio::test]` mean what they mean there; ours reach the check.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use leakcheck::leak_test;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

use crate::leak;

#[leak_test]
async fn the_default_is_one_thread() {
    assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::CurrentThread);
}

#[leak_test(flavor = "multi_thread", worker_threads = 3)]
async fn worker_threads_are_as_many_as_asked_for() {
    let handle = Handle::current();
    assert_eq!(handle.runtime_flavor(), RuntimeFlavor::MultiThread);
    assert_eq!(handle.metrics().num_workers(), 3);
}

#[leak_test(flavor = "local")]
async fn a_local_runtime_takes_tasks_that_cannot_move() {
    let shared = Rc::new(Cell::new(0));
    let theirs = Rc::clone(&shared);
    tokio::task::spawn_local(async move { theirs.set(1) }).await.unwrap();
    assert_eq!(shared.get(), 1);
}

#[leak_test(FLAVOR = "current_thread")]
async fn names_may_be_in_any_case() {
    assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::CurrentThread);
}

#[leak_test(start_paused = true)]
async fn paused_time_jumps() {
    let (start, really) = (Instant::now(), std::time::Instant::now());
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(start.elapsed().as_secs(), 3600);
    assert!(really.elapsed() < Duration::from_secs(60));
}

#[leak_test(name = "engine room")]
async fn the_runtime_has_its_name() {
    assert_eq!(Handle::current().name(), Some("engine room"));
}

#[cfg(tokio_unstable)]
#[leak_test(unhandled_panic = "shutdown_runtime")]
#[should_panic(expected = "configured to shut down on unhandled panic")]
async fn an_unhandled_panic_shuts_the_runtime_down() {
    tokio::spawn(async { panic!("on its own") });
    std::future::pending::<()>().await;
}

#[leak_test(crate = "tokio")]
async fn tokio_may_be_named() {
    tokio::task::yield_now().await;
}

#[leak_test]
async fn bodies_need_not_be_send() {
    let counter = Rc::new(Cell::new(0));
    tokio::task::yield_now().await;
    counter.set(counter.get() + 1);
    assert_eq!(counter.get(), 1);
}

#[leak_test(known_leak = "the check must see this task", grace = "1ms")]
async fn a_known_leak_passes() {
    leak();
}

#[leak_test(action = "off")]
async fn no_check_no_leak() {
    leak();
}

#[leak_test(
    grace = "1ms",
    ignore(spawned_at = "compat/main.rs", count = 1, reason = "spawned by `leak`")
)]
#[cfg(tokio_unstable)]
async fn an_ignored_task_may_stay() {
    leak();
}

static SYNC_CLEANUP: AtomicBool = AtomicBool::new(false);
static ASYNC_CLEANUP: AtomicBool = AtomicBool::new(false);

fn clean_up() {
    SYNC_CLEANUP.store(true, Ordering::Relaxed);
}

mod pool {
    use super::{ASYNC_CLEANUP, Ordering};

    pub(super) async fn close() -> Result<(), String> {
        tokio::task::yield_now().await;
        ASYNC_CLEANUP.store(true, Ordering::Relaxed);
        Ok(())
    }
}

#[leak_test(cleanup = clean_up)]
async fn a_sync_cleanup_runs_before_the_check() {
    tokio::spawn(until(&SYNC_CLEANUP));
}

#[leak_test(cleanup = pool::close)]
async fn an_async_cleanup_runs_before_the_check() {
    tokio::spawn(until(&ASYNC_CLEANUP));
}

/// Ends once `flag` is set.
async fn until(flag: &'static AtomicBool) {
    while !flag.load(Ordering::Relaxed) {
        tokio::task::yield_now().await;
    }
}
