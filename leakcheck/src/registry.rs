//! Who is alive on one runtime: ids and plain facts, never a task.
//!
//! # Invariants
//!
//! 1. One registry per runtime. It is reached through the runtime's own hooks and threads only.
//! 2. It holds ids, places and times: it cannot prolong a task's life.
//! 3. Hooks run inside tokio and inside other people's `spawn` calls: nothing here panics, waits
//!    for anything but its own short locks, or calls foreign code under one.
//! 4. A terminate event of an unknown id is no news: blocking work has those without a spawn event.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::Id;

use crate::backtrace::RawBacktrace;
use crate::body::Body;
use crate::ids::{IdHash, Polling};
use crate::panics::TaskPanic;

/// The live tasks of a runtime, as its hooks told them.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: Box<[Mutex<Shard>]>,
    #[cfg_attr(not(tokio_unstable), expect(dead_code, reason = "the plain tier has no hooks"))]
    capture: Capture,
    runtime: OnceLock<tokio::runtime::Id>,
    body: Body,
    panics: Mutex<Vec<TaskPanic>>,
    looking: AtomicUsize,
    /// The test's own thread first.
    threads: Mutex<Vec<Arc<Polling>>>,
    ignored_current: AtomicBool,
    /// In the plain tier: tasks with smaller ids were alive then, or are over.
    mark: AtomicU64,
    settling: AtomicBool,
    ended: AtomicUsize,
    changed: Notify,
}

type Shard = HashMap<Id, Live, IdHash>;

/// Which spawns keep their raw backtrace (it costs microseconds).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Capture {
    /// Those whose place lies outside of the workspace, and so says little.
    OutsideWorkspace,
    /// All: the test wants to see them, or an ignore asks for the functions that spawned.
    All,
}

/// What is known of a live task.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) spawner: Spawner,
    pub(crate) ancestors: Ancestors,
    pub(crate) backtrace: Option<Box<RawBacktrace>>,
    pub(crate) born: Instant,
    /// When its last poll ended.
    pub(crate) last_poll: Instant,
    /// Polls that ended.
    pub(crate) polls: u64,
    /// Those that ended before settling began.
    pub(crate) polls_before_settling: u64,
    /// Whether a thread polls it. Only snapshots know.
    pub(crate) running: bool,
    /// It lived when the test said `ignore_current()`.
    pub(crate) ignored_as_current: bool,
}

/// Who called `spawn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(tokio_unstable), expect(dead_code, reason = "the plain tier has no hooks"))]
pub(crate) enum Spawner {
    /// The test's body.
    Body,
    Task(Id),
    /// A thread that runs no task of this runtime.
    Thread,
}

/// The nearest few tasks above a task, parent first. Copied at spawn, so that no ended task need
/// be remembered; bounded, because a task that replaces itself for ever has no end of ancestors.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ancestors {
    nearest: [Option<(Id, &'static Location<'static>)>; Self::MOST],
}

impl Ancestors {
    const MOST: usize = 4;

    #[cfg(tokio_unstable)]
    fn below(parent: Id, spawned_at: &'static Location<'static>, of_parent: &Self) -> Self {
        let mut nearest = [None; Self::MOST];
        nearest[0] = Some((parent, spawned_at));
        nearest[1..].copy_from_slice(&of_parent.nearest[..Self::MOST - 1]);
        Self { nearest }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id, &'static Location<'static>)> + '_ {
        self.nearest.iter().flatten().copied()
    }
}

impl Registry {
    /// `threads` is how many may report at once: as many shards keep them out of each other's way.
    pub(crate) fn new(threads: usize, capture: Capture) -> Self {
        let shards = threads.clamp(1, 16).next_power_of_two();
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            capture,
            runtime: OnceLock::new(),
            body: Body::default(),
            panics: Mutex::default(),
            looking: AtomicUsize::new(0),
            threads: Mutex::new(vec![Arc::default()]),
            ignored_current: AtomicBool::new(false),
            mark: AtomicU64::new(0),
            settling: AtomicBool::new(false),
            ended: AtomicUsize::new(0),
            changed: Notify::new(),
        }
    }

    /// Tells whose registry it is, once the runtime stands.
    pub(crate) fn set_runtime(&self, handle: &Handle) {
        let _ = self.runtime.set(handle.id());
    }

    /// Whether the code that calls runs on this registry's runtime, and not on one inside it.
    pub(crate) fn is_of_current_runtime(&self) -> bool {
        Handle::try_current().is_ok_and(|current| self.is_of(&current))
    }

    /// Whether it is this runtime's registry.
    pub(crate) fn is_of(&self, handle: &Handle) -> bool {
        self.runtime.get() == Some(&handle.id())
    }

    /// What the runtime blocks on.
    pub(crate) fn body(&self) -> &Body {
        &self.body
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// The live tasks, oldest id first.
    pub(crate) fn snapshot(&self) -> Vec<(Id, Live)> {
        let threads = lock(&self.threads).clone();
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(lock(shard).iter().map(|(id, live)| {
                let running = threads.iter().any(|thread| thread.polls(*id));
                (*id, Live { running, ..live.clone() })
            }));
        }
        all.sort_by_key(|(id, _)| crate::survivor::number(*id));
        all
    }

    /// The test's own thread, as one that polls.
    pub(crate) fn own_thread(&self) -> Arc<Polling> {
        Arc::clone(&lock(&self.threads)[0])
    }

    /// One more thread that may poll the runtime's tasks.
    pub(crate) fn add_thread(&self) -> Arc<Polling> {
        let polling = Arc::new(Polling::default());
        lock(&self.threads).push(Arc::clone(&polling));
        polling
    }

    /// Looks at one live task.
    pub(crate) fn with<R>(&self, id: Id, look: impl FnOnce(&Live) -> R) -> Option<R> {
        lock(self.shard(id)).get(&id).map(look)
    }

    /// The ids of the live tasks. Asked at each end of a task while settling: it copies no more.
    pub(crate) fn ids(&self) -> Vec<Id> {
        let mut ids = Vec::new();
        for shard in &self.shards {
            ids.extend(lock(shard).keys());
        }
        ids
    }

    /// What lives now may live: `ignore_current()`.
    pub(crate) fn ignore_current(&self) {
        self.ignored_current.store(true, Ordering::Relaxed);
        if cfg!(not(tokio_unstable)) {
            self.mark.store(crate::ids::mark(), Ordering::Relaxed);
        }
        self.for_each(|live| live.ignored_as_current = true);
    }

    /// Whether `ignore_current()` was said.
    pub(crate) fn has_ignored_current(&self) -> bool {
        self.ignored_current.load(Ordering::Relaxed)
    }

    /// Whether a task of which no hook told was spawned before `ignore_current()` was said.
    pub(crate) fn spawned_before_mark(&self, task: u64) -> bool {
        task < self.mark.load(Ordering::Relaxed)
    }

    /// From now on each end of a task wakes [`Registry::changed`], and polls count as made while
    /// settling. `false` ends that.
    pub(crate) fn set_settling(&self, settling: bool) {
        self.settling.store(settling, Ordering::SeqCst);
        if settling {
            self.for_each(|live| live.polls_before_settling = live.polls);
        }
    }

    /// Completes after a task ended while settling.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Wakes who waits for [`Registry::changed`].
    pub(crate) fn wake_settle(&self) {
        self.changed.notify_one();
    }

    /// How many tasks ended while settling.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    /// Notes a panic. Looking into it may take longer than a grace, and while it does the task
    /// cannot end.
    pub(crate) fn note_panic(&self, look: impl FnOnce() -> TaskPanic) {
        self.looking.fetch_add(1, Ordering::SeqCst);
        let panic = look();
        lock(&self.panics).push(panic);
        self.looking.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether some thread is looking into a panic.
    pub(crate) fn looks_into_a_panic(&self) -> bool {
        self.looking.load(Ordering::SeqCst) > 0
    }

    pub(crate) fn take_panics(&self) -> Vec<TaskPanic> {
        std::mem::take(&mut *lock(&self.panics))
    }

    fn for_each(&self, mut change: impl FnMut(&mut Live)) {
        for shard in &self.shards {
            lock(shard).values_mut().for_each(&mut change);
        }
    }

    fn shard(&self, id: Id) -> &Mutex<Shard> {
        // The map inside a shard takes its bucket from the lowest bits and its tag from the highest.
        let hash = IdHash.hash_one(id) >> 40;
        &self.shards[hash as usize % self.shards.len()]
    }
}

/// What the hooks tell.
#[cfg(tokio_unstable)]
impl Registry {
    pub(crate) fn spawned(&self, id: Id, spawned_at: &'static Location<'static>, spawner: Spawner) {
        let ancestors = match spawner {
            Spawner::Task(parent) => self
                .with(parent, |live| Ancestors::below(parent, live.spawned_at, &live.ancestors))
                .unwrap_or_default(),
            Spawner::Body | Spawner::Thread => Ancestors::default(),
        };
        let outside = crate::place::is_outside_workspace(spawned_at);
        let wanted = outside || self.capture == Capture::All;
        let now = Instant::now();
        let live = Live {
            spawned_at,
            spawner,
            ancestors,
            backtrace: wanted.then(|| Box::new(RawBacktrace::capture())),
            born: now,
            last_poll: now,
            polls: 0,
            polls_before_settling: 0,
            running: false,
            ignored_as_current: false,
        };
        lock(self.shard(id)).insert(id, live);
    }

    /// Whether the hooks told of the poll that the task is in, and of the end of one before; `None`
    /// if they did not tell of the task.
    pub(crate) fn seen_polled(&self, id: Id, thread: &Polling) -> Option<(bool, bool)> {
        self.with(id, |live| (thread.polls(id), live.polls > 0))
    }

    pub(crate) fn poll_ended(&self, id: Id, thread: &Polling) {
        if !thread.ended() {
            // The task ended with its poll.
            return;
        }
        if let Some(live) = lock(self.shard(id)).get_mut(&id) {
            live.polls += 1;
            live.last_poll = Instant::now();
        }
    }

    pub(crate) fn terminated(&self, id: Id) {
        let known = lock(self.shard(id)).remove(&id).is_some();
        if known && self.settling.load(Ordering::SeqCst) {
            self.ended.fetch_add(1, Ordering::SeqCst);
            self.changed.notify_one();
        }
    }
}

/// A registry's own code does not panic under its locks (invariant 3), so the data is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
