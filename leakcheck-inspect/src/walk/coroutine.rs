//! Coroutines: `async fn`s, blocks and closures.

use std::sync::Arc;

use super::{At, Walk, torn};
use crate::Error;
use crate::memory::uint;
use crate::shape::{Coroutine, Shape, StateKind, Tag};
use crate::tree::{Node, NodeKind};

impl Walk<'_> {
    pub(super) fn coroutine(
        &self,
        shape: &Shape,
        coroutine: &Coroutine,
        at: At,
        depth: usize,
    ) -> Result<Node, Error> {
        let tag = self.tag(coroutine.tag, at)?;
        let state = coroutine.state(tag).ok_or_else(|| torn(shape))?;
        if matches!(state.kind, StateKind::Suspended | StateKind::Unresumed) {
            self.note_holds(shape, state, at);
        }
        if let Some(node) = self.not_suspended(shape, coroutine, at)? {
            return Ok(node);
        }
        let mut node = Node::new(NodeKind::Function, Arc::clone(&shape.name));
        node.at.clone_from(&state.at);
        node.within.clone_from(&state.within);
        if let Some(awaitee) = &state.awaitee {
            let awaitee = at.inside(awaitee);
            // Mostly it is one, and a vector that grows has room for four.
            node.children.reserve_exact(1);
            if let Err(error) = self.visit_whole(awaitee, depth + 1, &mut node.children) {
                node.children.push(Node::new(NodeKind::Cut, error.to_string()));
            }
        }
        Ok(node)
    }

    /// A node for a coroutine that does not wait: not polled yet, or over.
    pub(super) fn not_suspended(
        &self,
        shape: &Shape,
        coroutine: &Coroutine,
        at: At,
    ) -> Result<Option<Node>, Error> {
        let tag = self.tag(coroutine.tag, at)?;
        let kind = match coroutine.state(tag).ok_or_else(|| torn(shape))?.kind {
            StateKind::Suspended => return Ok(None),
            StateKind::Unresumed => NodeKind::Unstarted,
            StateKind::Returned | StateKind::Panicked => NodeKind::Done,
        };
        let mut node = Node::new(kind, Arc::clone(&shape.name));
        node.at.clone_from(&coroutine.start);
        Ok(Some(node))
    }

    pub(super) fn tag(&self, tag: Tag, at: At) -> Result<Option<u64>, Error> {
        tag.map(|(offset, size)| uint(self.memory, at.address, offset, size as usize)).transpose()
    }
}
