//! Leaks of a permission service, each as a bad and a good version that differ in a line or two.
//!
//! | leak | whose task | the mend |
//! | --- | --- | --- |
//! | [`subscriber`] | a screen that reads prompts | its window closes |
//! | [`response`] | a tool call that waits for an answer | nobody there is an answer too |
//! | [`worker`] | a loop that redraws a screen | it has an exit |
//! | [`third_party`] | one of axum's | its server is told to stop, not aborted |
//!
//! `cargo run -p leakcheck-examples` is the tour: it runs all of them and shows what leakcheck says
//! of each. `tests/leaks.rs` has the same as leak tests.

pub mod response;
pub mod subscriber;
pub mod third_party;
pub mod worker;
