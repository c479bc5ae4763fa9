//! # Invariants
//!
//! 1. Other threads add and remove tasks while we read, and we cannot take their locks. What a walk
//!    finds is believed only if the task says itself who it is: its id and its owner's.
//! 2. That a task is *not* there is believed only if the list was still meanwhile: the walk saw as
//!    many tasks as the list counts, and nothing was added or removed.
//! 3. Every loop has a bound that does not come from the memory being read.

use super::layout::{HeaderLayout, OwnedLayout, TaskLayout};
use super::state::TaskState;
use crate::error::Kind;
use crate::memory::{uint, word};
use crate::walk::Walk;
use crate::{Error, Memory};

/// How often a list that changes under our eyes is read anew.
const TRIES: usize = 16;

/// Tokio makes no more lists than this.
const LISTS: u64 = 1 << 16;

/// No runtime has more tasks than this; a larger count is garbage.
const TASKS: u64 = 1 << 22;

/// How many tasks more than the list counts a walk follows before it takes itself for lost.
const SLACK: u64 = 1 << 10;

impl TaskLayout {
    /// The task `id` among those that a runtime owns, or none where it owns no such task (any more).
    ///
    /// `handle` is the address of a `tokio::runtime::Handle`, for instance
    /// `std::ptr::from_ref(&handle) as u64`, which must stay where it is meanwhile.
    ///
    /// A runtime owns what was spawned on it with `tokio::spawn` and the like, until it is complete;
    /// not what a `LocalSet` or `spawn_blocking` runs.
    ///
    /// # Races
    ///
    /// Nothing is locked: the runtime may run meanwhile, even the task itself. A task that is running
    /// on the calling thread is found; of others it is told what they were a moment ago.
    ///
    /// # Errors
    ///
    /// Where the memory is not what the layout says (no handle is there, or the layout is another
    /// executable's), and where the runtime's tasks come and go so fast that an absence cannot be told.
    pub fn find_task(
        &self,
        memory: &dyn Memory,
        handle: u64,
        id: u64,
    ) -> Result<Option<TaskState>, Error> {
        let tasks = self.owned_tasks(memory, handle)?;
        let mut trouble = Error::from(Kind::Unsettled);
        for _ in 0..TRIES {
            let before = tasks.counters()?;
            match tasks.find(id, before.count) {
                Ok(Search::Found(state)) => return Ok(Some(state)),
                Ok(Search::Absent { seen })
                    if seen == before.count && tasks.counters()? == before =>
                {
                    return Ok(None);
                }
                Ok(Search::Absent { .. }) => {}
                Err(error) => trouble = error,
            }
        }
        Err(trouble)
    }

    pub(crate) fn owned_tasks<'a>(
        &'a self,
        memory: &'a dyn Memory,
        handle: u64,
    ) -> Result<OwnedTasks<'a>, Error> {
        let tag = match self.handle.tag {
            Some((offset, size)) => Some(uint(memory, handle, offset, size)?),
            None => None,
        };
        let of_tag = |tag| self.handle.flavors.iter().find(move |flavor| flavor.tag == tag);
        let flavor = of_tag(tag).or_else(|| of_tag(None)).ok_or(Kind::NotAHandle(handle))?;
        let (layout, header) = (&flavor.owned, &self.header);
        let address = word(memory, handle, flavor.scheduler)?;
        let owner = word(memory, address, layout.id)?;
        let lists = word(memory, address, layout.lists)?;
        let lists_len = word(memory, address, layout.lists_len)?;
        if owner == 0 || lists_len > LISTS || !lists_len.is_power_of_two() {
            return Err(Kind::NotAHandle(handle).into());
        }
        let mut tasks = OwnedTasks {
            memory,
            layout,
            header,
            address,
            owner,
            lists,
            lists_len,
            began: Counters::default(),
        };
        tasks.began = tasks.counters()?;
        Ok(tasks)
    }
}

/// A scheduler's `OwnedTasks`: its tasks, in several lists so that threads seldom meet.
pub(crate) struct OwnedTasks<'a> {
    memory: &'a dyn Memory,
    layout: &'a OwnedLayout,
    header: &'a HeaderLayout,
    /// What the handle points to.
    address: u64,
    owner: u64,
    lists: u64,
    lists_len: u64,
    /// What was counted at the beginning.
    began: Counters,
}

#[derive(Default, PartialEq, Eq)]
struct Counters {
    count: u64,
    added: u64,
}

enum Search {
    Found(TaskState),
    Absent { seen: u64 },
}

impl OwnedTasks<'_> {
    /// How many lists there are.
    pub(crate) fn list_count(&self) -> u64 {
        self.lists_len
    }

    /// The first task of a list; 0 where the list is empty.
    pub(crate) fn head(&self, list: u64) -> Result<u64, Error> {
        word(self.memory, self.list(list), self.layout.head)
    }

    /// How many tasks to expect at the most.
    pub(crate) fn most(&self) -> Result<u64, Error> {
        Ok(self.counters()?.count.min(TASKS) + SLACK)
    }

    /// Whether a task came or went since the beginning.
    pub(crate) fn changed(&self) -> Result<bool, Error> {
        Ok(self.counters()? != self.began)
    }

    /// The task after this one in this list; 0 after the last.
    ///
    /// A task that has left its list still names its owner, but has none after it; its memory may be
    /// that of another task by now.
    pub(crate) fn after(&self, walk: &Walk<'_>, list: u64, task: u64) -> Result<u64, Error> {
        let (id, next) = (walk.task_id(task)?, walk.next_task(task)?);
        let own = word(walk.memory, task, self.header.owner)? == self.owner;
        // Tokio chooses the list by the id.
        let here = id & (self.lists_len - 1) == list;
        let last = |tail| Ok::<_, Error>(word(walk.memory, tail, self.layout.tail)? == task);
        match own && here && (next != 0 || last(self.list(list))?) {
            true => Ok(next),
            false => Err(Kind::Unsettled.into()),
        }
    }

    fn list(&self, number: u64) -> u64 {
        self.lists.wrapping_add(number.wrapping_mul(self.layout.list_size))
    }

    fn counters(&self) -> Result<Counters, Error> {
        Ok(Counters {
            count: word(self.memory, self.address, self.layout.count)?,
            added: word(self.memory, self.address, self.layout.added)?,
        })
    }

    fn find(&self, id: u64, count: u64) -> Result<Search, Error> {
        let most = count.min(TASKS) + SLACK;
        let mut seen = 0;
        for list in 0..self.lists_len {
            // Tokio chooses the list by the id, so this one is the first to look into.
            let list = id.wrapping_add(list) & (self.lists_len - 1);
            let mut task = self.head(list)?;
            while task != 0 {
                seen += 1;
                if seen > most {
                    return Err(Kind::Unsettled.into());
                }
                let vtable = word(self.memory, task, self.header.vtable)?;
                if self.is(task, vtable, id)? {
                    let state = word(self.memory, task, self.header.state)?;
                    return Ok(Search::Found(TaskState::of_word(state)));
                }
                let trailer = word(self.memory, vtable, self.header.trailer)?;
                task = word(self.memory, task.wrapping_add(trailer), self.header.next)?;
            }
        }
        Ok(Search::Absent { seen })
    }

    fn is(&self, task: u64, vtable: u64, id: u64) -> Result<bool, Error> {
        let offset = word(self.memory, vtable, self.header.id)?;
        let same = word(self.memory, task, offset)? == id;
        Ok(same && word(self.memory, task, self.header.owner)? == self.owner)
    }
}
