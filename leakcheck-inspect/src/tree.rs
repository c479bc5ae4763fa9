//! What inspection finds, as plain data: tasks, and where each of them waits.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::TaskState;
use crate::hold::Hold;
use crate::wait::Wait;

/// A task that a runtime owns, as it was at some moment of the reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Task {
    /// tokio's id.
    pub id: u64,
    /// The word that tokio keeps for the task.
    pub state: TaskState,
    /// What the task was doing.
    pub phase: Phase,
    /// How many wakers are alive, at most: abort handles cannot be told from them. With none, and
    /// nothing else that would run it, the task can never run again.
    pub wakers: u64,
    /// The type of its future, readable: `app::serve`, `app::main::{async block}`.
    pub future: Option<Arc<str>>,
    /// Where it waits: the future that was spawned, and what that awaits.
    pub tree: Option<Node>,
    /// Why there is no tree, or not all of it.
    pub unknown: Option<String>,
    /// The place that called `spawn`, where tokio keeps it (`tokio_unstable`).
    pub spawned_at: Option<Source>,
    /// What it holds that others may wait for, outermost function first.
    pub holds: Vec<Hold>,
    /// Identifies the future's type in this image, for [`Inspector::spawn_sites`](crate::Inspector::spawn_sites).
    #[serde(skip)]
    pub type_id: Option<TypeId>,
}

impl Task {
    /// Whether nobody can ever wake the task again: it waits, is not in a queue, and nobody holds a
    /// waker (or an abort handle) of it. A proof, not a guess: its future is never polled again, though
    /// whoever holds its `JoinHandle`, or the runtime, may still drop it.
    pub fn is_unwakeable(&self) -> bool {
        matches!(self.phase, Phase::Waiting) && self.wakers == 0
    }
}

/// What a task was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Its last poll returned, and nobody has woken it since.
    Waiting,
    /// It was never polled.
    NeverPolled,
    /// It was woken and waits for its turn.
    Notified,
    /// A thread polls it, or drops its future.
    Running,
    /// It was aborted, and its runtime has not dropped its future yet.
    Cancelled,
    /// Its future is gone; only the output is left.
    Finished,
}

/// One future of an await tree.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Node {
    /// What kind of future it is.
    pub kind: NodeKind,
    /// Its readable name: `<app::Cache as app::Store>::get`, `tokio::time::timeout::Timeout`.
    pub name: Arc<str>,
    /// For a function, the place of the `.await` that it is suspended at; or where it starts, where it
    /// has not run yet. None where that is not known.
    pub at: Option<Source>,
    /// The macro of another crate that wrote the `.await`, for instance `select!`: then `at` is where the
    /// function starts.
    pub within: Option<Arc<str>>,
    /// What it waits for, if it is a leaf; or until when, for a timeout.
    pub wait: Option<Wait>,
    /// What it awaits: one future for a function, several for a `select!` or a `join!`.
    pub children: Vec<Node>,
}

/// What kind of future a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeKind {
    /// An `async fn`, block or closure that is suspended at an `.await`.
    Function,
    /// The same, not yet polled.
    Unstarted,
    /// The same, finished: it waits for nothing.
    Done,
    /// A future that is made of others: a timeout, a `join_all`.
    Adapter,
    /// A future without others in it: what all of the above wait for.
    Leaf,
    /// A task that this future runs by itself: those of a `LocalSet`.
    Task,
    /// Here is more, and it was not read: the name says why.
    Cut,
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
pub struct Source {
    /// The file, as the compiler was given it, made absolute by the folder it ran in.
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: u32,
}

/// A place that may have spawned a task, found in the program's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct SpawnSite {
    /// The place of the call.
    pub at: Source,
    /// The function around it.
    pub function: Option<String>,
}

/// One function of a stack: several share an address where some are inlined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Frame {
    /// Its readable path, without generics' hashes: `<app::Cache as app::Store>::get`.
    pub function: String,
    /// Where in it.
    pub at: Option<Source>,
}

/// A type in an image: where its debug info describes it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct TypeId(pub(crate) u64);

impl Task {
    /// A task of which only this is known.
    pub fn new(id: u64, state: TaskState, phase: Phase) -> Self {
        Self {
            id,
            state,
            phase,
            wakers: 0,
            future: None,
            tree: None,
            unknown: None,
            spawned_at: None,
            holds: Vec::new(),
            type_id: None,
        }
    }
}

impl Node {
    /// A node of which only this is known.
    pub fn new(kind: NodeKind, name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        Self { kind, name, at: None, within: None, wait: None, children: Vec::new() }
    }

    /// Every node of the tree, this one first, children after their parent.
    pub fn walk(&self) -> impl Iterator<Item = &Node> {
        let mut left = vec![self];
        std::iter::from_fn(move || {
            let node = left.pop()?;
            left.extend(node.children.iter().rev());
            Some(node)
        })
    }

    /// The innermost futures: what everything above waits for.
    pub fn leaves(&self) -> impl Iterator<Item = &Node> {
        self.walk().filter(|node| node.children.is_empty())
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        write!(f, "{:indent$}{}", "", self.name, indent = depth * 2)?;
        match self.kind {
            NodeKind::Unstarted => f.write_str(" (not started)")?,
            NodeKind::Done => f.write_str(" (done)")?,
            _ => {}
        }
        if let Some(at) = &self.at {
            write!(f, " at {at}")?;
        }
        if let Some(within) = &self.within {
            write!(f, " in {within}")?;
        }
        if let Some(wait) = &self.wait {
            write!(f, " [{wait}]")?;
        }
        for child in &self.children {
            f.write_str("\n")?;
            child.write(f, depth + 1)?;
        }
        Ok(())
    }
}

impl fmt::Display for Node {
    /// One line for each future, indented below what awaits it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
