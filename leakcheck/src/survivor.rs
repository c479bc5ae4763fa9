//! A survivor as plain data.

use std::time::Duration;

use leakcheck_inspect::{Hold, Node, Phase};
use serde::{Serialize, Serializer};
use tokio::task::Id;

use crate::awaits::{self, OwnFiles};
use crate::blame::StackFrame;
pub use crate::diagnose::Cause;
use crate::place::Place;

/// A task that outlived its test, or several that are alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Survivor {
    /// The leak's identity across runs, without line numbers: the future's path and the function or
    /// file that spawned it, `app::watch<-app::start`; where the future is not known, the file of the
    /// spawn and the text of its line.
    pub signature: String,
    /// How many alike tasks this entry stands for.
    pub count: usize,
    /// tokio's id of the first of them; `None` where only a count is known.
    pub id: Option<u64>,
    /// What survived.
    pub kind: Kind,
    /// What the task was doing when the grace was over.
    pub state: Option<State>,
    /// Milliseconds since it was spawned.
    pub age_ms: Option<f64>,
    /// Milliseconds since it was last polled.
    pub idle_ms: Option<f64>,
    /// How often it was polled.
    pub polls: Option<u64>,
    /// How often it was polled after the test's body had ended.
    pub polls_in_grace: Option<u64>,
    /// The place that called `spawn`.
    pub spawned_at: Option<Place>,
    /// Where that is not known: the places in the program that spawn such a future, one of which it
    /// was; or, alone, the line of the async block that was spawned.
    pub spawn_candidates: Vec<Place>,
    /// The function around that place, or the workspace's first where a library called `spawn`.
    pub spawned_by: Option<String>,
    /// The workspace's functions on the way to `spawn`, innermost first, where the test asked for them.
    pub spawn_stack: Option<Vec<StackFrame>>,
    /// The first place in the user's own workspace on the way to `spawn`.
    pub blame: Option<Place>,
    /// The text of that line.
    pub source_line: Option<String>,
    /// Who called `spawn`.
    pub spawner: Option<SpawnedBy>,
    /// The tasks above it, parent first; at most four.
    #[serde(serialize_with = "ids")]
    pub ancestors: Vec<Ancestor>,
    /// The type of its future, readable.
    pub future: Option<String>,
    /// Where it is stuck. Its files are written as in a [`Place`]. As JSON a flat list, each future
    /// with its depth.
    #[serde(serialize_with = "awaits::serialize")]
    pub awaits: Option<Node>,
    #[serde(skip)]
    pub(crate) own_files: OwnFiles,
    /// What it holds that others may wait for.
    #[serde(skip)]
    pub(crate) holds: Vec<Hold>,
    /// Why there is no await tree, or not all of it.
    pub uninspected: Option<String>,
    /// Nobody holds a waker of it: it can never run again.
    pub unwakeable: Option<bool>,
    /// What kind of leak it is, where that is known.
    pub cause: Option<Cause>,
    /// The cause in a sentence, with what is known of it.
    pub why: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

/// A task above a survivor: it spawned the survivor, or one that did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ancestor {
    /// tokio's id of it.
    pub id: u64,
    /// The place that spawned it.
    pub spawned_at: Place,
    /// Whether it is over, and the survivor outlived it too.
    pub ended: bool,
}

fn ids<S: Serializer>(ancestors: &[Ancestor], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ancestors.iter().map(|ancestor| ancestor.id))
}

/// What kind of thing survived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A tokio task.
    Task,
}

/// What a surviving task was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// Its last poll returned and nothing polled it since.
    Waiting,
    /// Its poll had not returned.
    Running,
    /// It was never polled.
    NeverPolled,
    /// It was woken and waits for its turn.
    Notified,
    /// It was aborted, and its runtime has not dropped its future yet.
    Cancelled,
}

impl State {
    /// As tokio keeps it; `None` for a task that is over, or in a state that is new.
    pub(crate) fn of(phase: Phase) -> Option<Self> {
        match phase {
            Phase::Waiting => Some(Self::Waiting),
            Phase::NeverPolled => Some(Self::NeverPolled),
            Phase::Notified => Some(Self::Notified),
            Phase::Running => Some(Self::Running),
            Phase::Cancelled => Some(Self::Cancelled),
            _ => None,
        }
    }

    /// In a word or two.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::NeverPolled => "never polled",
            Self::Notified => "woken",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Who called `spawn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SpawnedBy {
    /// The test's body.
    Body,
    /// A task of the test, or a blocking closure.
    Task(u64),
    /// A thread that ran no task of the test.
    Thread,
}

/// The number in a task id, which tokio shows but does not give.
pub(crate) fn number(id: Id) -> u64 {
    id.to_string().parse().unwrap_or(0)
}

impl Survivor {
    /// Tasks of which only the number is known, for this reason.
    pub(crate) fn only_counted(count: usize, why: Option<&str>) -> Self {
        Self { uninspected: why.map(ToOwned::to_owned), ..Self::counted(count) }
    }

    /// Tasks of which only the number is known.
    pub(crate) fn counted(count: usize) -> Self {
        Self {
            signature: "unknown".to_owned(),
            count,
            id: None,
            kind: Kind::Task,
            state: None,
            age_ms: None,
            idle_ms: None,
            polls: None,
            polls_in_grace: None,
            spawned_at: None,
            spawn_candidates: Vec::new(),
            spawned_by: None,
            spawn_stack: None,
            blame: None,
            source_line: None,
            spawner: None,
            ancestors: Vec::new(),
            future: None,
            awaits: None,
            own_files: OwnFiles::default(),
            holds: Vec::new(),
            uninspected: None,
            unwakeable: None,
            cause: None,
            why: None,
            help: None,
        }
    }
}

pub(crate) fn ms(duration: Duration) -> f64 {
    // Microseconds are as fine as the clock's reading is worth.
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
