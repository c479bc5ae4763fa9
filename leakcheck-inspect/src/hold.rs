//! What tasks hold that others wait for, as plain data.

use std::sync::Arc;

use serde::Serialize;

/// Something that tasks wait for and others hold: a lock, a semaphore, a bounded channel. Equal ones are the
/// same, within one reading of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource(pub(crate) u64);

/// A variable of a suspended function that holds something others may wait for.
///
/// A guard that was moved away, for instance into `drop`, may leave its bytes behind and be told all the
/// same: a hold tells what the task took, and not for certain that it has it still. Of variables that share a
/// name in one function the compiler describes the first alone, so a guard that goes by its lock's name
/// (`let state = state.lock().await`) is not found. Neither is what a `Vec` or a map holds, or an `Arc`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Hold {
    /// What kind of thing it is.
    pub kind: HoldKind,
    /// What it holds.
    #[serde(skip)]
    pub of: Resource,
    /// The variable's name; for a temporary what the compiler calls it, such as `__2`.
    pub variable: Arc<str>,
    /// The function that it is a variable of.
    pub function: Arc<str>,
}

/// What kind of thing is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HoldKind {
    /// The guard of a `Mutex`, or of a `RwLock` that was locked to write: nobody else has one.
    Guard,
    /// The guard of a `RwLock` that was locked to read.
    ReadGuard,
    /// A permit of a semaphore, or of a bounded channel's: dropping it makes room there.
    Permit,
    /// The receiver of a bounded channel: nobody else reads it.
    Receiver,
}

impl Hold {
    /// A hold of this kind, of something that `of` tells from everything else.
    pub fn new(kind: HoldKind, of: u64, variable: &str, function: &str) -> Self {
        Self { kind, of: Resource(of), variable: variable.into(), function: function.into() }
    }
}

impl Resource {
    /// Told from all others by this number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }
}
