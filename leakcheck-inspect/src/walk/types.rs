//! Which types are worth looking into.

use std::cell::RefCell;
use std::collections::HashSet;

use super::{Walk, shared};
use crate::leaves::Look;
use crate::map::Map;
use crate::names;
use crate::shape::{Body, PointerKind, Shape};
use crate::tree::TypeId;

/// Whether what is in the value says nothing of what is waited for: what a closure has captured may
/// be for later, and what a `ManuallyDrop` holds may be gone.
pub(super) fn is_data(shape: &Shape) -> bool {
    shape.name.ends_with(names::CLOSURE)
        || &*shape.plain == "core::mem::manually_drop::ManuallyDrop"
}

/// Wrappers that say nothing of their own.
pub(super) fn is_transparent(shape: &Shape) -> bool {
    const WRAPPERS: [&str; 14] = [
        "core::",
        "alloc::",
        "(",
        "futures_util::future::maybe_done::",
        "futures_util::future::try_maybe_done::",
        "futures_util::future::future::fuse::Fuse",
        "futures_util::future::poll_fn::PollFn",
        "futures_util::stream::futures_ordered::OrderWrapper",
        "tower::util::oneshot::State",
        "futures_util::future::join_all::JoinAllKind",
        "futures_util::future::try_join_all::TryJoinAllKind",
        "tokio::future::maybe_done::",
        "tokio::task::coop::",
        "tokio_util::util::maybe_dangling::",
    ];
    let plain = &*shape.plain;
    plain.is_empty()
        || shape.name.ends_with(names::CLOSURE)
        || WRAPPERS.iter().any(|wrapper| plain.starts_with(wrapper))
}

/// Whether polling the value is calling the closure in it.
pub(super) fn polls_closure(shape: &Shape) -> bool {
    const POLLED: [&str; 3] = [
        "core::future::poll_fn::PollFn",
        "futures_util::future::poll_fn::PollFn",
        "futures_util::stream::poll_fn::PollFn",
    ];
    POLLED.contains(&&*shape.plain)
}

/// Whether a value of this type is or may consist of what is looked for, by types alone. `look` says of a
/// type whether its values are, and if not, names the types of what is inside them. What was found out is
/// known from then on.
pub(super) fn contains(
    known: &RefCell<Map<TypeId, bool>>,
    ty: TypeId,
    mut look: impl FnMut(TypeId, &mut Vec<TypeId>) -> bool,
) -> bool {
    let mut known = known.borrow_mut();
    if let Some(known) = known.get(&ty) {
        return *known;
    }
    let (mut seen, mut left, mut inside) = (HashSet::from([ty]), vec![ty], Vec::new());
    while let Some(next) = left.pop() {
        let found = match known.get(&next) {
            Some(found) => *found,
            None => look(next, &mut inside),
        };
        if found {
            // Of the others it is only known what was seen of them so far.
            known.insert(ty, true);
            return true;
        }
        left.extend(inside.drain(..).filter(|inner| seen.insert(*inner)));
    }
    known.extend(seen.into_iter().map(|ty| (ty, false)));
    false
}

impl Walk<'_> {
    /// Whether a value of this type may hold a future, by value or by what it owns.
    pub(super) fn may_wait(&self, ty: TypeId) -> bool {
        contains(&self.may_wait, ty, |ty, inside| self.is_future(ty, |inner| inside.push(inner)))
    }

    /// Whether values of the type are futures for certain. If not, names the types of what they own.
    fn is_future(&self, ty: TypeId, mut inside: impl FnMut(TypeId)) -> bool {
        let Ok(shape) = self.shape(ty) else {
            return false;
        };
        if let Some(rule) = shape.rule {
            return rule.look != Look::Nothing;
        }
        match &shape.body {
            Body::Struct(_) if is_data(shape) => {}
            Body::Struct(_) if shared::is_counted(shape) => return self.shares_future(shape),
            Body::Struct(_) if polls_closure(shape) => {
                let closure = shape.field("f").and_then(|field| self.shape(field.ty).ok());
                if let Some(Body::Struct(fields)) = closure.as_ref().map(|shape| &shape.body) {
                    fields.iter().for_each(|field| inside(field.ty));
                }
            }
            Body::Coroutine(_) => return true,
            Body::Dyn { kind: PointerKind::Unique, future, .. } => return *future,
            Body::Struct(fields) => fields.iter().for_each(|field| inside(field.ty)),
            Body::Enum(body) => body.variants.iter().for_each(|variant| inside(variant.field.ty)),
            Body::Pointer { kind: PointerKind::Unique, to: of }
            | Body::Slice { kind: PointerKind::Unique, of, .. }
            | Body::Array { of, .. } => inside(*of),
            _ => {}
        }
        false
    }
}
