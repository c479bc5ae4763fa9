//! The front door: an image's knowledge, put to work on a process's memory.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::cache::Cache;
use crate::error::Kind;
use crate::knowledge::{Facts, Knowledge};
use crate::memory::word;
use crate::reader::Reader;
use crate::tree::{Frame, Node, SpawnSite, Task, TypeId};
use crate::walk::{At, Walk};
use crate::{Error, Image, Memory, ProcessMemory, TaskState, follow};

/// A process to look into.
#[derive(Clone, Copy)]
pub struct Process<'a> {
    /// Where bytes come from.
    pub memory: &'a (dyn Memory + Sync),
    /// What must be added to an address of the executable file to have the one in memory.
    pub bias: u64,
    /// The clock that the process's timers go by, if they are to be told relative to it: the system's
    /// monotonic one, or where tokio's time is paused, that by as much earlier or later.
    pub now: Option<Duration>,
}

/// Reads tasks and await trees by what an executable's debug info says of its types.
///
/// Keep it: what it has learnt makes the next reading fast. Any thread may use it.
#[derive(Debug)]
pub struct Inspector {
    knowledge: Knowledge,
    cache: Option<Cache>,
    /// How many facts the cache has.
    kept: AtomicUsize,
}

impl Inspector {
    /// An inspector of processes that run this image.
    pub fn new(image: Image) -> Self {
        let kept = AtomicUsize::new(0);
        Self { knowledge: Knowledge::new(image, Facts::default()), cache: None, kept }
    }

    /// As [`Inspector::new`], starting with what an earlier process learnt of the same build, if it kept
    /// that in this folder with [`Inspector::save`].
    ///
    /// Files there are named by the image's build id; an image without one is learnt anew each time (the
    /// linker writes it, with `--build-id`, which is most systems' default). A
    /// file that is damaged, or of another version, is as good as none.
    pub fn with_cache(image: Image, folder: &Path) -> Self {
        let of_image = |id: &[u8]| Cache::new(folder, id, &image.debug_sizes());
        let cache = image.build_id().map(of_image);
        let facts = cache.as_ref().and_then(Cache::load).unwrap_or_default();
        let kept = AtomicUsize::new(facts.len());
        Self { knowledge: Knowledge::new(image, facts), cache, kept }
    }

    /// Keeps what was learnt for processes to come, if anything is new. Does nothing without a cache.
    ///
    /// # Races
    ///
    /// Any number of processes and threads may do so at once: a file takes another's place whole. What one of
    /// two learnt may then be lost to the other's file, and is learnt again.
    ///
    /// # Errors
    ///
    /// Where the folder or the file in it cannot be written.
    pub fn save(&self) -> std::io::Result<()> {
        let Some(cache) = &self.cache else {
            return Ok(());
        };
        let facts = self.knowledge.facts().clone();
        if facts.len() > self.kept.load(Ordering::Relaxed) {
            cache.save(&facts)?;
            self.kept.store(facts.len(), Ordering::Relaxed);
        }
        Ok(())
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
        with_room(|| follow::tasks(&self.knowledge, process, handle))
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
        with_room(|| self.read_future(process, data, vtable))
    }

    /// The places in the program's code that spawn futures of this type. One is exact; several are
    /// candidates. None where not every way to spawn one can be followed, through a function pointer
    /// for instance.
    ///
    /// A place is a line of the first function that is not tokio's, tokio-util's, futures' or the
    /// standard library's: for `iter.map(tokio::spawn)` that is where the iterator is run.
    ///
    /// # Errors
    ///
    /// Where the executable cannot be read, or the type is none of its types.
    pub fn spawn_sites(&self, future: TypeId) -> Result<Vec<SpawnSite>, Error> {
        self.knowledge.spawn_sites(future)
    }

    /// The functions at an address of the process's code, innermost first: several where some were
    /// inlined. Empty where the debug info does not tell.
    ///
    /// A return address may belong to the next line, or even to the next function: for one, ask for
    /// the address before it.
    pub fn frames(&self, process: Process<'_>, address: u64) -> Vec<Frame> {
        self.knowledge.frames(address.wrapping_sub(process.bias))
    }

    /// The state of the task `id` that the thread with this stack runs at this moment, as
    /// [`TaskLayout::find_running`](crate::TaskLayout::find_running) tells it.
    ///
    /// # Errors
    ///
    /// Where the image has no debug info about tokio's types, or nothing lies at `stack`.
    pub fn find_running(
        &self,
        process: Process<'_>,
        stack: u64,
        id: u64,
    ) -> Result<Option<TaskState>, Error> {
        self.knowledge.layout()?.find_running(process.memory, stack, id)
    }
}

impl Inspector {
    fn read_future(&self, process: Process<'_>, data: u64, vtable: u64) -> Result<Node, Error> {
        let reader = Reader::new(process.memory);
        let walk = Walk::new(&self.knowledge, &reader, process.bias, process.now);
        let ty = self.knowledge.behind_vtable(vtable.wrapping_sub(process.bias))?;
        let ty = ty.ok_or_else(|| Error::unknown("the debug info", "the future's vtable"))?;
        follow::settled(&walk, &reader, |walk| walk.tree(At { ty, address: data }))
    }
}

/// Walks need room on the stack, the more the less the program is optimised. How much a caller's thread
/// has left nobody knows, so they have a thread of their own for as long as they take.
fn with_room<T: Send>(read: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("leakcheck".to_owned());
        let reading = thread.stack_size(crate::walk::STACK * 3 / 2).spawn_scoped(scope, read);
        let reading =
            reading.map_err(|error| Kind::Known(format!("no thread to read on: {error}")))?;
        reading.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    })
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
    /// The process that calls, at this moment, with the system's clock: where tokio's time is paused, set
    /// [`Process::now`] to what that says.
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
