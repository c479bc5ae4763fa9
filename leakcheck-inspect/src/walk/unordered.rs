//! Collections of futures that keep them in lists of their own (futures-util's private names).

use super::{At, MANY, Walk};
use crate::Error;
use crate::leaves::Rule;
use crate::memory::word;
use crate::shape::Shape;
use crate::tree::{Node, NodeKind};
use crate::wait::{Wait, WaitKind};

impl Walk<'_> {
    /// The futures of a `FuturesUnordered`.
    pub(super) fn unordered(
        &self,
        rule: &Rule,
        shape: &Shape,
        at: At,
        depth: usize,
    ) -> Result<Node, Error> {
        let mut node = Node::new(NodeKind::Adapter, self.told(rule, shape, at.ty));
        let head = self.find(at, "head_all")?;
        if word(self.memory, head.address, 0)? != 0 {
            let mut next = self.pointee(head)?;
            loop {
                if node.children.len() >= MANY {
                    node.children.push(Node::new(NodeKind::Cut, "more"));
                    break;
                }
                self.visit_or_cut(self.field(next, "future")?, depth + 1, &mut node.children);
                let after = self.field(next, "next_all")?;
                if word(self.memory, after.address, 0)? == 0 {
                    break;
                }
                next = self.pointee(after)?;
            }
        }
        if node.children.is_empty() {
            node.kind = NodeKind::Leaf;
            node.wait = Some(Wait::new(WaitKind::Empty));
        }
        Ok(node)
    }
}
