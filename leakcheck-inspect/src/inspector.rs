//! The front door: an image's knowledge, put to work on a process's memory.

use crate::index::Index;
use crate::{Error, Frame, Image, Memory, Node, SpawnSite, Task, TypeId};
use crate::{frames, spawn_sites};

/// A process to look into: its memory, and how far its executable was moved when it was loaded.
#[derive(Clone, Copy)]
pub struct Process<'a> {
    /// Where bytes come from.
    pub memory: &'a dyn Memory,
    /// What must be added to an address of the executable file to have the one in memory.
    pub bias: u64,
}

/// Reads tasks and await trees by what an executable's debug info says of its types.
///
/// Keep it: what it has learnt makes the next reading fast. Any thread may use it.
pub struct Inspector {
    index: Index,
}

impl Inspector {
    /// # Errors
    /// ..
    pub fn new(image: Image) -> Result<Self, Error> {
        Ok(Self { index: Index::new(image) })
    }

    /// Every task that the runtime of the `tokio::runtime::Handle` at this address owns.
    ///
    /// # Errors
    /// ..
    pub fn tasks(&self, _process: Process<'_>, _handle: u64) -> Result<Vec<Task>, Error> {
        Err(crate::error::Kind::NoTypes.into())
    }

    /// The future at `data` whose `dyn Future` vtable is at `vtable`.
    ///
    /// # Errors
    /// ..
    pub fn future(&self, _process: Process<'_>, _data: u64, _vtable: u64) -> Result<Node, Error> {
        Err(crate::error::Kind::NoTypes.into())
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
        spawn_sites::spawn_sites(&self.index, future)
    }

    /// The functions at an address of the process's code, innermost first: several where some were
    /// inlined. Empty where the debug info does not tell.
    ///
    /// A return address may belong to the next line, or even to the next function: for one, ask for
    /// the address before it.
    pub fn frames(&self, process: Process<'_>, address: u64) -> Vec<Frame> {
        match address.checked_sub(process.bias) {
            Some(address) => frames::frames(&self.index, address),
            None => Vec::new(),
        }
    }
}

impl std::fmt::Debug for Inspector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspector").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Process<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("bias", &self.bias).finish_non_exhaustive()
    }
}

impl Process<'static> {
    /// The process that calls.
    ///
    /// # Errors
    /// ..
    pub fn own() -> Result<Self, Error> {
        Err(crate::error::Kind::Platform.into())
    }
}
