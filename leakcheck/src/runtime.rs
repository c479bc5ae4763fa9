//! The instrumented runtime: built, run, shut down within a bound.

mod build;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::check;
use crate::environment::Environment;
use crate::error::{Error, ErrorKind};
use crate::options::{Action, Flavor, Options};
use crate::place::Workspace;
use crate::registry::{Capture, Registry};
use crate::report::{LeakReport, Verdict};
use crate::settings::Settings;
pub(crate) use build::Tokio;
use build::verify_hooks;

/// A tokio runtime that knows which of its tasks are left.
///
/// For harnesses without attributes, and for tests that want to look more than once: where a
/// `#[leak_test]` would fail, [`Runtime::check`] returns the report. Dropping it aborts what is
/// left, and waits for blocking work for a bounded time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use leakcheck::{Options, Runtime};
///
/// let runtime = Runtime::new(Options::new().grace(Duration::from_millis(10)))?;
/// let worker = runtime.block_on(async { tokio::spawn(std::future::pending::<()>()) });
/// let report = runtime.check().unwrap_err();
/// assert_eq!(report.leaked(), 1);
///
/// worker.abort();
/// assert!(runtime.check().is_ok());
/// # Ok::<(), leakcheck::Error>(())
/// ```
pub struct Runtime {
    // `None` once shut down.
    tokio: Option<Tokio>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) options: Options,
    pub(crate) settings: Settings,
    pub(crate) subject: Subject,
}

/// Whose runtime it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subject {
    pub(crate) test: String,
    pub(crate) package: Option<&'static str>,
    pub(crate) manifest_dir: Option<&'static str>,
    pub(crate) file: Option<&'static str>,
}

impl Subject {
    /// A test without an attribute: the thread bears its name.
    pub(crate) fn of_thread(options: &Options) -> Self {
        let named = || std::thread::current().name().unwrap_or("unnamed").to_owned();
        let test = options.test_name.clone().unwrap_or_else(named);
        Self { test, ..Self::default() }
    }

    /// Where the user's workspace is: around the package, as the attribute or cargo tells, or else
    /// around the folder that the process was started in.
    pub(crate) fn workspace(&self) -> Workspace {
        let told = self.manifest_dir.map(ToOwned::to_owned);
        let cargo = || std::env::var("CARGO_MANIFEST_DIR").ok();
        let here = || std::env::current_dir().ok()?.to_str().map(ToOwned::to_owned);
        Workspace::around(told.or_else(cargo).or_else(here).as_deref(), self.file)
    }
}

impl Runtime {
    /// Builds the runtime that the options ask for.
    ///
    /// # Errors
    ///
    /// If the environment has a bad value, the options contradict each other, a hook of
    /// leakcheck's was replaced through [`Options::configure`], or the system refuses what a
    /// runtime needs.
    pub fn new(options: Options) -> Result<Self, Error> {
        let environment = Environment::of_process().map_err(ErrorKind::from)?;
        let subject = Subject::of_thread(&options);
        Self::build(options, environment, subject)
    }

    pub(crate) fn build(
        options: Options,
        environment: &Environment,
        subject: Subject,
    ) -> Result<Self, Error> {
        let settings = Settings::resolve(&options, environment);
        let watched = settings.action.value != Action::Off;
        let registry = Arc::new(Registry::new(
            reporting_threads(&options),
            capture(&options, settings.backtrace.value),
        ));
        if watched {
            crate::panics::watch();
        }
        let tokio = Tokio::build(&options, watched.then_some(&registry))?;
        if watched {
            registry.set_runtime(tokio.handle());
            if options.configure.is_some() {
                verify_hooks(&tokio, &registry)?;
            }
        }
        Ok(Self { tokio: Some(tokio), registry, options, settings, subject })
    }

    /// Runs a future to its end on this runtime, as `tokio::runtime::Runtime::block_on` does.
    ///
    /// # Panics
    ///
    /// If the future panics, or when called from within a runtime.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _entered = crate::current::enter(&self.registry);
        let future = std::pin::pin!(future);
        self.tokio().block_on(crate::body::watched(self.registry.body(), future))
    }

    /// The handle of the tokio runtime.
    pub fn handle(&self) -> &Handle {
        self.tokio().handle()
    }

    /// Waits for tasks to end, for the grace, and tells whether any is left (goleak's `Find`).
    ///
    /// May be called again: later calls look anew. With [`Action::Off`] it is always `Ok`.
    ///
    /// # Errors
    ///
    /// The report, if tasks are left that may not, if a task panicked unseen, or if it could not
    /// be decided. [`Options::known_leak`] turns the answer round.
    ///
    /// # Panics
    ///
    /// When called from within a runtime.
    #[track_caller]
    pub fn check(&self) -> Result<(), Box<LeakReport>> {
        if self.settings.action.value == Action::Off {
            return Ok(());
        }
        let report = check::judged(check::check(self), self.options.known_leak.is_some());
        match report.verdict {
            Verdict::Clean | Verdict::KnownLeak => Ok(()),
            _ => Err(Box::new(report)),
        }
    }

    /// As [`Runtime::check`], and panics with the report (goleak's `VerifyNone`), or prints it if
    /// a leak only warns.
    ///
    /// # Panics
    ///
    /// If [`Runtime::check`] gives a report and a leak fails, or when called from within a runtime.
    #[track_caller]
    pub fn verify(&self) {
        let Err(mut report) = self.check() else { return };
        if self.settings.action.value != Action::Warn {
            panic!("{report}");
        }
        report.verdict = Verdict::Warned;
        eprint!("{}", crate::report::paint(&report));
    }

    /// Aborts what is left and waits for it, within a bound. Gives the bound if that was too short.
    pub(crate) fn shut_down(&mut self) -> Result<(), Duration> {
        let Some(tokio) = self.tokio.take() else {
            return Ok(());
        };
        // As long as survivors may take at the most, and never so short that a mere thread switch
        // on a loaded machine would count.
        let bound = self.settings.grace.value.saturating_mul(4).max(Duration::from_secs(2));
        let began = Instant::now();
        tokio.shut_down(bound);
        if began.elapsed() < bound { Ok(()) } else { Err(bound) }
    }

    /// Drops the runtime as tokio does: it waits for blocking work without bound.
    pub(crate) fn drop_tokio(&mut self) {
        drop(self.tokio.take());
    }

    pub(crate) fn alive(&self) -> usize {
        self.tokio().alive()
    }

    fn tokio(&self) -> &Tokio {
        self.tokio.as_ref().expect("a runtime is only shut down by its owner, who is done with it")
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Whoever drops a runtime unseen has no report to put this into.
        let _ = self.shut_down();
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("options", &self.options).finish_non_exhaustive()
    }
}

/// How many threads may report to a registry at once.
fn reporting_threads(options: &Options) -> usize {
    match options.flavor {
        Flavor::CurrentThread | Flavor::Local => 1,
        Flavor::MultiThread => options.worker_threads.unwrap_or(4) * 2,
    }
}

fn capture(options: &Options, backtrace: bool) -> Capture {
    if backtrace || options.ignores.iter().any(crate::Ignore::needs_spawners) {
        Capture::All
    } else {
        Capture::OutsideWorkspace
    }
}
