//! One leak test from end to end, and the order of everything in it:
//! body, cleanup, check, verdict, bounded shutdown, and only then the way out.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use crate::check;
use crate::environment::Environment;
use crate::error::{Error, ErrorKind};
use crate::judge::Judged;
use crate::options::{Action, Options};
use crate::report::{self, Fault, LeakReport, Sink, Verdict};
use crate::runtime::{Runtime, Subject};

/// What the harness has to know of a test's return type.
pub(crate) struct Ending<T> {
    /// Whether the value is known to be a failure, told without consuming it.
    pub(crate) failed: fn(&T) -> bool,
    /// Lets a value of a type that `failed` does not know tell its own failure, which comes before
    /// leakcheck's: it prints itself as it would under libtest.
    pub(crate) confess: fn(T),
    /// The value of a `#[should_panic]` test that did not panic: with it the test fails by itself,
    /// where a panic of leakcheck's would satisfy it.
    pub(crate) not_panicked: Option<fn() -> T>,
}

/// Runs a test and gives its value, or panics with the report.
pub(crate) fn run<F: Future>(
    subject: Subject,
    options: Options,
    ending: &Ending<F::Output>,
    body: F,
) -> F::Output {
    let mut test = match LeakTest::prepare(subject.clone(), options) {
        Ok(test) => test,
        Err(error) => {
            let text = format!("Error: leakcheck: `{}` did not run: {error}\n", subject.test);
            return fail_unless_should_panic(text, ending);
        }
    };
    let result = catch_unwind(AssertUnwindSafe(|| test.runtime.block_on(body)));
    let failed = match &result {
        Ok(value) => (ending.failed)(value),
        Err(_) => true,
    };
    let report = test.conclude(failed);
    match result {
        Err(payload) => {
            tell(&report, failed);
            resume_unwind(payload)
        }
        Ok(value) if failed || !report.fails() => {
            tell(&report, failed);
            value
        }
        Ok(value) => {
            (ending.confess)(value);
            fail_unless_should_panic(report::paint(&report), ending)
        }
    }
}

fn fail_unless_should_panic<T>(text: String, ending: &Ending<T>) -> T {
    match ending.not_panicked {
        Some(value) => {
            eprint!("{text}");
            value()
        }
        None => fail(text),
    }
}

/// A test whose runtime stands.
struct LeakTest {
    runtime: Runtime,
    sink: Option<Sink>,
}

impl LeakTest {
    fn prepare(subject: Subject, options: Options) -> Result<Self, Error> {
        let environment = Environment::of_process().map_err(ErrorKind::from)?;
        let sink = environment.report.as_ref().map(|folder| {
            Sink::open(folder, subject.workspace().root(), subject.package).map_err(|source| {
                let value = folder.display().to_string();
                ErrorKind::ReportFolder { value, source }
            })
        });
        let sink = sink.transpose()?;
        let runtime = Runtime::build(options, environment, subject)?;
        Ok(Self { runtime, sink })
    }

    /// All that comes after the body.
    fn conclude(&mut self, failed: bool) -> LeakReport {
        let cleanup = self.clean_up();
        let off = self.runtime.settings.action.value == Action::Off;
        let checked = !off && (!failed || self.runtime.options.on_failure);
        let mut report = if checked {
            check::check(&self.runtime)
        } else {
            check::report(&self.runtime, Judged::default(), Duration::ZERO)
        };
        report.faults.extend(cleanup);
        if off {
            // As tokio does it: nothing of leakcheck's is to be noticed.
            self.runtime.drop_tokio();
        } else {
            report.faults.extend(self.shut_down());
            if checked {
                // Blocking work that was waited for may have panicked meanwhile.
                check::hear_panics(&mut report, &self.runtime);
            }
        }
        // All that it judges but the shutdown itself was gathered before the runtime went away.
        report = self.decide(report, failed);
        self.write(&mut report);
        report
    }

    fn clean_up(&self) -> Option<Fault> {
        let cleanup = self.runtime.options.cleanup.as_ref()?;
        let done = catch_unwind(AssertUnwindSafe(|| self.runtime.block_on(cleanup.start())));
        let message = match done {
            Ok(Ok(())) => return None,
            Ok(Err(error)) => error,
            Err(payload) => format!("it panicked: {}", crate::panics::message(&*payload)),
        };
        Some(Fault::Cleanup { name: cleanup.name.to_owned(), message })
    }

    fn shut_down(&mut self) -> Option<Fault> {
        let waited = self.runtime.shut_down().err()?;
        Some(Fault::Shutdown { waited })
    }

    fn decide(&self, report: LeakReport, failed: bool) -> LeakReport {
        let mut report = check::judged(report, self.runtime.options.known_leak.is_some());
        let shutdown = report.faults.iter().any(|fault| matches!(fault, Fault::Shutdown { .. }));
        report.verdict = match report.verdict {
            Verdict::Clean if shutdown => Verdict::Leaked,
            Verdict::FixedKnownLeak if shutdown => Verdict::KnownLeak,
            verdict => verdict,
        };
        let action = self.runtime.settings.action.value;
        let cleanup = report.faults.iter().any(|fault| matches!(fault, Fault::Cleanup { .. }));
        report.verdict = match report.verdict {
            _ if failed => Verdict::Failed,
            Verdict::Clean | Verdict::KnownLeak if cleanup => Verdict::Failed,
            _ if action == Action::Off => Verdict::Off,
            Verdict::Leaked | Verdict::Unverified | Verdict::FixedKnownLeak
                if action == Action::Warn =>
            {
                Verdict::Warned
            }
            verdict => verdict,
        };
        report
    }

    fn write(&mut self, report: &mut LeakReport) {
        let Some(sink) = &mut self.sink else { return };
        if let Err(message) = report::line(report).and_then(|line| sink.write(&line)) {
            report.faults.push(Fault::Report { message });
        }
    }
}

/// Prints what there is to say beside a result that stands.
fn tell(report: &LeakReport, failed: bool) {
    let told = report.has_findings() || !report.faults.is_empty();
    let worth_knowing = !(report.stale_ignores.is_empty() && report.notes.is_empty());
    if told || (!failed && worth_knowing) {
        eprint!("{}", report::paint(report));
    }
}

/// Prints the text once, through the macro that libtest captures, and leaves without a second
/// message: `resume_unwind` does not run the panic hook.
fn fail(text: String) -> ! {
    eprint!("{text}");
    resume_unwind(Box::new(text))
}
