//! The task that runs on a thread, found without its runtime.
//!
//! Whoever polls a task must come back to it, so its address is on the thread's stack. Most words
//! there are something else; the task is told from them by what a task must be: its state says that
//! it runs, its vtable's offsets are those of a task's parts, in their order, and they lead to the id.

use super::layout::TaskLayout;
use super::state::TaskState;
use crate::memory::word;
use crate::{Error, Memory};

/// How much of a stack is searched.
const STACK: u64 = 1 << 20;

/// What is read at once. Memory is mapped by pages at least as large, so none is missed at the end.
const PAGE: u64 = 4096;

/// No task is larger than this.
const TASK: u64 = 1 << 40;

/// No task is held more often than this. What an allocator leaves in freed memory, mostly an
/// address, would mean more.
const REFS: u64 = 1 << 24;

impl TaskLayout {
    /// The task `id` that the thread with this stack runs at this moment, whoever owns it: a runtime,
    /// a `LocalSet`, or the pool of `spawn_blocking`.
    ///
    /// `stack` is the address of anything on the stack, above which (so in callers) the task runs:
    /// `std::ptr::from_ref(&local) as u64`. The thread must not go on meanwhile, so it is usually the calling one.
    ///
    /// None means only that the task was not found: this thread does not run it, or it is further up
    /// than a megabyte. So ask for the id that `tokio::task::try_id` gives on that thread.
    ///
    /// # Errors
    ///
    /// Where nothing lies at `stack`.
    pub fn find_running(
        &self,
        memory: &dyn Memory,
        stack: u64,
        id: u64,
    ) -> Result<Option<TaskState>, Error> {
        let mut page = [0; PAGE as usize];
        let first = stack & !7;
        let mut at = first;
        while at - first < STACK {
            let wanted = PAGE - at % PAGE;
            let bytes = page.get_mut(..wanted as usize).unwrap_or_default();
            match memory.read(at, bytes) {
                Ok(()) => {}
                Err(error) if at == first => return Err(error),
                Err(_) => break,
            }
            for bytes in bytes.chunks_exact(8) {
                let task = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
                if task >= PAGE && task % 8 == 0 {
                    if let Ok(Some(state)) = self.running(memory, task, id) {
                        return Ok(Some(state));
                    }
                }
            }
            let Some(next) = at.checked_add(wanted) else {
                break;
            };
            at = next;
        }
        Ok(None)
    }

    /// The state of the task at this address, if that is the one.
    fn running(&self, memory: &dyn Memory, task: u64, id: u64) -> Result<Option<TaskState>, Error> {
        let state = TaskState::of_word(word(memory, task, self.header.state)?);
        if !state.running || state.complete || !(1..REFS).contains(&state.refs) {
            return Ok(None);
        }
        let vtable = word(memory, task, self.header.vtable)?;
        let scheduler_at = word(memory, vtable, self.header.scheduler)?;
        let id_at = word(memory, vtable, self.header.id)?;
        let trailer_at = word(memory, vtable, self.header.trailer)?;
        let ordered = self.header.size <= scheduler_at
            && scheduler_at < id_at
            && id_at < trailer_at
            && trailer_at < TASK;
        let same = ordered && word(memory, task, id_at)? == id;
        Ok(same.then_some(state))
    }
}
