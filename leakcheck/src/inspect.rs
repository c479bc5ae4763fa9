//! The process-wide inspector: the only room that opens the executable, and only once something
//! was left to be looked at.

use std::sync::OnceLock;

use leakcheck_inspect::{Frame, Image, Inspector, Memory, Node, Process, SpawnSite, Task, TypeId};
use tokio::runtime::Handle;

/// A look into this process, by what its executable says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    inspector: &'static Inspector,
    process: Process<'static>,
}

impl Look {
    /// The first one in a process reads the executable. The reason why it cannot be had names the
    /// remedy, where there is one.
    pub(crate) fn new() -> Result<Self, String> {
        static INSPECTOR: OnceLock<Result<Inspector, String>> = OnceLock::new();
        let opened = INSPECTOR.get_or_init(|| {
            let inspector = Image::current().map(Inspector::new);
            inspector.map_err(|error| error.to_string())
        });
        let inspector = opened.as_ref().map_err(Clone::clone)?;
        let process = Process::own().map_err(|error| error.to_string())?;
        Ok(Self { inspector, process })
    }

    /// Every task that the runtime owns and that is not over.
    pub(crate) fn tasks(self, runtime: &Handle) -> Result<Vec<Task>, String> {
        let handle = std::ptr::from_ref(runtime) as u64;
        let tasks =
            self.inspector.tasks(self.process, handle).map_err(|error| error.to_string())?;
        let over = |task: &Task| matches!(task.phase, leakcheck_inspect::Phase::Finished);
        Ok(tasks.into_iter().filter(|task| !over(task)).collect())
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
