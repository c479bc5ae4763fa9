//! `#[serial]` in either order: one test at a time.

use std::sync::atomic::{AtomicBool, Ordering};

use leakcheck::leak_test;
use serial_test::serial;

static RUNNING: AtomicBool = AtomicBool::new(false);

/// Runs for a while, and asserts to be alone.
async fn alone() {
    assert!(!RUNNING.swap(true, Ordering::SeqCst));
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(RUNNING.swap(false, Ordering::SeqCst));
}

#[leak_test]
#[serial(compat)]
async fn above() {
    alone().await;
}

#[serial(compat)]
#[leak_test]
async fn below() {
    alone().await;
}

#[leakcheck::test(flavor = "multi_thread")]
#[serial(compat)]
async fn on_many_threads() {
    alone().await;
}
