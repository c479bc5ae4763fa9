//! A survivor as plain data: what the registry knew of a task, made readable.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use leakcheck_inspect::Node;
use serde::{Serialize, Serializer};
use tokio::task::Id;

use crate::blame::SpawnOrigin;
use crate::ignore::Facts;
use crate::place::{Place, Workspace};
use crate::registry::{Live, Registry, Spawner};

/// A task that outlived its test, or several that are alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Survivor {
    /// The leak's identity across runs: the spawn place and its line's text, without line numbers.
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
    /// The function around that place, or the workspace's first where a library called `spawn`.
    pub spawned_by: Option<String>,
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
    /// Where it is stuck.
    pub awaits: Option<Node>,
    /// Why there is no await tree, or not all of it.
    pub uninspected: Option<String>,
    /// Nobody holds a waker of it: it can never run again.
    pub unwakeable: Option<bool>,
    /// What kind of leak it is, where that is known.
    pub cause: Option<Cause>,
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

fn ancestors(live: &Live, registry: &Registry, workspace: &Workspace) -> Vec<Ancestor> {
    let ancestor = |(id, at)| Ancestor {
        id: number(id),
        spawned_at: workspace.place_of(at),
        ended: registry.with(id, |_| ()).is_none(),
    };
    live.ancestors.iter().map(ancestor).collect()
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

/// What kind of leak it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// It was polled over and over while everything else was at rest.
    BusyLoop,
    /// Its poll did not return: it blocks its worker thread.
    BlocksItsWorker,
    /// It never got to run.
    NeverPolled,
}

/// The number in a task id, which tokio shows but does not give.
pub(crate) fn number(id: Id) -> u64 {
    id.to_string().parse().unwrap_or(0)
}

/// One surviving task, looked up: what ignores and groups are decided on.
#[derive(Clone, Debug)]
pub(crate) struct Identified {
    pub(crate) survivor: Survivor,
    pub(crate) ignored_as_current: bool,
    places: Vec<Place>,
    spawners: Option<Vec<String>>,
}

impl Identified {
    /// Makes the registry's facts readable. Slow if a backtrace has to be resolved.
    pub(crate) fn new(id: Id, live: &Live, registry: &Registry, workspace: &Workspace) -> Self {
        let now = Instant::now();
        let spawned_at = workspace.place_of(live.spawned_at);
        let frames = live.backtrace.as_ref().map(|raw| raw.frames());
        let ancestors = ancestors(live, registry, workspace);
        let above = ancestors.iter().map(|ancestor| &ancestor.spawned_at);
        let origin = SpawnOrigin::new(&spawned_at, frames, above, workspace, false);
        let mut places = vec![spawned_at.clone()];
        places.extend(origin.blame.iter().filter(|blame| **blame != spawned_at).cloned());
        let source_line = origin.blame.as_ref().and_then(|blame| workspace.source_line(blame));
        let survivor = Survivor {
            signature: signature(
                origin.blame.as_ref().unwrap_or(&spawned_at),
                source_line.as_deref(),
            ),
            count: 1,
            id: Some(number(id)),
            kind: Kind::Task,
            state: Some(state(live)),
            age_ms: Some(ms(now.saturating_duration_since(live.born))),
            idle_ms: Some(ms(now.saturating_duration_since(live.last_poll))),
            polls: Some(live.polls + u64::from(live.running)),
            polls_in_grace: Some(live.polls - live.polls_before_settling),
            spawned_at: Some(spawned_at),
            spawned_by: origin.function,
            blame: origin.blame,
            source_line,
            spawner: Some(spawner(live.spawner)),
            ancestors,
            future: None,
            awaits: None,
            uninspected: None,
            unwakeable: None,
            cause: None,
            help: None,
        };
        Self {
            survivor,
            ignored_as_current: live.ignored_as_current,
            places,
            spawners: origin.functions,
        }
    }

    #[cfg(test)]
    pub(crate) fn test(place: Place) -> Self {
        let survivor = Survivor::counted(1);
        Self { survivor, ignored_as_current: false, places: vec![place], spawners: None }
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts { places: &self.places, spawners: self.spawners.as_deref() }
    }
}

impl Survivor {
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
            spawned_by: None,
            blame: None,
            source_line: None,
            spawner: None,
            ancestors: Vec::new(),
            future: None,
            awaits: None,
            uninspected: None,
            unwakeable: None,
            cause: None,
            help: None,
        }
    }

    /// What makes two survivors alike in a report: the same line spawned them, under a parent of
    /// the same line, and they do the same.
    fn likeness(&self) -> impl Eq + std::hash::Hash + use<> {
        let parent = self.ancestors.first().map(|parent| parent.spawned_at.clone());
        (self.spawned_at.clone(), self.blame.clone(), parent, self.state, self.cause)
    }
}

/// Alike survivors become one entry with a count, in the order of their first.
pub(crate) fn group(survivors: impl IntoIterator<Item = Survivor>) -> Vec<Survivor> {
    let mut groups: Vec<Survivor> = Vec::new();
    let mut index = HashMap::new();
    for survivor in survivors {
        let at = *index.entry(survivor.likeness()).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.count += survivor.count,
            None => groups.push(survivor),
        }
    }
    groups
}

fn signature(place: &Place, source_line: Option<&str>) -> String {
    match source_line {
        Some(line) => format!("{} {line}", place.file),
        None => place.file.clone(),
    }
}

fn state(live: &Live) -> State {
    match (live.running, live.polls) {
        (true, _) => State::Running,
        (false, 0) => State::NeverPolled,
        (false, _) => State::Waiting,
    }
}

fn spawner(spawner: Spawner) -> SpawnedBy {
    match spawner {
        Spawner::Body => SpawnedBy::Body,
        Spawner::Task(id) => SpawnedBy::Task(number(id)),
        Spawner::Thread => SpawnedBy::Thread,
    }
}

pub(crate) fn ms(duration: Duration) -> f64 {
    // Microseconds are as fine as the clock's reading is worth.
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
