//! What has been learnt of an image so far, and how more is learnt: the station between debug info
//! and walks. Walks see shapes only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use crate::index::Index;
use crate::names::{self, Impls};
use crate::resolve;
use crate::shape::Shape;
use crate::tree::TypeId;
use crate::{Error, Image, TaskLayout};

/// Facts about an image. They never change, so they are kept, also on disk.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) layout: Option<TaskLayout>,
    pub(crate) shapes: HashMap<TypeId, Arc<Shape>>,
    /// By the addresses of `dyn` vtables.
    pub(crate) vtables: HashMap<u64, Option<TypeId>>,
    /// By the addresses of tokio's `poll` functions.
    pub(crate) tasks: HashMap<u64, Option<TaskType>>,
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
    impls: Mutex<Known>,
    layout: OnceLock<Result<TaskLayout, String>>,
}

/// The readable names of `impl` blocks, and the crates whose blocks are known.
#[derive(Default)]
struct Known {
    impls: Impls,
    crates: Vec<String>,
}

impl Knowledge {
    pub(crate) fn new(image: Image, facts: Facts) -> Self {
        let layout = OnceLock::new();
        if let Some(known) = &facts.layout {
            let _ = layout.set(Ok(known.clone()));
        }
        let facts = Mutex::new(facts);
        Self { index: Index::new(image), facts, impls: Mutex::default(), layout }
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
        self.learn_impls(id)?;
        let known = self.impls.lock().unwrap_or_else(PoisonError::into_inner);
        let shape = Arc::new(resolve::shape(&self.index, &known.impls, id)?);
        drop(known);
        self.facts().shapes.insert(id, Arc::clone(&shape));
        Ok(shape)
    }

    /// Learns the names of the `impl` blocks of the crate that a type is of, if one is around it. All
    /// units of the crate are looked into: the unit that uses the type need not know the block.
    fn learn_impls(&self, id: TypeId) -> Result<(), Error> {
        let path = self.index.path(id)?;
        if !path.iter().any(|part| part.starts_with("{impl#")) {
            return Ok(());
        }
        let of_crate = path.first().copied().unwrap_or_default();
        let mut known = self.impls.lock().unwrap_or_else(PoisonError::into_inner);
        if known.crates.iter().any(|known| known == of_crate) {
            return Ok(());
        }
        known.crates.push(of_crate.to_owned());
        let mut units = self.index.units_of(of_crate)?;
        units.push(self.index.unit_of(id)?);
        for unit in units {
            for (block, levels, function) in self.index.impls(unit)? {
                let Some(name) = names::of_impl(function, levels) else {
                    continue;
                };
                let names = known.impls.entry(block).or_insert_with(|| Some(name.clone()));
                if names.as_ref() != Some(&name) {
                    *names = None;
                }
            }
        }
        Ok(())
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

impl std::fmt::Debug for Knowledge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Knowledge").finish_non_exhaustive()
    }
}
