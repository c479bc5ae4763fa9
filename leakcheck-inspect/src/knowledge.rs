//! What has been learnt of an image so far, and how more is learnt: the station between debug info
//! and walks. Walks see shapes only.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use crate::index::Index;
use crate::map::Map;
use crate::names;
use crate::resolve;
use crate::shape::Shape;
use crate::tree::{Frame, SpawnSite, TypeId};
use crate::{Error, Image, TaskLayout, frames, spawn_sites};

/// Facts about an image. They never change, so they are kept, also on disk.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) layout: Option<TaskLayout>,
    pub(crate) shapes: Map<TypeId, Arc<Shape>>,
    /// By the addresses of `dyn` vtables.
    pub(crate) vtables: Map<u64, Option<TypeId>>,
    /// By the addresses of tokio's `poll` functions.
    pub(crate) tasks: Map<u64, Option<TaskType>>,
    /// By the types of the futures that are spawned there.
    pub(crate) spawn_sites: Map<TypeId, Vec<SpawnSite>>,
    /// By the addresses of code.
    pub(crate) frames: Map<u64, Vec<Frame>>,
}

impl Facts {
    /// These facts and others of the same image.
    pub(crate) fn with(&self, other: &Self) -> Self {
        let mut all = other.clone();
        all.layout = all.layout.or_else(|| self.layout.clone());
        all.shapes.extend(self.shapes.iter().map(|(id, shape)| (*id, Arc::clone(shape))));
        all.vtables.extend(&self.vtables);
        all.tasks.extend(&self.tasks);
        all.spawn_sites.extend(self.spawn_sites.iter().map(|(id, sites)| (*id, sites.clone())));
        all.frames.extend(self.frames.iter().map(|(at, frames)| (*at, frames.clone())));
        all
    }

    /// Without what was looked for and not found.
    pub(crate) fn found(mut self) -> Self {
        self.vtables.retain(|_, ty| ty.is_some());
        self.tasks.retain(|_, ty| ty.is_some());
        self.spawn_sites.retain(|_, sites| !sites.is_empty());
        self.frames.retain(|_, frames| !frames.is_empty());
        self
    }

    /// Looks the shapes up in the table of known futures, which is not kept.
    pub(crate) fn recognised(mut self) -> Self {
        for shape in self.shapes.values_mut() {
            if let Some(shape) = Arc::get_mut(shape) {
                shape.recognise();
            }
        }
        self
    }

    /// How much is known. Facts only come, so it tells whether there are new ones.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.layout.is_some())
            + self.shapes.len()
            + self.vtables.len()
            + self.tasks.len()
            + self.spawn_sites.len()
            + self.frames.len()
    }
}

/// What a task is made of.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct TaskType {
    pub(crate) future: TypeId,
    /// Where in the task's memory its stage is: an enum, whose first variant holds the future.
    pub(crate) stage: u64,
    pub(crate) stage_type: TypeId,
}

pub(crate) struct Knowledge {
    pub(crate) index: Index,
    facts: Mutex<Facts>,
    layout: OnceLock<Result<TaskLayout, String>>,
}

impl Knowledge {
    pub(crate) fn new(image: Image, facts: Facts) -> Self {
        let layout = OnceLock::new();
        if let Some(known) = &facts.layout {
            let _ = layout.set(Ok(known.clone()));
        }
        let facts = Mutex::new(facts);
        Self { index: Index::new(image), facts, layout }
    }

    pub(crate) fn facts(&self) -> MutexGuard<'_, Facts> {
        // Facts are put in whole, so a panic elsewhere leaves none half done.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn layout(&self) -> Result<&TaskLayout, Error> {
        let learn = || TaskLayout::of_index(&self.index).map_err(|error| error.to_string());
        let layout = self.layout.get_or_init(|| {
            let layout = learn()?;
            self.facts().layout = Some(layout.clone());
            Ok(layout)
        });
        layout.as_ref().map_err(|why| crate::error::Kind::Known(why.clone()).into())
    }

    pub(crate) fn shape(&self, id: TypeId) -> Result<Arc<Shape>, Error> {
        if let Some(shape) = self.facts().shapes.get(&id) {
            return Ok(Arc::clone(shape));
        }
        let of_impl = |block: &[&str]| self.impl_name(id, block).ok().flatten();
        let shape = Arc::new(resolve::shape(&self.index, of_impl, id)?);
        self.facts().shapes.insert(id, Arc::clone(&shape));
        Ok(shape)
    }

    /// The readable name of the `impl` block around a type. The unit that describes the type need not know a
    /// function of the block, so all units of the block's crate are looked into, and all beside the type's:
    /// what is generic is compiled where it is used.
    fn impl_name(&self, id: TypeId, block: &[&str]) -> Result<Option<String>, Error> {
        let of_crate = block.first().copied().unwrap_or_default();
        let own = self.index.unit_of(id)?;
        let of_block = self.index.units_of(of_crate)?;
        let beside = self.index.units_beside(own)?;
        for unit in std::iter::once(own).chain(of_block).chain(beside) {
            if let Some((levels, function)) = self.index.in_impl(unit, block)? {
                return Ok(names::of_impl(function, levels));
            }
        }
        Ok(None)
    }

    /// The concrete type behind a `dyn` pointer, by the address of its vtable in the image.
    pub(crate) fn behind_vtable(&self, vtable: u64) -> Result<Option<TypeId>, Error> {
        if let Some(known) = self.facts().vtables.get(&vtable) {
            return Ok(*known);
        }
        let ty = self.index.behind_vtable(vtable)?;
        self.facts().vtables.insert(vtable, ty);
        Ok(ty)
    }

    /// What a task with this `poll` function is made of, by the function's address in the image.
    pub(crate) fn task_type(&self, poll: u64) -> Result<Option<TaskType>, Error> {
        if let Some(known) = self.facts().tasks.get(&poll) {
            return Ok(*known);
        }
        let ty = crate::tokio::task_type(&self.index, poll)?;
        self.facts().tasks.insert(poll, ty);
        Ok(ty)
    }
}

impl Knowledge {
    /// The places that spawn futures of this type.
    pub(crate) fn spawn_sites(&self, future: TypeId) -> Result<Vec<SpawnSite>, Error> {
        if let Some(known) = self.facts().spawn_sites.get(&future) {
            return Ok(known.clone());
        }
        let sites = spawn_sites::spawn_sites(&self.index, future)?;
        self.facts().spawn_sites.insert(future, sites.clone());
        Ok(sites)
    }

    /// The functions at an address of the image.
    pub(crate) fn frames(&self, address: u64) -> Vec<Frame> {
        if let Some(known) = self.facts().frames.get(&address) {
            return known.clone();
        }
        let frames = frames::frames(&self.index, address);
        self.facts().frames.insert(address, frames.clone());
        frames
    }
}

impl std::fmt::Debug for Knowledge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Knowledge").finish_non_exhaustive()
    }
}
