//! `#[leak_test]` beside everything that people put on a `#[tokio::test]`.
//!
//! Passing proves little of a test that should pass anyway. So some tests here leave a task and say
//! so with `known_leak`: they pass only if the check ran, on the runtime that the body ran on.

mod arguments;
mod cases;
mod forms;
mod lints;
mod logging;
mod outcomes;
mod parameters;
mod rstest;
mod serial;

/// Leaves a task behind.
fn leak() {
    tokio::spawn(std::future::pending::<()>());
}
