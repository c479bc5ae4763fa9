//! A `LocalSet`'s tasks: the set is part of whatever runs it, and no runtime knows them.

use super::{At, MANY, Walk};
use crate::leaves::Rule;
use crate::memory::word;
use crate::shape::Shape;
use crate::tree::{Node, NodeKind, Phase};
use crate::{Error, Task};

impl Walk<'_> {
    pub(super) fn local_set(
        &self,
        rule: &Rule,
        shape: &Shape,
        at: At,
        depth: usize,
    ) -> Result<Node, Error> {
        let mut node = Node::new(NodeKind::Adapter, self.told(rule, shape, at.ty));
        let set = match self.field(at, "future") {
            Ok(future) => {
                self.visit_or_cut(future, depth + 1, &mut node.children);
                self.pointee(self.field(at, "local_set")?)?
            }
            Err(_) => at,
        };
        // A set may run inside itself.
        let base = self.base.get();
        self.base.set(base + depth + 1);
        let told = self.local_tasks(set, &mut node.children);
        self.base.set(base);
        if let Err(error) = told {
            node.children.push(Node::new(NodeKind::Cut, error.to_string()));
        }
        Ok(node)
    }

    fn local_tasks(&self, set: At, out: &mut Vec<Node>) -> Result<(), Error> {
        let context = self.counted(self.field(set, "context")?)?;
        let shared = self.counted(self.field(context, "shared")?)?;
        let owned = self.find(shared, "owned")?;
        let head = self.find(owned, "head")?;
        let mut next = word(self.memory, head.address, 0)?;
        for _ in 0..MANY {
            if next == 0 {
                return Ok(());
            }
            let task = self.task(next)?;
            next = self.next_task(next)?;
            out.push(node_of(task));
        }
        out.push(Node::new(NodeKind::Cut, "more tasks"));
        Ok(())
    }
}

fn node_of(task: Task) -> Node {
    let phase = match task.phase {
        Phase::Waiting => "",
        Phase::NeverPolled => ", never polled",
        Phase::Notified => ", notified",
        Phase::Running => ", running",
        Phase::Cancelled => ", cancelled",
        Phase::Finished => ", finished",
    };
    let mut node = Node::new(NodeKind::Task, format!("task {}{phase}", task.id));
    node.children.extend(task.tree);
    node.children.extend(task.unknown.map(|why| Node::new(NodeKind::Cut, why)));
    node
}
