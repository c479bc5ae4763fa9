//! What a leak test may be told: the builder. Nothing here knows where a value came from but
//! the test's own code; `resolve` lays the environment and the defaults underneath.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;

use crate::cleanup::{Cleanup, IntoCleanup};
use crate::ignore::Ignore;

/// The kind of runtime a leak test runs on, as in `#[tokio::test(flavor = "..")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flavor {
    /// One thread, the test's own. The default.
    #[default]
    CurrentThread,
    /// Worker threads beside the test's own.
    MultiThread,
    /// A [`tokio::runtime::LocalRuntime`]: `spawn_local` without a `LocalSet`.
    Local,
}

/// What a leak does to its test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The test fails with the report. The default.
    #[default]
    Fail,
    /// The report is printed, the test's result stands.
    Warn,
    /// Nothing is checked and nothing is installed: a plain tokio runtime.
    Off,
}

/// How a leak test runs and what it tolerates; the builder behind `#[leak_test(..)]`.
///
/// A value set here wins over the environment (`LEAKCHECK`, `LEAKCHECK_GRACE`,
/// `LEAKCHECK_BACKTRACE`), which wins over the default.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use leakcheck::{Flavor, Ignore, Options};
///
/// let options = Options::new()
///     .flavor(Flavor::MultiThread)
///     .worker_threads(2)
///     .grace(Duration::from_millis(250))
///     .ignore(Ignore::new("the pool lives as long as the process").spawned_at("src/pool.rs", None));
/// let sum = leakcheck::run(options, async { tokio::spawn(async { 1 + 1 }).await.unwrap() });
/// assert_eq!(sum, 2);
/// ```
#[derive(Clone, Default)]
#[must_use = "options do nothing until a runtime is made of them"]
pub struct Options {
    pub(crate) test_name: Option<String>,
    pub(crate) flavor: Flavor,
    pub(crate) worker_threads: Option<usize>,
    pub(crate) start_paused: bool,
    pub(crate) runtime_name: Option<String>,
    #[cfg(tokio_unstable)]
    pub(crate) unhandled_panic: Option<UnhandledPanic>,
    #[cfg(tokio_unstable)]
    pub(crate) user_hooks: crate::hooks::UserHooks,
    pub(crate) on_thread_start: Option<ThreadHook>,
    pub(crate) configure: Option<Configure>,
    pub(crate) grace: Option<Duration>,
    pub(crate) action: Option<Action>,
    pub(crate) ignores: Vec<Ignore>,
    pub(crate) known_leak: Option<String>,
    pub(crate) on_failure: bool,
    pub(crate) backtrace: Option<bool>,
    pub(crate) cleanup: Option<Cleanup>,
}

/// What the user does on each thread that the runtime starts.
pub(crate) type ThreadHook = Arc<dyn Fn() + Send + Sync>;

/// What the user does to tokio's builder after leakcheck has.
pub(crate) type Configure = Arc<dyn Fn(&mut Builder) + Send + Sync>;

/// tokio's own type is neither `Clone` nor `Copy`.
#[cfg(tokio_unstable)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum UnhandledPanic {
    Ignore,
    ShutdownRuntime,
}

impl Options {
    /// The defaults: a current_thread runtime, 500 ms of grace, a leak fails the test.
    pub fn new() -> Self {
        Self::default()
    }

    /// The test's name in reports. The default is the name of the current thread, which libtest
    /// and nextest set to the test's path.
    pub fn test_name(mut self, name: impl Into<String>) -> Self {
        self.test_name = Some(name.into());
        self
    }

    /// The kind of runtime.
    pub fn flavor(mut self, flavor: Flavor) -> Self {
        self.flavor = flavor;
        self
    }

    /// How many worker threads a [`Flavor::MultiThread`] runtime has. The default is tokio's:
    /// one per core.
    ///
    /// # Panics
    ///
    /// If `threads` is 0.
    #[track_caller]
    pub fn worker_threads(mut self, threads: usize) -> Self {
        assert!(threads > 0, "`worker_threads` may not be 0");
        self.worker_threads = Some(threads);
        self
    }

    /// Whether the clock starts paused, as in `#[tokio::test(start_paused = true)]`. Not for
    /// [`Flavor::MultiThread`]: [`crate::Runtime::new`] refuses it.
    pub fn start_paused(mut self, paused: bool) -> Self {
        self.start_paused = paused;
        self
    }

    /// The runtime's own name, as in `#[tokio::test(name = "..")]`.
    pub fn runtime_name(mut self, name: impl Into<String>) -> Self {
        self.runtime_name = Some(name.into());
        self
    }

    /// Changes tokio's builder after leakcheck has set it up: thread names, stack sizes,
    /// intervals and the like.
    ///
    /// tokio keeps one callback per hook, so `on_thread_start` or a task hook set here would
    /// silently replace leakcheck's. That is noticed, and fails the test: set those through the
    /// methods of the same names on `Options`, which run both.
    pub fn configure(mut self, with: impl Fn(&mut Builder) + Send + Sync + 'static) -> Self {
        self.configure = Some(Arc::new(with));
        self
    }

    /// As `tokio::runtime::Builder::on_thread_start`, beside leakcheck's own.
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_thread_start = Some(Arc::new(hook));
        self
    }

    /// How long survivors may take to finish by themselves. The default is 500 ms. While
    /// survivors keep ending, the wait goes on, to four times this; and once for those that only wait
    /// for a timer that is due within as long again (not with a paused clock).
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// What a leak does.
    pub fn action(mut self, action: Action) -> Self {
        self.action = Some(action);
        self
    }

    /// Survivors that may stay. May be called again: several ignores are or-ed.
    pub fn ignore(mut self, ignore: Ignore) -> Self {
        self.ignores.push(ignore);
        self
    }

    /// The test is known to leak, for this reason: it passes while it leaks and fails once it no
    /// longer does, so that the mark is taken away with the leak.
    pub fn known_leak(mut self, reason: impl Into<String>) -> Self {
        self.known_leak = Some(reason.into());
        self
    }

    /// Whether to check, and report after the failure, also when the body failed.
    pub fn on_failure(mut self, check: bool) -> Self {
        self.on_failure = check;
        self
    }

    /// Whether the stack of each spawn is kept, and the user's part of it shown for survivors. The
    /// default is off, since it costs every spawn some microseconds; where the place of a spawn lies
    /// outside the workspace it is kept in any case, and shown as the one place that called. In the
    /// hooks tier only: without tokio's hooks there is no stack to keep, and a report says so.
    pub fn backtrace(mut self, keep: bool) -> Self {
        self.backtrace = Some(keep);
        self
    }

    /// Runs on the runtime after the body and before the check, also when the body failed. Takes
    /// a sync or an async function; it may return `()` or a `Result`. If it panics or fails, the
    /// check is still made, and the test fails after the body's own result was told.
    pub fn cleanup<F, R, Shape>(self, cleanup: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: IntoCleanup<Shape>,
    {
        self.cleanup_named(std::any::type_name::<F>(), cleanup)
    }

    /// As [`Options::cleanup`], with the name that a report gives it.
    #[doc(hidden)]
    pub fn cleanup_named<F, R, Shape>(mut self, name: &'static str, cleanup: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: IntoCleanup<Shape>,
    {
        self.cleanup = Some(Cleanup::new(name, cleanup));
        self
    }

    #[cfg(tokio_unstable)]
    #[doc(hidden)]
    pub fn unhandled_panic(mut self, behavior: UnhandledPanic) -> Self {
        self.unhandled_panic = Some(behavior);
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("test_name", &self.test_name)
            .field("flavor", &self.flavor)
            .field("worker_threads", &self.worker_threads)
            .field("start_paused", &self.start_paused)
            .field("runtime_name", &self.runtime_name)
            .field("grace", &self.grace)
            .field("action", &self.action)
            .field("ignores", &self.ignores)
            .field("known_leak", &self.known_leak)
            .field("on_failure", &self.on_failure)
            .field("backtrace", &self.backtrace)
            .field("cleanup", &self.cleanup)
            .finish_non_exhaustive()
    }
}
