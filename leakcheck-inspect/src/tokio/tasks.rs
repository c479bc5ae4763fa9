//! Tasks, from their headers: ids, states, and the await trees of their futures.

use super::layout::HeaderLayout;
use super::state::TaskState;
use crate::index::{Index, UnitNo};
use crate::knowledge::TaskType;
use crate::memory::{uint, word};
use crate::resolve;
use crate::tree::{Phase, Source, Task, TypeId};
use crate::types::Place;
use crate::walk::{At, Walk};
use crate::{Error, Memory};

/// No file's name is longer.
const LONGEST: u64 = 4096;

/// Where in a task its id and its trailer are, and the address of its `poll` function.
#[derive(Clone, Copy)]
pub(crate) struct Vtable {
    id: u64,
    trailer: u64,
    poll: u64,
}

/// What a task with this `poll` function (by its address in the image) is made of.
pub(crate) fn task_type(index: &Index, poll: u64) -> Result<Option<TaskType>, Error> {
    let Some(function) = index.function_at(poll)? else {
        return Ok(None);
    };
    let described = index.described(function.id)?;
    let name = described.name.unwrap_or_default();
    let (Some(future), Some(generics)) =
        (index.first_type_parameter(function.id)?, name.strip_prefix("poll"))
    else {
        return Ok(None);
    };
    let cell = format!("Cell{generics}");
    let Some(cell) = cell_of(index, function.unit, &cell, future)? else {
        return Ok(None);
    };
    let stage = Place::new(index, cell).field("core.stage")?.wrapped("Stage<")?;
    Ok(Some(TaskType { future, stage: stage.offset, stage_type: stage.id }))
}

/// The `Cell` for this very future. Types of the same name are not rare: two blocks of a function may
/// each have one, and so may two versions of a crate. Optimised programs describe it in another unit than
/// the function, where the future is told by what it looks like.
fn cell_of(
    index: &Index,
    unit: UnitNo,
    name: &str,
    future: TypeId,
) -> Result<Option<TypeId>, Error> {
    let around = "tokio::runtime::task::core";
    for cell in index.structs_in(unit, around, name)? {
        if index.first_type_parameter(cell)? == Some(future) {
            return Ok(Some(cell));
        }
    }
    let looks = resolve::looks(index, future)?;
    for beside in index.units_beside(unit)? {
        for cell in index.structs_in(beside, around, name)? {
            if let Some(of) = index.first_type_parameter(cell)? {
                if beside != unit && resolve::looks(index, of)? == looks {
                    return Ok(Some(cell));
                }
            }
        }
    }
    Ok(None)
}

impl Walk<'_> {
    fn layout(&self) -> Result<&HeaderLayout, Error> {
        Ok(&self.knowledge.layout()?.header)
    }

    /// The task's state. Who polls the task says so there first and last, so it guards what is read of it.
    fn state(&self, task: u64) -> Result<TaskState, Error> {
        let at = task.wrapping_add(self.layout()?.state);
        let state = word(self.memory, at, 0)?;
        self.memory.guard(at, state);
        Ok(TaskState::of_word(state))
    }

    /// The address of the function that polls the task, in the image.
    fn poll(&self, task: u64) -> Result<u64, Error> {
        Ok(self.vtable(task)?.poll.wrapping_sub(self.bias))
    }

    /// What the task's vtable says. It is a constant of the program, so is read once.
    fn vtable(&self, task: u64) -> Result<Vtable, Error> {
        let layout = self.layout()?;
        let at = word(self.memory, task, layout.vtable)?;
        if let Some(known) = self.vtables.borrow().get(&at) {
            return Ok(*known);
        }
        let read = |offset| word(self.memory, at, offset);
        let (id, trailer, poll) = (read(layout.id)?, read(layout.trailer)?, read(layout.poll)?);
        let vtable = Vtable { id, trailer, poll };
        self.vtables.borrow_mut().insert(at, vtable);
        Ok(vtable)
    }

    /// A task's id, and whether it is work of the blocking pool.
    pub(crate) fn task_told(&self, task: u64) -> Result<(u64, bool), Error> {
        let blocking = match self.knowledge.task_type(self.poll(task)?)? {
            Some(ty) => {
                &*self.shape(ty.future)?.plain == "tokio::runtime::blocking::task::BlockingTask"
            }
            None => false,
        };
        Ok((self.task_id(task)?, blocking))
    }

    pub(crate) fn task_id(&self, task: u64) -> Result<u64, Error> {
        word(self.memory, task, self.vtable(task)?.id)
    }

    /// A task whose state changes all the time: the state is what it is at this moment, by `present`.
    pub(crate) fn restless_task(&self, address: u64, present: &dyn Memory) -> Result<Task, Error> {
        let state = TaskState::of_word(word(present, address, self.layout()?.state)?);
        let mut task = Task::new(self.task_id(address)?, state, phase(state));
        task.wakers = wakers(state);
        if task.phase != Phase::Running {
            task.unknown = Some("it kept changing while it was read".to_owned());
        }
        Ok(task)
    }

    /// The task after this one in its list; 0 after the last.
    pub(crate) fn next_task(&self, task: u64) -> Result<u64, Error> {
        let trailer = self.vtable(task)?.trailer;
        word(self.memory, task.wrapping_add(trailer), self.layout()?.next)
    }

    /// The task whose header is at this address.
    pub(crate) fn task(&self, address: u64) -> Result<Task, Error> {
        let state = self.state(address)?;
        let mut task = Task::new(self.task_id(address)?, state, phase(state));
        task.wakers = wakers(state);
        task.spawned_at = self.spawned_at(address).ok().flatten();
        let Some(ty) = self.knowledge.task_type(self.poll(address)?)? else {
            task.unknown = Some("the debug info does not describe its future".to_owned());
            return Ok(task);
        };
        task.type_id = Some(ty.future);
        task.future = self.shape(ty.future).ok().map(|shape| shape.name.clone());
        if !matches!(task.phase, Phase::Running | Phase::Finished) {
            self.fill_tree(&mut task, ty, address);
        }
        Ok(task)
    }

    /// The place that called `spawn`, where tokio keeps it.
    fn spawned_at(&self, task: u64) -> Result<Option<Source>, Error> {
        let layout = self.layout()?;
        let Some(location) = &layout.spawned_at else {
            return Ok(None);
        };
        let vtable = word(self.memory, task, layout.vtable)?;
        let place = word(self.memory, task, word(self.memory, vtable, location.offset)?)?;
        if let Some(known) = self.locations.borrow().get(&place) {
            return Ok(known.clone());
        }
        let file = word(self.memory, place, location.file)?;
        let len = word(self.memory, place, location.file_len)?.min(LONGEST);
        let mut name = vec![0; len as usize];
        self.memory.read(file, &mut name)?;
        let line = u32::try_from(uint(self.memory, place, location.line, 4)?).unwrap_or_default();
        let file = String::from_utf8(name).ok().filter(|name| !name.is_empty());
        let told = file.map(|file| Source { file: file.into(), line });
        self.locations.borrow_mut().insert(place, told.clone());
        Ok(told)
    }

    fn fill_tree(&self, task: &mut Task, ty: TaskType, address: u64) {
        let stage = At { ty: ty.stage_type, address: address.wrapping_add(ty.stage) };
        let tree = || {
            let (name, stage) = self.variant(stage)?;
            if &*name != "Running" {
                return Ok(None);
            }
            self.tree(self.field(stage, "__0")?).map(Some)
        };
        let tree = tree();
        task.holds = self.take_holds();
        match tree {
            Ok(Some(tree)) => {
                if task.phase != Phase::Cancelled && tree.kind == crate::NodeKind::Unstarted {
                    task.phase = Phase::NeverPolled;
                }
                // A boxed future's own type says more than the box.
                task.future = Some(tree.name.clone());
                task.tree = Some(tree);
            }
            Ok(None) => {}
            Err(error) => task.unknown = Some(error.to_string()),
        }
    }
}

/// How many references may be wakers': not the list's, the handle's or a queue's.
fn wakers(state: TaskState) -> u64 {
    let held = 1 + u64::from(state.join_interest) + u64::from(state.notified || state.running);
    state.refs.saturating_sub(held)
}

fn phase(state: TaskState) -> Phase {
    match state {
        TaskState { complete: true, .. } => Phase::Finished,
        TaskState { running: true, .. } => Phase::Running,
        TaskState { cancelled: true, .. } => Phase::Cancelled,
        TaskState { notified: true, .. } => Phase::Notified,
        _ => Phase::Waiting,
    }
}
