//! The front door: an image's knowledge, put to work on a process's memory.

use std::collections::HashMap;
use std::time::Duration;

use crate::error::Kind;
use crate::knowledge::{Facts, Knowledge};
use crate::memory::word;
use crate::reader::Reader;
use crate::tokio::OwnedTasks;
use crate::tree::{Frame, Node, SpawnSite, Task, TypeId};
use crate::walk::{At, Walk};
use crate::{Error, Image, Memory, ProcessMemory};

/// A process to look into.
#[derive(Clone, Copy)]
pub struct Process<'a> {
    /// Where bytes come from.
    pub memory: &'a dyn Memory,
    /// What must be added to an address of the executable file to have the one in memory.
    pub bias: u64,
    /// The process's monotonic clock, if timers are to be told relative to it.
    pub now: Option<Duration>,
}

/// Reads tasks and await trees by what an executable's debug info says of its types.
///
/// Keep it: what it has learnt makes the next reading fast. Any thread may use it.
#[derive(Debug)]
pub struct Inspector {
    knowledge: Knowledge,
}

/// How often a task, or a list of tasks, that changes under our eyes is read anew.
const TRIES: usize = 16;

impl Inspector {
    /// An inspector of processes that run this image.
    pub fn new(image: Image) -> Self {
        Self { knowledge: Knowledge::new(image, Facts::default()) }
    }

    /// Every task that the runtime of the `tokio::runtime::Handle` at this address owns, by id.
    ///
    /// A runtime owns what was spawned on it with `tokio::spawn` and the like. The tasks of a `LocalSet`
    /// are shown below the future that runs the set.
    ///
    /// # Races
    ///
    /// Nothing is locked, and the runtime may run meanwhile. Each task is told as it was at some moment of
    /// the call; a task that comes or goes meanwhile may be missing. A task that is running has no tree.
    ///
    /// # Errors
    ///
    /// Where the image has no debug info about tokio's types, where no handle is at the address, and
    /// where the tasks come and go so fast that their list cannot be followed.
    pub fn tasks(&self, process: Process<'_>, handle: u64) -> Result<Vec<Task>, Error> {
        let layout = self.knowledge.layout()?;
        let owned = layout.owned_tasks(process.memory, handle)?;
        let reader = Reader::new(process.memory);
        let walk = Walk::new(&self.knowledge, &reader, process.bias, process.now);
        let mut tasks = HashMap::new();
        let most = owned.most()?;
        for list in 0..owned.lists() {
            let follow = |tasks: &mut HashMap<u64, Task>| {
                let mut next = owned.head(list)?;
                let mut seen = 0;
                while next != 0 {
                    seen += 1;
                    if seen > most {
                        return Err(Kind::Unsettled.into());
                    }
                    let (task, after) = owned_task(&walk, &reader, process, &owned, (list, next))?;
                    tasks.insert(task.id, task);
                    next = after;
                }
                Ok(())
            };
            let mut followed: Result<(), Error> = Ok(());
            for _ in 0..TRIES {
                followed = follow(&mut tasks);
                if followed.is_ok() {
                    break;
                }
                reader.renew();
            }
            followed?;
        }
        let mut tasks: Vec<Task> = tasks.into_values().collect();
        tasks.sort_unstable_by_key(|task| task.id);
        Ok(tasks)
    }

    /// The tree of the future at `data` whose `dyn Future` vtable is at `vtable`: the two words of a
    /// `&dyn Future`.
    ///
    /// The future must not be polled meanwhile: one that runs looks as it did when it was last
    /// suspended.
    ///
    /// # Errors
    ///
    /// Where the debug info does not describe the vtable or the future, or the memory is not what
    /// it says.
    pub fn future(&self, process: Process<'_>, data: u64, vtable: u64) -> Result<Node, Error> {
        let reader = Reader::new(process.memory);
        let walk = Walk::new(&self.knowledge, &reader, process.bias, process.now);
        let ty = self.knowledge.behind_vtable(vtable.wrapping_sub(process.bias))?;
        let ty = ty.ok_or_else(|| Error::unknown("the debug info", "the future's vtable"))?;
        settled(&walk, &reader, |walk| walk.tree(At { ty, address: data }))
    }

    /// The places in the program's code that spawn futures of this type. One is exact; several are
    /// candidates.
    ///
    /// # Errors
    /// ..
    pub fn spawn_sites(&self, _future: TypeId) -> Result<Vec<SpawnSite>, Error> {
        Err(crate::error::Kind::NoTypes.into())
    }

    /// The functions at an address of the process's code, innermost first: several where some were
    /// inlined. Empty where the debug info does not tell.
    pub fn frames(&self, _process: Process<'_>, _address: u64) -> Vec<Frame> {
        Vec::new()
    }
}

/// The task at this address of a list, and the address of the one after it. One that does not stand
/// still is told without its tree.
fn owned_task(
    walk: &Walk<'_>,
    reader: &Reader<'_>,
    process: Process<'_>,
    owned: &OwnedTasks<'_>,
    (list, task): (u64, u64),
) -> Result<(Task, u64), Error> {
    let held = |walk: &Walk<'_>| {
        let (id, after) = (walk.task_id(task)?, walk.next_task(task)?);
        match owned.holds(walk.memory, list, (task, id, after))? {
            true => Ok(after),
            false => Err(Kind::Unsettled.into()),
        }
    };
    settled(walk, reader, |walk| held(walk).and_then(|after| Ok((walk.task(task)?, after))))
        .or_else(|_| {
            let restless = |walk: &Walk<'_>| walk.restless_task(task, process.memory);
            settled(walk, reader, |walk| held(walk).and_then(|after| Ok((restless(walk)?, after))))
        })
}

/// What `read` gives once everything that it read was true at the same moment.
fn settled<T>(
    walk: &Walk<'_>,
    reader: &Reader<'_>,
    read: impl Fn(&Walk<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut last = Err(Kind::Unsettled.into());
    for _ in 0..TRIES {
        reader.begin();
        last = read(walk);
        if reader.unchanged() {
            return last;
        }
    }
    match last {
        Err(error) => Err(error),
        Ok(_) => Err(Kind::Unsettled.into()),
    }
}

impl std::fmt::Debug for Process<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process")
            .field("bias", &self.bias)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Process<'static> {
    /// The process that calls, at this moment.
    ///
    /// # Errors
    ///
    /// On other systems than Linux.
    pub fn own() -> Result<Self, Error> {
        static MEMORY: std::sync::LazyLock<ProcessMemory> =
            std::sync::LazyLock::new(ProcessMemory::own);
        let start = crate::image::own_start()?;
        // An executable that is not position-independent is loaded where its file says.
        let kind = word(&*MEMORY, start, 16)? & 0xffff;
        let bias = if kind == u64::from(object::elf::ET_DYN) { start } else { 0 };
        Ok(Self { memory: &*MEMORY, bias, now: crate::memory::monotonic_now() })
    }
}
