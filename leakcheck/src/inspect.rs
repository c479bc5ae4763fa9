//! The process-wide inspector: the only room that opens the executable, and only once something
//! was left to be looked at.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use leakcheck_inspect::{
    Frame, Hold, Image, Inspector, Node, NodeKind, Phase, Process, Source, SpawnSite, Task,
    TaskState, TypeId,
};
use tokio::runtime::Handle;

use crate::survivor::State;

static INSPECTOR: OnceLock<Result<Inspector, String>> = OnceLock::new();

/// Keeps what was learnt of the executable for the next process, if anything was. Whether that works
/// changes no report, so nobody is told if it does not.
pub(crate) fn keep() {
    if let Some(Ok(inspector)) = INSPECTOR.get() {
        let _ = inspector.save();
    }
}

/// A folder of our own in cargo's target folder, which is told by the tag that cargo puts into it.
/// A program that was started from elsewhere keeps nothing.
fn cache_folder() -> Option<PathBuf> {
    let executable = std::env::current_exe().ok()?;
    let target = executable.ancestors().skip(1).find(|folder| {
        let tag = std::fs::read_to_string(folder.join("CACHEDIR.TAG"));
        tag.is_ok_and(|tag| tag.contains("cargo"))
    })?;
    Some(target.join("leakcheck").join("facts"))
}

/// Now, by the clock that the runtime's timers go by: a paused one is elsewhere.
fn on_clock_of(runtime: &Handle, now: Option<Duration>) -> Option<Duration> {
    let _entered = runtime.enter();
    let (theirs, ours) = (tokio::time::Instant::now().into_std(), Instant::now());
    if theirs > ours { now?.checked_add(theirs - ours) } else { now?.checked_sub(ours - theirs) }
}

/// A look into this process, by what its executable says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    inspector: &'static Inspector,
    process: Process<'static>,
}

impl Look {
    /// The first one in a process reads the executable, or what an earlier process learnt of it. The
    /// reason why it cannot be had names the remedy, where there is one.
    pub(crate) fn new() -> Result<Self, String> {
        let opened = INSPECTOR.get_or_init(|| {
            let image = Image::current().map_err(|error| error.to_string())?;
            Ok(match cache_folder() {
                Some(folder) => Inspector::with_cache(image, &folder),
                None => Inspector::new(image),
            })
        });
        let inspector = opened.as_ref().map_err(Clone::clone)?;
        let process = Process::own().map_err(|error| error.to_string())?;
        Ok(Self { inspector, process })
    }

    /// Every task that the runtime owns and that is not over.
    pub(crate) fn tasks(self, runtime: &Handle) -> Result<Vec<Inspected>, String> {
        let handle = std::ptr::from_ref(runtime) as u64;
        let process = Process { now: on_clock_of(runtime, self.process.now), ..self.process };
        let tasks = self.inspector.tasks(process, handle).map_err(|error| error.to_string())?;
        let over = |task: &Task| matches!(task.phase, Phase::Finished);
        Ok(tasks.into_iter().filter(|task| !over(task)).map(Inspected::from).collect())
    }

    /// The state of the task `id`, which the thread with this stack runs at the moment.
    pub(crate) fn find_running(self, stack: u64, id: u64) -> Result<Option<TaskState>, String> {
        let found = self.inspector.find_running(self.process, stack, id);
        found.map_err(|error| error.to_string())
    }

    /// The future behind the fat pointer that lies at this address.
    pub(crate) fn future(self, fat_pointer: u64) -> Result<Node, String> {
        let word = |at| {
            let mut bytes = [0; 8];
            self.process.memory.read(at, &mut bytes).map(|()| u64::from_le_bytes(bytes))
        };
        let node = word(fat_pointer).and_then(|data| {
            self.inspector.future(self.process, data, word(fat_pointer.saturating_add(8))?)
        });
        node.map_err(|error| error.to_string())
    }

    /// The places in the program that spawn this future: one is exact, several are candidates.
    pub(crate) fn spawn_sites(self, future: TypeId) -> Vec<SpawnSite> {
        // Without them a report says less, and nothing that is wrong.
        self.inspector.spawn_sites(future).unwrap_or_default()
    }

    /// The functions around the call that returns to this address, innermost first.
    pub(crate) fn frames(self, returns_to: usize) -> Vec<Frame> {
        self.inspector.frames(self.process, (returns_to as u64).saturating_sub(1))
    }
}

/// A runtime's tasks by their ids, as they were at some moment.
#[derive(Debug)]
pub(crate) struct Inspection {
    pub(crate) tasks: Result<BTreeMap<u64, Inspected>, String>,
    made: Instant,
    took: Duration,
}

impl Inspection {
    /// While somebody waits, looking takes at most one part in this many of the time.
    const REST: u32 = 4;

    pub(crate) fn of(runtime: &Handle) -> Self {
        // The executable is opened once: that tells nothing of how long the next look takes.
        let look = Look::new();
        let made = Instant::now();
        let tasks = look.and_then(|look| look.tasks(runtime));
        let tasks = tasks.map(|tasks| tasks.into_iter().map(|task| (task.id, task)).collect());
        Self { tasks, made, took: made.elapsed() }
    }

    /// Whether it is too early to look again.
    pub(crate) fn is_fresh(&self) -> bool {
        self.made.elapsed() < self.took * Self::REST
    }
}

/// What inspection found of one task, as far as a report has a use for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Inspected {
    pub(crate) id: u64,
    pub(crate) phase: Phase,
    pub(crate) unwakeable: bool,
    pub(crate) future: Option<Arc<str>>,
    pub(crate) tree: Option<Node>,
    /// Why there is no tree, or not all of it.
    pub(crate) unknown: Option<String>,
    pub(crate) holds: Vec<Hold>,
    /// Where tokio keeps it.
    pub(crate) spawned_at: Option<Source>,
    pub(crate) type_id: Option<TypeId>,
}

impl From<Task> for Inspected {
    fn from(task: Task) -> Self {
        Self {
            id: task.id,
            phase: task.phase,
            unwakeable: task.is_unwakeable(),
            future: task.future,
            tree: task.tree,
            unknown: task.unknown,
            holds: task.holds,
            spawned_at: task.spawned_at,
            type_id: task.type_id,
        }
    }
}

impl Inspected {
    /// What it was doing.
    pub(crate) fn state(&self) -> Option<State> {
        let unstarted = self.tree.as_ref().is_some_and(|tree| tree.kind == NodeKind::Unstarted);
        match State::of(self.phase) {
            // It waits for its first turn.
            Some(State::Notified) if unstarted => Some(State::NeverPolled),
            state => state,
        }
    }
}

#[cfg(test)]
impl Inspected {
    /// A waiting task of which only this is known.
    pub(crate) fn test(id: u64, future: &str, tree: Option<Node>) -> Self {
        Self {
            id,
            phase: Phase::Waiting,
            unwakeable: false,
            future: Some(future.into()),
            tree,
            unknown: None,
            holds: Vec::new(),
            spawned_at: None,
            type_id: None,
        }
    }
}
