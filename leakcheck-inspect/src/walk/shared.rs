//! Futures behind an `Arc`. What is shared may be anybody's, so only two kinds are followed: the one
//! of a `Shared`, and a lock around nothing but a future, which whoever holds it polls.

use super::{At, Walk};
use crate::Error;
use crate::leaves::Rule;
use crate::shape::{Body, Field, PointerKind, Shape};
use crate::tree::{Node, NodeKind, TypeId};

/// What may lie around the future: a lock, its wrappers, a `Box`.
const WRAPPERS: [&str; 7] = [
    "alloc::sync::ArcInner",
    "std::sync::poison::mutex::Mutex",
    "std::sync::mutex::Mutex",
    "tokio::sync::mutex::Mutex",
    "lock_api::mutex::Mutex",
    "core::",
    "alloc::boxed::",
];

/// How many wrappers may lie around each other.
const AROUND: usize = 12;

/// The field that such a wrapper is around.
fn wrapped(shape: &Shape) -> Option<&Field> {
    ["data", "c", "value", "pointer", "__0"].iter().find_map(|name| shape.field(name))
}

pub(super) fn is_counted(shape: &Shape) -> bool {
    &*shape.plain == "alloc::sync::Arc"
}

impl Walk<'_> {
    /// The future in a lock that this `Arc` shares.
    pub(super) fn in_shared_lock(&self, shape: &Shape, at: At) -> Result<Option<At>, Error> {
        if !is_counted(shape) || !self.shares_future(shape) {
            return Ok(None);
        }
        let mut here = self.pointee(at)?;
        for _ in 0..AROUND {
            let shape = self.shape(here.ty)?;
            here = match &shape.body {
                Body::Coroutine(_) | Body::Dyn { .. } => return Ok(Some(here)),
                Body::Struct(_) => {
                    let inner = wrapped(shape);
                    match inner {
                        Some(inner) => here.inside(inner),
                        None => return Ok(None),
                    }
                }
                Body::Enum(_) => self.variant(here)?.1,
                Body::Pointer { to, .. } => self.deref(here, *to)?,
                _ => return Ok(None),
            };
        }
        Ok(None)
    }

    /// Whether what this `Arc` shares is a lock around a future, by its types alone.
    pub(super) fn shares_future(&self, shape: &Shape) -> bool {
        let Some(mut ty) = self.counted_type(shape) else {
            return false;
        };
        for _ in 0..AROUND {
            let Ok(shape) = self.shape(ty) else {
                return false;
            };
            let wraps = || WRAPPERS.iter().any(|wrapper| shape.plain.starts_with(wrapper));
            ty = match &shape.body {
                Body::Coroutine(_) => return true,
                Body::Dyn { kind, future, .. } => return *future && *kind == PointerKind::Unique,
                Body::Struct(_) if wraps() => match wrapped(shape) {
                    Some(inner) => inner.ty,
                    None => return false,
                },
                Body::Enum(body) if wraps() => {
                    match body.variants.iter().find(|variant| &*variant.field.name == "Some") {
                        Some(some) => some.field.ty,
                        None => return false,
                    }
                }
                Body::Pointer { kind: PointerKind::Unique, to } => *to,
                _ => return false,
            };
        }
        false
    }

    /// The type that an `Arc` points to: its counts, and the value.
    fn counted_type(&self, shape: &Shape) -> Option<TypeId> {
        let pointer = self.shape(shape.field("ptr")?.ty).ok()?;
        let pointer = self.shape(pointer.field("pointer")?.ty).ok()?;
        match pointer.body {
            Body::Pointer { to, .. } => Some(to),
            _ => None,
        }
    }

    /// The future that a `Shared` shares, or none once it is done.
    pub(super) fn shared(
        &self,
        rule: &Rule,
        shape: &Shape,
        at: At,
        depth: usize,
    ) -> Result<Node, Error> {
        let mut node = Node::new(NodeKind::Adapter, self.told(rule, shape, at.ty));
        let inner = self.counted(self.field(at, "inner")?)?;
        let future = self.find(inner, "future_or_output")?;
        self.visit_or_cut(future, depth + 1, &mut node.children);
        Ok(node)
    }
}
