//! What stands around a leaf of an await tree: timeouts, `join!`s, whose code it is.

use leakcheck_inspect::{Node, NodeKind, Wait, WaitKind};

use super::leaves::LOOKED_AT;
use crate::awaits::OwnFiles;

/// Sockets without a connection.
const DATAGRAMS: [&str; 2] = ["UdpSocket", "UnixDatagram"];

/// What is around a node.
#[derive(Clone, Copy, Default)]
pub(super) struct Around {
    pub(super) deadline_ms: Option<i64>,
    pub(super) subscribed: bool,
    pub(super) datagrams: bool,
    /// Whether the branches that come next are those of a `join!`.
    joins: bool,
    pub(super) joined: Option<usize>,
    /// Whether the nearest function is the user's own.
    pub(super) in_own: bool,
    pub(super) beside_own: bool,
}

impl Around {
    /// What is around whatever the node awaits, the node included.
    pub(super) fn and(mut self, node: &Node, own: &OwnFiles) -> Self {
        self.deadline_ms = nearer(self.deadline_ms, node.wait.as_ref());
        self.subscribed |= is_subscription(&node.name);
        self.datagrams |= has_segment(&node.name, |name| DATAGRAMS.contains(&name));
        self.joins = is_join(node) || self.joins && node.kind != NodeKind::Function;
        if node.kind == NodeKind::Function {
            self.in_own = own.has(node);
        }
        self
    }

    /// The same for one of several branches. A `join!` within another has to end too.
    pub(super) fn branch(mut self, branch: &Node, fork: Fork, own: &OwnFiles) -> Self {
        self.joined = self.joins.then(|| self.joined.unwrap_or(fork.id));
        self.joins = false;
        self.beside_own |= fork.has_own && !has_own(branch, own);
        self
    }
}

/// A node with several branches.
#[derive(Clone, Copy)]
pub(super) struct Fork {
    pub(super) id: usize,
    /// Whether a library made it, and the user's own functions are in some branch.
    pub(super) has_own: bool,
}

pub(super) fn has_own(tree: &Node, own: &OwnFiles) -> bool {
    tree.walk().take(LOOKED_AT).any(|node| own.has(node))
}

/// Whether it ends only when all that it awaits has ended.
fn is_join(node: &Node) -> bool {
    let path = node.name.split('<').next().unwrap_or_default();
    let adapter = path.rsplit("::").next().unwrap_or_default();
    let name = adapter.strip_prefix("Try").unwrap_or(adapter);
    let by_adapter = || matches!(name, "JoinAll" | "Join" | "Join3" | "Join4" | "Join5");
    match &node.within {
        Some(within) => matches!(&**within, "join!" | "try_join!"),
        None => node.kind == NodeKind::Adapter && by_adapter(),
    }
}

/// The nearer of a deadline and the one that a timeout around other futures adds.
fn nearer(deadline_ms: Option<i64>, wait: Option<&Wait>) -> Option<i64> {
    let own = wait.filter(|wait| wait.kind == WaitKind::Timeout).and_then(|wait| wait.remaining_ms);
    deadline_ms.into_iter().chain(own).min()
}

/// Whether a path's own segments, not its generics, speak of a subscription.
fn is_subscription(name: &str) -> bool {
    has_segment(name, |segment| segment.contains("ubscri") || segment.ends_with("Stream"))
}

fn has_segment(name: &str, is_it: impl FnMut(&str) -> bool) -> bool {
    let path = name.trim_start_matches('<').split('<').next().unwrap_or_default();
    path.split([':', ' ']).any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_told_by_its_path_and_not_by_its_generics() {
        assert!(is_subscription("app::broker::Subscription::next"));
        assert!(is_subscription("<app::Subscriber as app::Next>::next"));
        assert!(is_subscription("tokio_stream::wrappers::ReceiverStream<app::Event>"));
        assert!(!is_subscription("app::Worker<app::Subscription>::run"));
    }
}
