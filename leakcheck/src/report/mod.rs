//! What a leak test found out, as plain data; how it looks is `text`'s and `json`'s business.

mod entry;
mod json;
mod text;
mod tree;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::survivor::Survivor;

pub(crate) use entry::candidates;
pub(crate) use json::{Sink, line};
pub(crate) use text::paint;
pub(crate) use tree::lines as tree_lines;

/// What a leak test found out.
///
/// `Display` is the report as a terminal shows it, without colours; `Serialize` gives the line
/// that `LEAKCHECK_REPORT` collects.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeakReport {
    /// The test's path, without its crate.
    pub test: String,
    /// The package of the test, where it is known.
    pub package: Option<String>,
    /// What was decided.
    pub verdict: Verdict,
    /// What leakcheck could see.
    pub tier: Tier,
    /// How long it waited for survivors.
    pub waited: Duration,
    /// The leaked tasks, alike ones in one entry.
    pub survivors: Vec<Survivor>,
    /// The survivors that may stay.
    pub ignored: Vec<Ignored>,
    /// The ignores that covered nothing, as they were written.
    pub stale_ignores: Vec<String>,
    /// Tasks that panicked with nobody to see it.
    pub panics: Vec<Panicked>,
    /// What could not be decided, and why: each is a reason not to call the test clean.
    pub undecided: Vec<String>,
    /// What else went wrong around the check.
    pub faults: Vec<Fault>,
    /// Worth knowing, but no reason to fail.
    pub notes: Vec<String>,
}

/// A survivor that may stay, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Ignored {
    /// The reason that the ignore gives.
    pub reason: String,
    /// The survivor.
    #[serde(flatten)]
    pub survivor: Survivor,
}

/// A task that panicked, and nobody joined it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Panicked {
    /// tokio's id of the task.
    pub id: u64,
    /// The panic's message.
    pub message: String,
    /// The place that panicked.
    pub at: Option<crate::Place>,
    /// The place that spawned the task.
    pub spawned_at: Option<crate::Place>,
}

/// Something other than a leaked task that fails a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The cleanup panicked or returned an error.
    Cleanup {
        /// The cleanup's name.
        name: String,
        /// The panic's message or the error.
        message: String,
    },
    /// The runtime did not shut down within this bound: blocking work, or a task that never
    /// yields, still ran.
    Shutdown {
        /// How long it was waited for.
        #[serde(rename = "waited_ms", serialize_with = "json::milliseconds")]
        waited: Duration,
    },
    /// The line for `LEAKCHECK_REPORT` could not be written.
    Report {
        /// Where and why.
        message: String,
    },
}

/// What leakcheck decided about a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing outlived the test but what may.
    Clean,
    /// A task outlived the test, or panicked unseen.
    Leaked,
    /// The same, where a leak only warns.
    Warned,
    /// The test leaks, and is known to.
    KnownLeak,
    /// The test was known to leak and no longer does.
    FixedKnownLeak,
    /// The test failed by itself, or its cleanup did.
    Failed,
    /// Nothing was checked, as asked.
    Off,
    /// Tasks survived, and whether they may could not be decided.
    Unverified,
}

/// How much leakcheck can see of a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Tier {
    /// Built with `--cfg tokio_unstable`: tokio tells of each task.
    Hooks,
    /// Built without: tokio tells how many tasks there are.
    Plain,
}

impl Tier {
    /// The tier of this build.
    pub const fn current() -> Self {
        if cfg!(tokio_unstable) { Self::Hooks } else { Self::Plain }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hooks => "hooks tier",
            Self::Plain => "plain tier",
        })
    }
}

#[cfg(test)]
impl LeakReport {
    /// A report that has nothing to say.
    pub(crate) fn test() -> Self {
        Self {
            test: "t".to_owned(),
            package: None,
            verdict: Verdict::Leaked,
            tier: Tier::Hooks,
            waited: Duration::ZERO,
            survivors: Vec::new(),
            ignored: Vec::new(),
            stale_ignores: Vec::new(),
            panics: Vec::new(),
            undecided: Vec::new(),
            faults: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl LeakReport {
    /// How many tasks leaked.
    pub fn leaked(&self) -> usize {
        self.survivors.iter().map(|survivor| survivor.count).sum()
    }

    /// The report as a terminal shows it, in colours. Print it through `anstream`, or where colours
    /// are known to be wanted; `Display` has none.
    pub fn to_ansi(&self) -> String {
        text::render(self)
    }

    /// Whether it fails a test whose body passed.
    pub(crate) fn fails(&self) -> bool {
        let own_fault = |fault: &Fault| !matches!(fault, Fault::Shutdown { .. });
        let verdict =
            matches!(self.verdict, Verdict::Leaked | Verdict::Unverified | Verdict::FixedKnownLeak);
        verdict || self.faults.iter().any(own_fault)
    }

    /// Whether there is anything that the verdict's action applies to.
    pub(crate) fn has_findings(&self) -> bool {
        !(self.survivors.is_empty() && self.panics.is_empty() && self.undecided.is_empty())
    }
}

impl fmt::Display for LeakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::render_plainly(self))
    }
}

impl std::error::Error for LeakReport {}

impl Serialize for LeakReport {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json::serialize(self, serializer)
    }
}
