//! Which of a survivor's leaves tells what it is stuck on.
//!
//! The rule, where a `select!` or a `join!` has several: what was made to end the task comes first
//! (its token), then what somebody else holds up (a lock, a task, an answer), then the work it
//! waits for, then time, and last what cannot happen at all.

use leakcheck_inspect::{Node, NodeKind, Wait, WaitKind};

/// Nodes that are looked at, at most: a tree comes out of memory that may be anything.
const LOOKED_AT: usize = 4096;

/// Which leaf is chosen: the kind that stands first here.
pub(super) const TELLING: [WaitKind; 35] = [
    WaitKind::Cancelled,
    WaitKind::Mutex,
    WaitKind::RwLockRead,
    WaitKind::RwLockWrite,
    WaitKind::Semaphore,
    WaitKind::OnceCell,
    WaitKind::Barrier,
    WaitKind::Join,
    WaitKind::TaskTracker,
    WaitKind::OneshotReceive,
    WaitKind::OneshotClosed,
    WaitKind::MpscSend,
    WaitKind::BroadcastReceive,
    WaitKind::WatchChanged,
    WaitKind::BroadcastClosed,
    WaitKind::WatchClosed,
    WaitKind::MpscClosed,
    WaitKind::MpscReceive,
    WaitKind::Notified,
    WaitKind::Accept,
    // Beside any of the above, a set of tasks is only tidied up.
    WaitKind::JoinSet,
    WaitKind::Signal,
    WaitKind::Child,
    WaitKind::Blocking,
    WaitKind::Connect,
    WaitKind::Read,
    WaitKind::Write,
    WaitKind::Ready,
    WaitKind::Interval,
    WaitKind::Sleep,
    WaitKind::Timeout,
    WaitKind::Yield,
    WaitKind::Other,
    WaitKind::Empty,
    WaitKind::Pending,
];

/// What a survivor waits for, read off its await tree.
#[derive(Debug)]
pub(super) struct Stuck<'a> {
    /// The leaf that tells most.
    pub(super) on: Leaf<'a>,
    /// The other leaves, the more telling first.
    pub(super) others: Vec<Leaf<'a>>,
    /// Whether every leaf could be read: then it waits for nothing else.
    pub(super) complete: bool,
}

/// A leaf, and what is around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf<'a> {
    pub(super) wait: &'a Wait,
    /// Milliseconds until the nearest timeout around it ends the wait.
    pub(super) deadline_ms: Option<i64>,
    /// Whether it is read through something that calls itself a subscription or a stream.
    pub(super) subscribed: bool,
}

impl<'a> Stuck<'a> {
    /// `None` where no leaf is known.
    pub(super) fn in_tree(tree: &'a Node) -> Option<Self> {
        let (mut leaves, complete) = leaves(tree);
        leaves.sort_by_key(|leaf| leaf.rank());
        let mut leaves = leaves.into_iter();
        Some(Self { on: leaves.next()?, others: leaves.collect(), complete })
    }
}

impl Leaf<'_> {
    /// Whether nobody is left who could send: a `select!` keeps such a branch, and waits for the
    /// others.
    pub(super) fn is_over(&self) -> bool {
        let receives = matches!(
            self.wait.kind,
            WaitKind::OneshotReceive
                | WaitKind::MpscReceive
                | WaitKind::BroadcastReceive
                | WaitKind::WatchChanged
        );
        receives && self.wait.peers == Some(0)
    }

    fn rank(&self) -> (bool, usize) {
        let rank = TELLING.iter().position(|kind| *kind == self.wait.kind);
        (self.is_over(), rank.unwrap_or(TELLING.len()))
    }
}

fn leaves(tree: &Node) -> (Vec<Leaf<'_>>, bool) {
    let mut found = Vec::new();
    let mut complete = true;
    let mut looked_at = 0;
    let mut left = vec![(tree, None, false)];
    while let Some((node, deadline_ms, subscribed)) = left.pop() {
        looked_at += 1;
        if looked_at > LOOKED_AT {
            return (found, false);
        }
        let subscribed = subscribed || is_subscription(&node.name);
        if !node.children.is_empty() {
            let deadline_ms = nearer(deadline_ms, node.wait.as_ref());
            left.extend(node.children.iter().rev().map(|child| (child, deadline_ms, subscribed)));
            continue;
        }
        match (&node.wait, node.kind) {
            (_, NodeKind::Done) => {}
            (Some(wait), _) => found.push(Leaf { wait, deadline_ms, subscribed }),
            (None, _) => complete = false,
        }
    }
    (found, complete)
}

/// The nearer of a deadline and the one that a timeout around other futures adds.
fn nearer(deadline_ms: Option<i64>, wait: Option<&Wait>) -> Option<i64> {
    let own = wait.filter(|wait| wait.kind == WaitKind::Timeout).and_then(|wait| wait.remaining_ms);
    deadline_ms.into_iter().chain(own).min()
}

/// Whether a path's own segments, not its generics, speak of a subscription.
fn is_subscription(name: &str) -> bool {
    let path = name.trim_start_matches('<').split('<').next().unwrap_or_default();
    path.split("::").any(|segment| segment.contains("ubscri") || segment.ends_with("Stream"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::tests::{leaf, select};

    fn check(tree: &Node, expected: WaitKind) {
        assert_eq!(Stuck::in_tree(tree).map(|stuck| stuck.on.wait.kind), Some(expected), "{tree}");
    }

    #[test]
    fn a_token_tells_more_than_the_work_beside_it() {
        let tree = select([leaf(WaitKind::MpscReceive), leaf(WaitKind::Cancelled)]);
        check(&tree, WaitKind::Cancelled);
    }

    #[test]
    fn work_tells_more_than_the_time_beside_it_and_pending_tells_least() {
        let idle = leaf(WaitKind::Pending);
        let tree = select([idle, leaf(WaitKind::Interval), leaf(WaitKind::Accept)]);
        check(&tree, WaitKind::Accept);
    }

    #[test]
    fn a_branch_whose_senders_are_gone_is_not_what_is_waited_for() {
        let mut closed = leaf(WaitKind::MpscReceive);
        closed.wait.as_mut().unwrap().peers = Some(0);
        check(&select([closed.clone(), leaf(WaitKind::Sleep)]), WaitKind::Sleep);
        check(&closed, WaitKind::MpscReceive);
    }

    #[test]
    fn what_could_not_be_read_makes_a_tree_incomplete() {
        let complete = |tree: &Node| Stuck::in_tree(tree).unwrap().complete;
        let cut = Node::new(NodeKind::Cut, "too deep");
        let done = Node::new(NodeKind::Done, "app::done");
        assert!(!complete(&select([leaf(WaitKind::Join), cut])));
        assert!(complete(&select([leaf(WaitKind::Join), done])));
    }

    #[test]
    fn a_tree_without_a_known_leaf_tells_nothing() {
        assert!(Stuck::in_tree(&Node::new(NodeKind::Function, "app::f")).is_none());
    }

    #[test]
    fn the_nearest_timeout_around_a_leaf_is_its_deadline() {
        let timeout = |ms, child| {
            let mut node = select([child]);
            let mut wait = Wait::new(WaitKind::Timeout);
            wait.remaining_ms = Some(ms);
            node.wait = Some(wait);
            node
        };
        let tree = timeout(900, timeout(30_000, leaf(WaitKind::Read)));
        assert_eq!(Stuck::in_tree(&tree).unwrap().on.deadline_ms, Some(900));
    }

    #[test]
    fn every_kind_has_a_place_in_the_order_and_only_one() {
        let mut seen = std::collections::HashSet::new();
        assert!(TELLING.iter().all(|kind| seen.insert(*kind)));
    }

    #[test]
    fn a_subscription_is_told_by_its_path_and_not_by_its_generics() {
        assert!(is_subscription("app::broker::Subscription::next"));
        assert!(is_subscription("<app::Subscriber as app::Next>::next"));
        assert!(is_subscription("tokio_stream::wrappers::ReceiverStream<app::Event>"));
        assert!(!is_subscription("app::Worker<app::Subscription>::run"));
    }

    #[test]
    fn a_tree_without_end_is_looked_at_for_a_bounded_time() {
        let many = (0..=LOOKED_AT).map(|_| leaf(WaitKind::Read));
        let tree = many.fold(select([]), |mut tree, leaf| {
            tree.children.push(leaf);
            tree
        });
        assert!(!Stuck::in_tree(&tree).unwrap().complete);
    }
}
