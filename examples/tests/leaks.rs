//! The tour as leak tests: the leaks are marked as known, so that a mended one fails its test until
//! the mark is taken away.

use std::io;

use leakcheck::leak_test;
use leakcheck_examples::{response, subscriber, third_party, worker};

#[leak_test(grace = "200ms", known_leak = "dropping the window's token does not close it")]
async fn a_subscriber_that_nobody_closes() {
    subscriber::bad().await;
}

#[leak_test]
async fn a_subscriber_whose_window_closes() {
    subscriber::good().await;
}

#[leak_test(grace = "200ms", known_leak = "nobody is there to answer")]
async fn a_response_that_nobody_sends() {
    response::bad().await;
}

#[leak_test]
async fn a_response_without_anybody_there() {
    response::good().await;
}

#[leak_test(grace = "200ms", known_leak = "the loop does not look at its window's token")]
async fn a_worker_without_an_exit() {
    worker::bad().await;
}

#[leak_test]
async fn a_worker_that_ends_with_its_window() {
    worker::good().await;
}

#[leak_test(grace = "200ms", known_leak = "axum waits for a signal that never comes")]
async fn a_server_that_is_aborted() -> io::Result<()> {
    third_party::bad().await
}

#[leak_test]
async fn a_server_that_is_told_to_stop() -> io::Result<()> {
    third_party::good().await
}
