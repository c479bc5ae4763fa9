//! What a way to wait is given: it spawns its tasks here, and leaves here what they wait for.

use std::any::Any;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Waker};

use leakcheck_inspect::Phase;
use tokio::runtime::Handle;
use tokio::task::{Id, JoinHandle};

/// One way to wait. The lines `//=` above its function say how its tasks have to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) source: &'static str,
    pub(crate) start: fn(&mut Park),
}

/// Lists a file's ways.
macro_rules! ways {
    ($($name:ident),* $(,)?) => {
        pub(crate) const WAYS: &[$crate::harness::Way] = &[$($crate::harness::Way {
            name: stringify!($name),
            file: file!(),
            source: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", file!())),
            start: $name,
        }),*];
    };
}
pub(crate) use ways;

/// The runtimes that everything is tried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    CurrentThread,
    MultiThread,
    Local,
}

impl Flavor {
    pub(crate) const ALL: [Self; 3] = [Self::CurrentThread, Self::MultiThread, Self::Local];
    /// Threads that poll tasks.
    pub(crate) fn workers(self) -> usize {
        if self == Self::MultiThread { 2 } else { 1 }
    }
}

/// A task, and what is known of it beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Parked {
    pub(crate) way: usize,
    pub(crate) id: u64,
    /// Whether its JoinHandle is kept.
    pub(crate) joined: bool,
    pub(crate) spawned_at: Option<(&'static str, u32)>,
    pub(crate) when: When,
}

/// When a task is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// As soon as it waits.
    Parked,
    /// While every worker is busy, so that nothing moves on.
    Busy(&'static [Phase]),
}

impl Parked {
    /// What it may do when it is looked at.
    pub(crate) fn phases(&self) -> &'static [Phase] {
        match self.when {
            When::Parked => &[Phase::Waiting],
            When::Busy(phases) => phases,
        }
    }
}

/// A future that no runtime has, polled by hand until nothing happens any more.
pub(crate) struct Root {
    pub(crate) way: usize,
    pub(crate) future: Pin<Box<dyn Future<Output = ()>>>,
}

/// To be done while every worker is busy.
pub(crate) type Deed = Box<dyn FnOnce(&Handle) -> Option<JoinHandle<()>> + Send>;

/// Where the tasks of all ways are.
#[derive(Default)]
pub(crate) struct Park {
    pub(crate) way: usize,
    pub(crate) tasks: Vec<Parked>,
    pub(crate) roots: Vec<Root>,
    pub(crate) conditions: Vec<Box<dyn Fn() -> bool>>,
    pub(crate) deeds: Vec<(usize, &'static [Phase], Deed)>,
    /// The way whose task is the one that keeps a worker busy.
    pub(crate) busy_way: Option<usize>,
    kept: Vec<Box<dyn Any>>,
}

impl Park {
    /// Keeps what the tasks wait for.
    pub(crate) fn keep<T: 'static>(&mut self, kept: T) {
        self.kept.push(Box::new(kept));
    }

    /// Spawns a task that will wait, and keeps its handle.
    #[track_caller]
    pub(crate) fn spawn<F>(&mut self, future: F)
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let handle = tokio::spawn(future);
        self.look_at(&handle, true);
        self.keep(handle);
    }

    /// The same, with nobody to join it.
    #[track_caller]
    pub(crate) fn spawn_detached<F>(&mut self, future: F)
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let handle = tokio::spawn(future);
        self.look_at(&handle, false);
    }

    /// The same, for whoever aborts the task and drops its handle.
    #[track_caller]
    pub(crate) fn spawn_to_abort<F>(&mut self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let handle = tokio::spawn(future);
        self.look_at(&handle, false);
        handle
    }

    /// For a runtime that stays on its thread.
    #[track_caller]
    pub(crate) fn spawn_local<F>(&mut self, future: F)
    where
        F: Future<Output: 'static> + 'static,
    {
        let handle = tokio::task::spawn_local(future);
        self.look_at(&handle, true);
        self.keep(handle);
    }

    /// Spawns a task that is woken again and again.
    #[track_caller]
    pub(crate) fn spawn_restless<F>(&mut self, future: F, phases: &'static [Phase])
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let handle = tokio::spawn(future);
        self.look_at(&handle, true);
        self.tasks.last_mut().expect("just added").when = When::Busy(phases);
        self.keep(handle);
    }

    /// Looks at a task that was spawned elsewhere.
    #[track_caller]
    pub(crate) fn look_at<T>(&mut self, handle: &JoinHandle<T>, joined: bool) {
        let at = Location::caller();
        self.add(handle.id(), joined, Some((at.file(), at.line())));
    }

    /// The same, where a set has the handle.
    pub(crate) fn look_at_id(&mut self, id: Id) {
        self.add(id, true, None);
    }

    fn add(&mut self, id: Id, joined: bool, spawned_at: Option<(&'static str, u32)>) {
        let (way, id, when) = (self.way, number(id), When::Parked);
        self.tasks.push(Parked { way, id, joined, spawned_at, when });
    }

    /// The last task is not looked at before it is woken, by what is done while every worker is busy.
    pub(crate) fn last_when_busy(
        &mut self,
        phases: &'static [Phase],
        deed: impl FnOnce() + Send + 'static,
    ) {
        self.tasks.last_mut().expect("a task").when = When::Busy(phases);
        let deed: Deed = Box::new(move |_| {
            deed();
            None
        });
        self.deeds.push((self.way, phases, deed));
    }

    /// Spawns a task while every worker is busy.
    pub(crate) fn spawn_when_busy<F>(&mut self, phases: &'static [Phase], future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let deed: Deed = Box::new(move |handle| Some(handle.spawn(future)));
        self.deeds.push((self.way, phases, deed));
    }

    /// One of the tasks that keep the workers busy is this way's.
    pub(crate) fn be_busy(&mut self) {
        self.busy_way = Some(self.way);
    }

    /// Polls a future here, as `block_on` would.
    pub(crate) fn poll_here(&mut self, future: impl Future<Output = ()> + 'static) {
        self.roots.push(Root { way: self.way, future: Box::pin(future) });
    }

    /// Nothing is looked at before this holds.
    pub(crate) fn until(&mut self, condition: impl Fn() -> bool + 'static) {
        self.conditions.push(Box::new(condition));
    }

    /// Polls what has no runtime, and tells whether every condition holds.
    pub(crate) fn step(&mut self) -> bool {
        for root in &mut self.roots {
            let poll = root.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(poll.is_pending(), "a future that was to wait is ready");
        }
        self.conditions.iter().all(|condition| condition())
    }
}

pub(crate) fn number(id: Id) -> u64 {
    id.to_string().parse().expect("ids are numbers")
}
