//! Survivors that only wait for a timer.

use std::time::Duration;

use leakcheck_inspect::{Node, Phase, WaitKind};

use crate::inspect::Inspected;

/// When the task goes on by itself, if all that it waits for is one timer: a sleep, or one thing
/// under a timeout.
pub(crate) fn due(task: &Inspected) -> Option<Duration> {
    if task.phase != Phase::Waiting {
        return None;
    }
    let mut earliest = None;
    let mut node = task.tree.as_ref()?;
    loop {
        let remaining = remaining(node);
        earliest = earliest.into_iter().chain(remaining).min();
        match node.children.as_slice() {
            [] => return earliest,
            [only] => node = only,
            _ => return None,
        }
    }
}

fn remaining(node: &Node) -> Option<Duration> {
    let wait = node.wait.as_ref()?;
    let timer = matches!(wait.kind, WaitKind::Sleep | WaitKind::Timeout);
    let ms = wait.remaining_ms.filter(|_| timer)?;
    Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use leakcheck_inspect::{NodeKind, Wait};

    use super::*;

    fn node(kind: NodeKind, wait: Option<(WaitKind, i64)>, children: Vec<Node>) -> Node {
        let mut node = Node::new(kind, "app::node");
        node.wait = wait.map(|(kind, ms)| {
            let mut wait = Wait::new(kind);
            wait.remaining_ms = Some(ms);
            wait
        });
        node.children = children;
        node
    }

    fn due_ms(tree: Node) -> Option<u128> {
        due(&Inspected::test(1, "app::node", Some(tree))).map(|due| due.as_millis())
    }

    fn sleep(ms: i64) -> Node {
        node(NodeKind::Leaf, Some((WaitKind::Sleep, ms)), Vec::new())
    }

    #[test]
    fn a_task_that_only_sleeps_is_due_when_the_sleep_is() {
        assert_eq!(due_ms(node(NodeKind::Function, None, vec![sleep(30)])), Some(30));
        assert_eq!(due_ms(sleep(-5)), Some(0), "it fires any moment");
    }

    #[test]
    fn a_timeout_ends_what_is_under_it() {
        let stuck = node(NodeKind::Leaf, None, Vec::new());
        let timeout = Some((WaitKind::Timeout, 50));
        assert_eq!(due_ms(node(NodeKind::Adapter, timeout, vec![stuck])), Some(50));
        assert_eq!(due_ms(node(NodeKind::Adapter, timeout, vec![sleep(70)])), Some(50));
    }

    #[test]
    fn a_task_that_waits_for_more_is_not_due() {
        let stuck = node(NodeKind::Leaf, None, Vec::new());
        assert_eq!(due_ms(stuck.clone()), None);
        assert_eq!(due_ms(node(NodeKind::Function, None, vec![sleep(30), stuck])), None);
    }
}
