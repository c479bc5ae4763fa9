//! Which of a survivor's leaves tells what it is stuck on.
//!
//! The rule, where a `select!` or a `join!` has several: what was made to end the task comes first
//! (its token), then what somebody else holds up (a lock, a task, an answer), then the work it
//! waits for, then time, and last what cannot happen at all. The user's own functions come before
//! what a library awaits beside them.

use std::collections::HashSet;

use leakcheck_inspect::{Node, NodeKind, Wait, WaitKind};

use super::around::{Around, Fork, has_own};
use crate::awaits::OwnFiles;

/// Nodes that are looked at, at most: a tree comes out of memory that may be anything.
pub(super) const LOOKED_AT: usize = 4096;

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
    /// Whether it is a socket's that has no connection, and so no other side that closes.
    pub(super) datagrams: bool,
    /// The `join!` that it is a branch of: all of them have to end.
    joined: Option<usize>,
    /// Whether it is beside the user's own functions, in a branch that a library made.
    beside_own: bool,
}

impl<'a> Stuck<'a> {
    /// `None` where no leaf is known.
    pub(super) fn in_tree(tree: &'a Node, own: &OwnFiles) -> Option<Self> {
        let (mut leaves, complete) = leaves(tree, own);
        let endless = leaves.iter().filter(|leaf| leaf.is_endless());
        let endless: HashSet<usize> = endless.filter_map(|leaf| leaf.joined).collect();
        leaves.sort_by_key(|leaf| leaf.rank(&endless));
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

    fn is_endless(&self) -> bool {
        matches!(self.wait.kind, WaitKind::Pending | WaitKind::Empty)
    }

    /// `endless` are the `join!`s that never end: a timer in one of these ends nothing.
    fn rank(&self, endless: &HashSet<usize>) -> (bool, bool, bool, usize) {
        let timer = matches!(
            self.wait.kind,
            WaitKind::Sleep | WaitKind::Timeout | WaitKind::Interval | WaitKind::Yield
        );
        let in_vain = timer && self.joined.is_some_and(|join| endless.contains(&join));
        let rank = TELLING.iter().position(|kind| *kind == self.wait.kind);
        (self.is_over(), self.beside_own, in_vain, rank.unwrap_or(TELLING.len()))
    }
}

fn leaves<'a>(tree: &'a Node, own: &OwnFiles) -> (Vec<Leaf<'a>>, bool) {
    let mut found = Vec::new();
    let mut complete = true;
    let mut looked_at = 0;
    let mut left = vec![(tree, Around::default())];
    while let Some((node, around)) = left.pop() {
        looked_at += 1;
        if looked_at > LOOKED_AT {
            return (found, false);
        }
        let within = around.and(node, own);
        match (node.children.as_slice(), &node.wait, node.kind) {
            ([only], _, _) => left.push((only, within)),
            ([_, _, ..], _, _) => {
                let has_own = !within.in_own && has_own(node, own);
                let fork = Fork { id: looked_at, has_own };
                let branches = node.children.iter().rev();
                left.extend(branches.map(|child| (child, within.branch(child, fork, own))));
            }
            ([], _, NodeKind::Done) => {}
            ([], Some(wait), _) => found.push(Leaf {
                wait,
                deadline_ms: around.deadline_ms,
                subscribed: within.subscribed,
                datagrams: within.datagrams,
                joined: around.joined,
                beside_own: around.beside_own,
            }),
            ([], None, _) => complete = false,
        }
    }
    (found, complete)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::tests::{leaf, select};

    fn in_tree(tree: &Node) -> Option<Stuck<'_>> {
        Stuck::in_tree(tree, &OwnFiles::default())
    }

    fn check(tree: &Node, expected: WaitKind) {
        assert_eq!(in_tree(tree).map(|stuck| stuck.on.wait.kind), Some(expected), "{tree}");
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
    fn a_timer_is_not_what_keeps_a_join_that_never_ends() {
        let mut join = select([leaf(WaitKind::Sleep), leaf(WaitKind::Pending)]);
        check(&join, WaitKind::Sleep);
        join.within = Some("join!".into());
        check(&join, WaitKind::Pending);
        let name = "futures_util::future::join_all::JoinAll<app::F>";
        let mut all = Node::new(NodeKind::Adapter, name);
        all.children.extend([leaf(WaitKind::Sleep), select([leaf(WaitKind::Pending)])]);
        check(&all, WaitKind::Pending);
        let way_out = select([leaf(WaitKind::Pending), leaf(WaitKind::Sleep)]);
        all.children[1] = way_out;
        check(&all, WaitKind::Sleep);
    }

    #[test]
    fn the_users_own_branch_tells_more_than_a_librarys_beside_it() {
        let mut handler = select([leaf(WaitKind::Sleep)]);
        let at = leakcheck_inspect::Source { file: "src/app.rs".into(), line: 3 };
        handler.at = Some(at);
        let mut tree = Node::new(NodeKind::Adapter, "hyper::server::conn::http1::Connection");
        tree.children.extend([leaf(WaitKind::Read), handler]);
        check(&tree, WaitKind::Read);
        let own = crate::awaits::localise(&mut tree, &crate::place::Workspace::without_root());
        let stuck = Stuck::in_tree(&tree, &own).unwrap();
        assert_eq!(stuck.on.wait.kind, WaitKind::Sleep);
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
        let complete = |tree: &Node| in_tree(tree).unwrap().complete;
        let cut = Node::new(NodeKind::Cut, "too deep");
        let done = Node::new(NodeKind::Done, "app::done");
        assert!(!complete(&select([leaf(WaitKind::Join), cut])));
        assert!(complete(&select([leaf(WaitKind::Join), done])));
    }

    #[test]
    fn a_tree_without_a_known_leaf_tells_nothing() {
        assert!(in_tree(&Node::new(NodeKind::Function, "app::f")).is_none());
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
        assert_eq!(in_tree(&tree).unwrap().on.deadline_ms, Some(900));
    }

    #[test]
    fn every_kind_has_a_place_in_the_order_and_only_one() {
        let mut seen = std::collections::HashSet::new();
        assert!(TELLING.iter().all(|kind| seen.insert(*kind)));
    }

    #[test]
    fn a_tree_without_end_is_looked_at_for_a_bounded_time() {
        let many = (0..=LOOKED_AT).map(|_| leaf(WaitKind::Read));
        let tree = many.fold(select([]), |mut tree, leaf| {
            tree.children.push(leaf);
            tree
        });
        assert!(!in_tree(&tree).unwrap().complete);
    }
}
