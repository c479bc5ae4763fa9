//! What a suspended function holds that others may wait for: guards, permits, receivers. Only what is there
//! by value, or in a `Box`, is its own.

use std::sync::Arc;

use super::lens::Goal;
use super::{At, Walk, types};
use crate::Error;
use crate::hold::{Hold, HoldKind, Resource};
use crate::shape::{Body, CoroutineState, PointerKind, Shape};
use crate::tree::TypeId;

/// What tokio's locks, semaphores and bounded channels are all made of.
const SEMAPHORE: &str = "tokio::sync::batch_semaphore::Semaphore";

/// How deep a variable is looked into, how many values of one task are looked at, and how many holds are told.
const DEPTH: usize = 8;
const STEPS: usize = 1 << 12;
const MANY: usize = 64;

/// The types that hold something, and the fields that lead to what they hold.
const HOLDERS: [(&str, HoldKind, &str); 16] = [
    ("tokio::sync::mutex::MutexGuard", HoldKind::Guard, "lock"),
    ("tokio::sync::mutex::OwnedMutexGuard", HoldKind::Guard, "lock"),
    ("tokio::sync::mutex::MappedMutexGuard", HoldKind::Guard, "s"),
    ("tokio::sync::mutex::OwnedMappedMutexGuard", HoldKind::Guard, "lock"),
    ("tokio::sync::rwlock::write_guard::RwLockWriteGuard", HoldKind::Guard, "s"),
    ("tokio::sync::rwlock::write_guard_mapped::RwLockMappedWriteGuard", HoldKind::Guard, "s"),
    ("tokio::sync::rwlock::owned_write_guard::OwnedRwLockWriteGuard", HoldKind::Guard, "lock"),
    (
        "tokio::sync::rwlock::owned_write_guard_mapped::OwnedRwLockMappedWriteGuard",
        HoldKind::Guard,
        "lock",
    ),
    ("tokio::sync::rwlock::read_guard::RwLockReadGuard", HoldKind::ReadGuard, "s"),
    ("tokio::sync::rwlock::owned_read_guard::OwnedRwLockReadGuard", HoldKind::ReadGuard, "lock"),
    ("tokio::sync::semaphore::SemaphorePermit", HoldKind::Permit, "sem"),
    ("tokio::sync::semaphore::OwnedSemaphorePermit", HoldKind::Permit, "sem"),
    ("tokio::sync::mpsc::bounded::Receiver", HoldKind::Receiver, "chan"),
    ("tokio::sync::mpsc::bounded::Permit", HoldKind::Permit, "chan"),
    ("tokio::sync::mpsc::bounded::OwnedPermit", HoldKind::Permit, "chan"),
    ("tokio::sync::mpsc::bounded::PermitIterator", HoldKind::Permit, "chan"),
];

fn holder(shape: &Shape) -> Option<(HoldKind, &'static str)> {
    // Most types are none of tokio's.
    let of_tokio = shape.plain.starts_with("tokio::sync::");
    let mut rows = HOLDERS.iter().filter(|_| of_tokio);
    rows.find(|(plain, ..)| *plain == &*shape.plain).map(|(_, kind, field)| (*kind, *field))
}

impl Walk<'_> {
    /// Remembers what a function holds while it is suspended in this state.
    pub(super) fn note_holds(&self, shape: &Shape, state: &CoroutineState, at: At) {
        for field in state.saved.iter().filter(|field| self.may_hold(field.ty)) {
            let hold = |kind, of| Hold {
                kind,
                of,
                variable: Arc::clone(&field.name),
                function: Arc::clone(&shape.name),
            };
            self.holds_of(at.inside(field), DEPTH, &hold);
        }
    }

    /// What cannot be read hides nothing else.
    fn holds_of(&self, at: At, depth: usize, hold: &dyn Fn(HoldKind, Resource) -> Hold) {
        let steps = self.held_steps.get();
        self.held_steps.set(steps + 1);
        if depth == 0 || steps > STEPS || !self.may_hold(at.ty) {
            return;
        }
        let Ok(shape) = self.shape(at.ty) else { return };
        if let Some((kind, field)) = holder(shape) {
            let resource = self.field(at, field).and_then(|field| self.resource(field));
            self.tell_hold(resource.map(|of| hold(kind, of)));
            return;
        }
        let inside = |at| self.holds_of(at, depth - 1, hold);
        match &shape.body {
            Body::Struct(fields) => fields.iter().for_each(|field| inside(at.inside(field))),
            Body::Enum(_) => self.variant(at).into_iter().for_each(|(_, variant)| inside(variant)),
            Body::Pointer { kind: PointerKind::Unique, to } if is_box(shape) => {
                self.deref(at, *to).into_iter().for_each(inside);
            }
            _ => {}
        }
    }

    fn tell_hold(&self, hold: Result<Hold, Error>) {
        let Ok(hold) = hold else { return };
        let mut holds = self.holds.borrow_mut();
        // What a function was called with, and where it moved that, are both in its state.
        if holds.len() < MANY && !holds.iter().any(|known| known.of == hold.of) {
            // Most tasks hold one thing, if any.
            holds.reserve_exact(1);
            holds.push(hold);
        }
    }

    /// What is waited for or held through this: the semaphore that it is made of.
    pub(super) fn resource(&self, at: At) -> Result<Resource, Error> {
        Ok(Resource(self.nearest_behind(at, Goal::Type(SEMAPHORE))?.address))
    }

    /// Whether a value of this type may hold something, by its types alone.
    fn may_hold(&self, ty: TypeId) -> bool {
        types::contains(&self.may_hold, ty, |ty, inside| {
            let Ok(shape) = self.shape(ty) else {
                return false;
            };
            match &shape.body {
                _ if holder(shape).is_some() => return true,
                Body::Struct(_) if types::is_data(shape) => {}
                Body::Struct(fields) => inside.extend(fields.iter().map(|field| field.ty)),
                Body::Enum(body) => {
                    inside.extend(body.variants.iter().map(|variant| variant.field.ty));
                }
                Body::Pointer { kind: PointerKind::Unique, to } if is_box(shape) => {
                    inside.push(*to);
                }
                _ => {}
            }
            false
        })
    }
}

/// What a `&mut` leads to is somebody else's.
fn is_box(shape: &Shape) -> bool {
    !shape.name.starts_with('&')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_holder_is_written_twice() {
        let mut seen = std::collections::HashSet::new();
        assert!(HOLDERS.iter().all(|(plain, ..)| seen.insert(*plain)));
        assert!(HOLDERS.iter().all(|(plain, ..)| plain.starts_with("tokio::sync::")));
    }
}
