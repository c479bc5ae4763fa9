//! Futures that the table knows, each looked into in its own way.

use std::sync::Arc;

use super::coroutine::not_suspended;
use super::{At, Walk};
use crate::Error;
use crate::leaves::{Look, Rule};
use crate::names;
use crate::shape::{Body, Shape};
use crate::tree::{Node, NodeKind, TypeId};
use crate::wait::{Wait, WaitKind};

impl Walk<'_> {
    /// The node of a future that this rule is about, or none where nothing in it is one.
    pub(super) fn known(
        &self,
        rule: &Rule,
        shape: &Shape,
        at: At,
        depth: usize,
    ) -> Result<Option<Node>, Error> {
        let node = match rule.look {
            Look::Nothing => return Ok(None),
            Look::Leaf(kind) => self.leaf(kind, rule, shape, at)?,
            Look::Timeout => {
                let mut node = self.around(rule, shape, at, depth, self.field(at, "value")?);
                node.wait = Some(self.details(WaitKind::Timeout, shape, at));
                node
            }
            Look::Forward => {
                // An item that the sink has not taken yet comes first.
                let (buffered, _) = self.variant(self.field(at, "buffered_item")?)?;
                let field = if &*buffered == "Some" { "sink" } else { "stream" };
                self.around(rule, shape, at, depth, self.field(at, field)?)
            }
            Look::Instrumented => {
                // Alive as long as what holds it, though `ManuallyDrop` does not say so.
                let inner = self.field(self.field(at, "inner")?, "value")?;
                self.around(rule, shape, at, depth, inner)
            }
            Look::First(first, second) => {
                // The second is not polled before the first is over.
                let node = self.around(rule, shape, at, depth, self.field(at, first)?);
                match node.children.is_empty() {
                    true => self.around(rule, shape, at, depth, self.field(at, second)?),
                    false => node,
                }
            }
            Look::Unordered => self.unordered(rule, shape, at, depth)?,
            Look::LocalSet => self.local_set(rule, shape, at, depth)?,
            Look::SharedFuture => self.shared(rule, shape, at, depth)?,
            Look::OnceCell => return self.once_cell(rule, shape, at, depth),
        };
        Ok(Some(node))
    }

    /// A known future's name, with its generics.
    pub(super) fn told(&self, rule: &Rule, shape: &Shape, ty: TypeId) -> Arc<str> {
        let mut told = self.told.borrow_mut();
        let name = told.entry(ty).or_insert_with(|| match rule.name {
            "" => format!("{}{}", shape.name, shape.generics).into(),
            name => name.replace("<>", &names::first_generic(&shape.generics)).into(),
        });
        Arc::clone(name)
    }

    fn leaf(&self, kind: WaitKind, rule: &Rule, shape: &Shape, at: At) -> Result<Node, Error> {
        if let Body::Coroutine(coroutine) = &shape.body {
            let state = self.state_of(shape, coroutine, at)?;
            if let Some(node) = not_suspended(shape, coroutine, state) {
                return Ok(node);
            }
        }
        let mut node = Node::new(NodeKind::Leaf, self.told(rule, shape, at.ty));
        node.wait = Some(self.details(kind, shape, at));
        Ok(node)
    }

    /// A future and the one that it is made around.
    fn around(&self, rule: &Rule, shape: &Shape, at: At, depth: usize, inner: At) -> Node {
        let mut node = Node::new(NodeKind::Adapter, self.told(rule, shape, at.ty));
        self.visit_or_cut(inner, depth + 1, &mut node.children);
        node
    }

    /// Whoever initialises the cell is shown as it is; the others wait for a semaphore of the cell's.
    fn once_cell(
        &self,
        rule: &Rule,
        shape: &Shape,
        at: At,
        depth: usize,
    ) -> Result<Option<Node>, Error> {
        let Body::Coroutine(coroutine) = &shape.body else {
            return Ok(None);
        };
        let mut node = self.coroutine(shape, coroutine, at, depth)?;
        node.name = self.told(rule, shape, at.ty);
        for child in &mut node.children {
            let wait = child.wait.as_mut().filter(|wait| wait.kind == WaitKind::Semaphore);
            if let Some(wait) = wait {
                *wait = Wait::new(WaitKind::OnceCell);
            }
        }
        Ok(Some(node))
    }
}
