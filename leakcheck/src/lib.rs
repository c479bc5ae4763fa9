//! Fails a test when a task outlives it, and says who spawned it, where it is stuck, why, and what to
//! do.
//!
//! `#[leak_test]` is a drop-in for `#[tokio::test]`: the same arguments, the same meaning, and
//! after the body has ended, a check that no task is left.
//!
//! ```
//! use leakcheck::leak_test;
//!
//! #[leak_test]
//! async fn the_worker_ends_with_its_queue() {
//!     let (queue, mut jobs) = tokio::sync::mpsc::channel::<u32>(8);
//!     tokio::spawn(async move { while jobs.recv().await.is_some() {} });
//!     queue.send(1).await.unwrap();
//!     drop(queue); // without this line the worker waits for ever, and the test fails
//! }
//! ```
//!
//! [`leak_test`] has the arguments. It is also exported as [`leakcheck::test`](macro@test), because
//! rstest and editors look for an attribute whose last segment is `test`. Harnesses without
//! attributes use [`run`] or [`Runtime`].
//!
//! # Two tiers
//!
//! Both tiers find every task that is left and tell them one by one: its future, its state, and its
//! *await tree*, which is every function that it is suspended in, with the line of the `.await`, down to
//! what all of it waits for. That is read from the process's memory by what the executable's debug info
//! says, on stable Rust, with no flag. Cause and help come from it.
//!
//! |  | plain tier | hooks tier (`--cfg tokio_unstable`) |
//! | --- | --- | --- |
//! | future, state, await tree, cause, help | yes | yes |
//! | the place of the spawn | looked up in the program's code: one, several as candidates, or none | exact; for a library's task also the line of the workspace that called |
//! | parents, age, idle time, polls | no | yes |
//! | the stack of the spawn (`backtrace = true`, `LEAKCHECK_BACKTRACE=1`) | no | yes |
//!
//! What cannot be told is said. Await trees need Linux on x86-64 or aarch64 and `debug = 2`, which is what
//! cargo's dev and test profiles have. Without them a leak is found all the same, and one line says why
//! there is no tree and which setting helps.
//!
//! # Tasks that may stay
//!
//! An `ignore(.., reason = "..")` covers survivors by their future, by any function of their tree, by what
//! they await, or by who spawned them; [`Ignore`] has the conditions, and which tier decides which. What
//! cannot be decided is not guessed: the test fails and says why. One that covers nothing is named in
//! the report. [`ignore_current`] lets stay what lives at that moment.
//!
//! # At any time
//!
//! [`dump`] shows all tasks of a runtime, and the body of a leak test, in the same way: from inside or
//! outside of the runtime, with or without a leak test. It locks and stops nothing.
//!
//! # What it cannot see
//!
//! - Tasks of a `LocalSet` die with it, and are not counted by tokio while it lives. In a tree they are
//!   shown below whoever runs the set.
//! - Tasks of other runtimes, and threads.
//! - Of an await tree: a task that runs at the moment, what a future holds by `&` or `Arc`, and what is
//!   inside a hand-written future that holds nothing known. The front page of `leakcheck-inspect` has the
//!   whole list, with reasons.
//! - A panic in a task whose `JoinHandle` is still held (somebody may yet ask), one that goes on with
//!   `resume_unwind` (no panic hook runs), and any without type debug info or on other systems than
//!   64-bit Linux. The first and the last are noted.
//! - What a `spawn_blocking` closure spawns after the check was made.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod awaits;
mod backtrace;
mod blame;
mod body;
mod check;
mod cleanup;
mod current;
mod diagnose;
mod dump;
mod environment;
mod error;
mod group;
mod harness;
#[cfg(tokio_unstable)]
mod hooks;
mod identify;
mod ids;
mod ignore;
mod inspect;
mod judge;
mod options;
#[doc(hidden)]
pub mod outcome;
mod panics;
mod place;
mod registry;
mod report;
mod runtime;
mod settings;
mod settle;
mod survivor;
mod timers;
mod watch;

pub use blame::StackFrame;
pub use cleanup::{CleanupOutput, IntoCleanup};
pub use current::{ignore_current, try_ignore_current};
pub use dump::{DumpedBody, DumpedTask, TaskDump, dump, try_dump};
pub use error::Error;
pub use ignore::Ignore;

/// Runs an async test as `#[tokio::test]` does, and fails it when a task outlives it.
///
/// # Arguments
///
/// All of `#[tokio::test]`'s: `flavor`, `worker_threads`, `start_paused`, `unhandled_panic`,
/// `name`, and `crate`, which is checked to be the tokio that leakcheck runs. And:
///
/// | argument | meaning | default |
/// | --- | --- | --- |
/// | `grace = "250ms"` | how long survivors may take to finish | 500 ms |
/// | `action = "fail"`, `"warn"`, `"off"` | what a leak does | `"fail"` |
/// | `ignore(.., reason = "..")` | survivors that may stay, see [`Ignore`]; may be repeated | none |
/// | `known_leak = "reason"` | passes while it leaks, fails once it no longer does | |
/// | `on_failure` | also check when the body failed | off |
/// | `backtrace = true` | keeps and shows the stack of each spawn (hooks tier) | off |
/// | `cleanup = path::to::function` | runs after the body and before the check | none |
/// | `leakcheck = "path"` | where this crate is, if it was renamed | `::leakcheck` |
///
/// In an `ignore`: `spawned_at = "src/pool.rs"` or `"src/pool.rs:88"`, `spawned_by`, `future`,
/// `function`, `awaiting`, `name` (globs), `count`.
///
/// # The order of things
///
/// The body ends and its locals and arguments are gone; the cleanup runs; tasks get the grace to
/// end; the verdict is made; the runtime is shut down, within a bound. A body that failed fails the
/// test by itself and nothing is checked, unless `on_failure` says so. A leak never satisfies
/// `#[should_panic]`.
///
/// # Beside other attributes
///
/// Below `#[rstest]` write `#[leakcheck::test]`. Put it below `#[test_case]`, above or below
/// `#[serial]` (above, the lock covers the check too), `#[traced_test]` and `#[test_log::test]`. It
/// replaces `#[tokio::test]`; in `#[sqlx::test]`, call [`run`].
///
/// # Examples
///
/// ```
/// use leakcheck::leak_test;
///
/// #[leak_test(flavor = "multi_thread", worker_threads = 2, grace = "1s")]
/// async fn answers_arrive() {
///     let answer = tokio::spawn(async { 42 });
///     assert_eq!(answer.await.unwrap(), 42);
/// }
///
/// #[leak_test(ignore(spawned_at = "src/metrics.rs", reason = "flushes for as long as the process"))]
/// async fn requests_are_counted() {}
/// ```
pub use leakcheck_macros::leak_test;

/// [`leak_test`], by the name that rstest, test-log and editors recognise a test by. With
/// `use leakcheck::test;` it may be written bare.
///
/// ```
/// #[leakcheck::test]
/// async fn answers_arrive() {
///     assert_eq!(tokio::spawn(async { 42 }).await.unwrap(), 42);
/// }
/// ```
pub use leakcheck_macros::test;
pub use options::{Action, Flavor, Options};
pub use place::Place;
pub use report::{Fault, Ignored, LeakReport, Panicked, Tier, Verdict};
pub use runtime::Runtime;
pub use survivor::{Ancestor, Cause, Kind, SpawnedBy, State, Survivor};

/// Runs a future as the body of a leak test, for harnesses that have no place for an attribute:
/// proptest, `#[sqlx::test]`'s pool functions, a runner of your own.
///
/// Gives the future's output once nothing is left.
///
/// # Panics
///
/// With the report, if tasks are left that may not; with the future's own panic, if it panics;
/// if the environment or the options are wrong; when called from within a runtime.
///
/// [`Runtime`] does the same step by step, with errors instead of panics.
///
/// # Examples
///
/// ```
/// use leakcheck::Options;
///
/// let answer = leakcheck::run(Options::new(), async {
///     tokio::spawn(async { 42 }).await.unwrap()
/// });
/// assert_eq!(answer, 42);
/// ```
#[track_caller]
pub fn run<F: Future>(options: Options, future: F) -> F::Output {
    let ending = harness::Ending { failed: |_| false, confess: drop, not_panicked: None };
    harness::run(runtime::Subject::of_thread(&options), options, &ending, future)
}
