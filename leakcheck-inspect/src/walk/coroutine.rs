//! Coroutines: `async fn`s, blocks and closures.

use std::sync::Arc;

use super::{At, Walk, torn};
use crate::Error;
use crate::memory::uint;
use crate::shape::{Coroutine, CoroutineState, Shape, StateKind, Tag};
use crate::tree::{Node, NodeKind};

impl Walk<'_> {
    pub(super) fn coroutine(
        &self,
        shape: &Shape,
        coroutine: &Coroutine,
        at: At,
        depth: usize,
    ) -> Result<Node, Error> {
        let state = self.state_of(shape, coroutine, at)?;
        if matches!(state.kind, StateKind::Suspended | StateKind::Unresumed) {
            self.note_holds(shape, state, at);
        }
        if let Some(node) = not_suspended(shape, coroutine, state) {
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

    pub(super) fn state_of<'c>(
        &self,
        shape: &Shape,
        coroutine: &'c Coroutine,
        at: At,
    ) -> Result<&'c CoroutineState, Error> {
        coroutine.state(self.tag(coroutine.tag, at)?).ok_or_else(|| torn(shape))
    }

    pub(super) fn tag(&self, tag: Tag, at: At) -> Result<Option<u64>, Error> {
        tag.map(|(offset, size)| uint(self.memory, at.address, offset, size as usize)).transpose()
    }
}

/// A node for a coroutine that does not wait: not polled yet, or over.
pub(super) fn not_suspended(
    shape: &Shape,
    coroutine: &Coroutine,
    state: &CoroutineState,
) -> Option<Node> {
    let kind = match state.kind {
        StateKind::Suspended => return None,
        StateKind::Unresumed => NodeKind::Unstarted,
        StateKind::Returned | StateKind::Panicked => NodeKind::Done,
    };
    let mut node = Node::new(kind, Arc::clone(&shape.name));
    node.at.clone_from(&coroutine.start);
    Some(node)
}
