//! Await trees: from a future's shape and memory to what it waits for.
//!
//! # Invariants
//!
//! 1. Only futures are looked into, and what they own: by value, by `Box` and by `&mut`. What is
//!    shared (`&`, `Arc`) may be anybody's, and is followed only where a rule says so.
//! 2. Depth, nodes and steps are bounded, whatever the memory says. Where a bound ends the walk, the
//!    tree says so.
//! 3. What cannot be read cuts its own branch, not the tree.

mod coroutine;
mod details;
mod holds;
mod known;
mod lens;
mod local;
mod shared;
mod types;
mod unordered;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use elsa::FrozenMap;

use crate::Error;
use crate::hold::Hold;
use crate::knowledge::Knowledge;
use crate::map::{Hashing, Map};
use crate::memory::uint;
use crate::reader::Reader;
use crate::shape::{Body, Field, PointerKind, Shape};
use crate::tree::{Node, NodeKind, Source, TypeId};
use crate::wait::{Wait, WaitKind};

pub(crate) use lens::At;

/// How deep futures may be nested in each other.
const DEPTH: usize = 256;

/// How many bytes of the stack a walk may take: frames that are not optimised are large.
pub(crate) const STACK: usize = 6 << 20;

/// How many values one tree may look at.
const STEPS: usize = 1 << 16;

/// How many futures of one collection are shown.
pub(crate) const MANY: usize = 1024;

/// Where in a value another one is, and its type.
type Place = (u64, TypeId);

/// One reading of a process, which may look at many futures.
pub(crate) struct Walk<'a> {
    pub(crate) knowledge: &'a Knowledge,
    pub(crate) memory: &'a Reader<'a>,
    pub(crate) bias: u64,
    /// The time since the process's clock began, for timers.
    pub(crate) now: Option<Duration>,
    shapes: FrozenMap<TypeId, Arc<Shape>, Hashing>,
    steps: Cell<usize>,
    /// How deep the tree of a task begins that is part of another tree.
    base: Cell<usize>,
    /// Where on the stack the walk began.
    began: Cell<usize>,
    /// Whether a value of the type may hold a future: asked once per type.
    may_wait: RefCell<Map<TypeId, bool>>,
    /// Whether it may hold what others wait for, and what the task that is read holds.
    may_hold: RefCell<Map<TypeId, bool>>,
    holds: RefCell<Vec<Hold>>,
    held_steps: Cell<usize>,
    /// Of tasks, by their addresses in the process.
    pub(crate) vtables: RefCell<Map<u64, crate::tokio::Vtable>>,
    /// Where a value of a type has the nearest one of a kind, if it has one and that hangs on types alone.
    nearest: RefCell<Map<(TypeId, lens::GoalKey), Option<Place>>>,
    /// What a search has yet to look at: kept for its room.
    left: RefCell<VecDeque<At>>,
    /// By the addresses of tokio's `Location`s, which are constants of the program.
    pub(crate) locations: RefCell<Map<u64, Option<Source>>>,
    /// The names of known futures, with their generics.
    told: RefCell<Map<TypeId, Arc<str>>>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        knowledge: &'a Knowledge,
        memory: &'a Reader<'a>,
        bias: u64,
        now: Option<Duration>,
    ) -> Self {
        let (steps, base, began) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let (shapes, may_wait, vtables) = Default::default();
        let (nearest, left, locations, told) = Default::default();
        let (may_hold, holds, held_steps) = Default::default();
        Self {
            knowledge,
            memory,
            bias,
            now,
            shapes,
            steps,
            base,
            began,
            may_wait,
            may_hold,
            holds,
            held_steps,
            vtables,
            nearest,
            left,
            locations,
            told,
        }
    }

    /// The type's shape: this walk keeps those it has met, so that it need not lock what all share.
    pub(crate) fn shape(&self, ty: TypeId) -> Result<&Shape, Error> {
        match self.shapes.get(&ty) {
            Some(known) => Ok(known),
            None => Ok(self.shapes.insert(ty, self.knowledge.shape(ty)?)),
        }
    }

    /// The tree of the future of this type at this address.
    pub(crate) fn tree(&self, at: At) -> Result<Node, Error> {
        if self.base.get() == 0 {
            self.steps.set(0);
            self.held_steps.set(0);
            self.began.set(std::ptr::from_ref(&at).addr());
        }
        let shape = self.shape(at.ty)?;
        if let (Body::Coroutine(coroutine), None) = (&shape.body, shape.rule) {
            // Most tasks are one, and need no list.
            return self.coroutine(shape, coroutine, at, 0);
        }
        let mut nodes = Vec::new();
        self.visit(at, 0, &mut nodes)?;
        match nodes.len() {
            1 => Ok(nodes.remove(0)),
            _ => Ok(self.made_of(shape, nodes)),
        }
    }

    /// What the task holds that was read last. What the tasks inside of it hold counts as its own.
    pub(crate) fn take_holds(&self) -> Vec<Hold> {
        if self.base.get() == 0 { self.holds.take() } else { Vec::new() }
    }

    /// Adds the futures that the value is or holds.
    fn visit(&self, at: At, depth: usize, out: &mut Vec<Node>) -> Result<(), Error> {
        self.steps.set(self.steps.get() + 1);
        let stack = self.began.get().abs_diff(std::ptr::from_ref(&at).addr());
        let deep = depth + self.base.get() > DEPTH || stack > STACK;
        if deep || self.steps.get() > STEPS {
            out.push(Node::new(NodeKind::Cut, "more, too deep or too many to follow"));
            return Ok(());
        }
        let shape = self.shape(at.ty)?;
        if let Some(rule) = shape.rule {
            out.extend(self.known(rule, shape, at, depth)?);
            return Ok(());
        }
        match &shape.body {
            Body::Coroutine(coroutine) => {
                out.push(self.coroutine(shape, coroutine, at, depth)?);
                Ok(())
            }
            Body::Struct(_) if types::is_data(shape) => Ok(()),
            Body::Struct(_) if types::polls_closure(shape) => self.polled_closure(at, depth, out),
            Body::Struct(fields) => self.structure(shape, fields, at, depth, out),
            Body::Enum(_) => self.enumeration(shape, at, depth, out),
            Body::Pointer { kind: PointerKind::Unique, to } if self.may_wait(*to) => {
                self.visit(self.deref(at, *to)?, depth + 1, out)
            }
            Body::Dyn { kind: PointerKind::Unique, future: true, .. } => {
                self.behind_dyn(at, depth, out)
            }
            Body::Slice { kind: PointerKind::Unique, pointer, len, of } => {
                if !self.may_wait(*of) {
                    return Ok(());
                }
                let start = uint(self.memory, at.address, *pointer, 8)?;
                let len = uint(self.memory, at.address, *len, 8)?;
                self.elements(At { ty: *of, address: start }, len, depth, out)
            }
            Body::Array { of, count } if self.may_wait(*of) => {
                self.elements(At { ty: *of, address: at.address }, *count, depth, out)
            }
            _ => Ok(()),
        }
    }

    /// As [`Walk::visit`], where what cannot be read cuts the branch.
    fn visit_or_cut(&self, at: At, depth: usize, out: &mut Vec<Node>) {
        if let Err(error) = self.visit(at, depth, out) {
            out.push(Node::new(NodeKind::Cut, error.to_string()));
        }
    }

    fn structure(
        &self,
        shape: &Shape,
        fields: &[Field],
        at: At,
        depth: usize,
        out: &mut Vec<Node>,
    ) -> Result<(), Error> {
        if let Some(future) = self.in_shared_lock(shape, at)? {
            return self.visit(future, depth + 1, out);
        }
        let mut inside = Vec::new();
        for field in fields.iter().filter(|field| self.may_wait(field.ty)) {
            self.visit_or_cut(at.inside(field), depth + 1, &mut inside);
        }
        self.wrap(shape, inside, out);
        Ok(())
    }

    /// What a closure that is polled has captured: the futures that it polls in turn. Of those of a
    /// `select!`, only the branches that it still polls.
    fn polled_closure(&self, at: At, depth: usize, out: &mut Vec<Node>) -> Result<(), Error> {
        let closure = self.field(at, "f")?;
        let shape = self.shape(closure.ty)?;
        let Body::Struct(fields) = &shape.body else {
            return Ok(());
        };
        let all = || fields.iter().map(|field| closure.inside(field)).collect();
        let polled = self.selected(fields, closure).unwrap_or_else(all);
        for future in polled.into_iter().filter(|future| self.may_wait(future.ty)) {
            self.visit_or_cut(future, depth + 1, out);
        }
        Ok(())
    }

    fn enumeration(
        &self,
        shape: &Shape,
        at: At,
        depth: usize,
        out: &mut Vec<Node>,
    ) -> Result<(), Error> {
        let (_, variant) = self.variant(at)?;
        let mut inside = Vec::new();
        // A variant is a struct of its own, which says no more than the enum does.
        let of_variant = self.shape(variant.ty)?;
        match &of_variant.body {
            Body::Struct(fields) if of_variant.rule.is_none() => {
                for field in fields.iter().filter(|field| self.may_wait(field.ty)) {
                    self.visit_or_cut(variant.inside(field), depth + 1, &mut inside);
                }
            }
            _ => self.visit_or_cut(variant, depth + 1, &mut inside),
        }
        self.wrap(shape, inside, out);
        Ok(())
    }

    /// Puts the futures of a value below a node of its own, unless the value is a mere wrapper.
    fn wrap(&self, shape: &Shape, inside: Vec<Node>, out: &mut Vec<Node>) {
        if inside.is_empty() || types::is_transparent(shape) {
            out.extend(inside);
        } else {
            let mut node = Node::new(NodeKind::Adapter, Arc::clone(&shape.name));
            node.children = inside;
            // A public type around a private one of the same name says no less.
            let last = |name: &str| name.rsplit("::").next().map(str::to_owned);
            while node.children.len() == 1
                && node.children[0].kind == NodeKind::Adapter
                && last(&node.children[0].name) == last(&node.name)
            {
                node.children = std::mem::take(&mut node.children[0].children);
            }
            node.children.shrink_to_fit();
            out.push(node);
        }
    }

    fn elements(
        &self,
        first: At,
        count: u64,
        depth: usize,
        out: &mut Vec<Node>,
    ) -> Result<(), Error> {
        let size = self.shape(first.ty)?.size;
        for number in 0..count.min(MANY as u64) {
            let address = first.address.wrapping_add(number.wrapping_mul(size));
            self.visit_or_cut(At { ty: first.ty, address }, depth + 1, out);
        }
        if count > MANY as u64 {
            out.push(Node::new(NodeKind::Cut, format!("{} more", count - MANY as u64)));
        }
        Ok(())
    }

    fn behind_dyn(&self, at: At, depth: usize, out: &mut Vec<Node>) -> Result<(), Error> {
        match self.concrete(at)? {
            Some(concrete) => self.visit_whole(concrete, depth + 1, out),
            None => {
                let unknown = "a `dyn Future` whose type the debug info does not tell";
                out.push(Node::new(NodeKind::Cut, unknown));
                Ok(())
            }
        }
    }

    /// Visits something that is a future for certain: if nothing is known inside it, it is a leaf.
    fn visit_whole(&self, at: At, depth: usize, out: &mut Vec<Node>) -> Result<(), Error> {
        let before = out.len();
        self.visit(at, depth, out)?;
        if out.len() == before {
            let shape = self.shape(at.ty)?;
            out.push(self.made_of(shape, Vec::new()));
        }
        Ok(())
    }

    fn made_of(&self, shape: &Shape, children: Vec<Node>) -> Node {
        let leaf = children.is_empty();
        let kind = if leaf { NodeKind::Leaf } else { NodeKind::Adapter };
        let mut node = Node::new(kind, Arc::clone(&shape.name));
        node.wait = leaf.then(|| Wait::new(WaitKind::Other));
        node.children = children;
        node
    }
}

/// A state that no coroutine has: it was read while it changed, or is no coroutine.
fn torn(shape: &Shape) -> Error {
    Error::unknown(&shape.name, "the state that its memory tells")
}
