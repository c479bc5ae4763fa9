//! Tasks that never stand still, and of which each state can be told from every other: below one
//! future there is always the same other, which is always suspended at the same line.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use leakcheck_inspect::{Node, NodeKind};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::{Id, yield_now};

/// A kind of tasks that do not end before they are stopped.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) spawn: fn(&Handle, Arc<AtomicBool>) -> Vec<Id>,
    pub(crate) valid: fn(&Node) -> bool,
    /// Whether it waits all the time, so always has a tree.
    pub(crate) parked: bool,
}

pub(crate) const KINDS: [Kind; 6] = [
    Kind {
        name: "parked",
        spawn: |on, _| vec![on.spawn(parked()).id()],
        valid: |tree| is(tree, &["parked", "core::future::Pending<()>"]),
        parked: true,
    },
    Kind {
        name: "by value",
        spawn: |on, stop| vec![on.spawn(by_value(stop)).id()],
        valid: |tree| alternates(tree, "by_value", &[]),
        parked: false,
    },
    Kind {
        name: "by box",
        spawn: |on, stop| vec![on.spawn(by_box(stop)).id()],
        valid: |tree| alternates(tree, "by_box", &["boxed_a", "boxed_b"]),
        parked: false,
    },
    Kind {
        name: "wide",
        spawn: |on, stop| vec![on.spawn(wide(stop)).id()],
        valid: |tree| alternates(tree, "wide", &["wide_a", "wide_b"]),
        parked: false,
    },
    Kind {
        name: "ping-pong",
        spawn: ping_pong,
        valid: |tree| is(tree, &["ping", "tokio::sync::Notify::notified"]),
        parked: false,
    },
    Kind {
        name: "spawner",
        spawn: |on, stop| vec![on.spawn(spawner(stop)).id()],
        valid: |tree| is(tree, &["spawner", "tokio::task::JoinHandle<()>"]),
        parked: false,
    },
];

/// Whether it is a tree of a task that a spawner spawned.
pub(crate) fn churned(tree: &Node) -> bool {
    let unstarted = tree.kind == NodeKind::Unstarted && tree.children.is_empty();
    alternates(tree, "churn", &[]) || (unstarted && named(tree, "churn"))
}

/// Whether the tree is a chain of `root`, one of these two if there are any, and the inner future
/// that belongs to it, suspended where it always is.
fn alternates(tree: &Node, root: &str, around: &[&str]) -> bool {
    let inner = [("inner_a", IN_A), ("inner_b", IN_B)];
    let unstarted = tree.kind == NodeKind::Unstarted && tree.children.is_empty();
    let suspended = inner.iter().enumerate().any(|(at, (name, line))| {
        let mut names = vec![root];
        names.extend(around.get(at));
        names.extend([*name, "tokio::task::yield_now"]);
        let line = |node: &Node| node.at.as_ref().is_some_and(|at| at.line == *line);
        is(tree, &names) && tree.walk().filter(|node| named(node, name)).all(line)
    });
    suspended || (unstarted && named(tree, root))
}

/// Whether the tree is a chain of futures with these names.
fn is(tree: &Node, names: &[&str]) -> bool {
    let nodes: Vec<&Node> = tree.walk().collect();
    let unstarted =
        tree.kind == NodeKind::Unstarted && names.first().is_some_and(|n| named(tree, n));
    let chain = nodes.len() == names.len()
        && nodes.iter().zip(names).all(|(node, name)| named(node, name))
        && nodes.iter().all(|node| node.children.len() < 2);
    chain || (unstarted && nodes.len() == 1)
}

fn named(node: &Node, name: &str) -> bool {
    node.name.strip_prefix("stress::busy::").unwrap_or(&node.name) == name
}

/// Suspended in its fourth state only: the others are passed without a pause.
async fn inner_a(kept: [u8; 24]) -> u8 {
    let mut sum = 0;
    sum += std::future::ready(1).await;
    sum += std::future::ready(2).await;
    sum += std::future::ready(3).await;
    yield_now().await;
    sum + kept[3]
}
const IN_A: u32 = line!() - 3;

/// Suspended in its second state only, and larger.
async fn inner_b(kept: [u8; 40]) -> u8 {
    let sum = std::future::ready(1).await;
    yield_now().await;
    sum + kept[5]
}
const IN_B: u32 = line!() - 3;

async fn parked() {
    std::future::pending::<()>().await;
}

async fn by_value(stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        inner_a([1; 24]).await;
        inner_b([2; 40]).await;
    }
}

type Boxed = Pin<Box<dyn Future<Output = u8> + Send>>;

async fn boxed_a(inner: Boxed) -> u8 {
    inner.await
}

async fn boxed_b(inner: Boxed) -> u8 {
    inner.await
}

/// The type behind a `dyn` pointer alternates, often at the same address.
async fn by_box(stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        boxed_a(Box::pin(inner_a([1; 24]))).await;
        boxed_b(Box::pin(inner_b([2; 40]))).await;
    }
}

async fn wide_a(inner: Boxed, kept: [u8; 5000]) -> u8 {
    inner.await + kept[9]
}

async fn wide_b(kept: [u8; 6000], inner: Boxed) -> u8 {
    inner.await + kept[9]
}

/// Its parts are on pages of their own.
async fn wide(stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        wide_a(Box::pin(inner_a([1; 24])), [1; 5000]).await;
        wide_b([2; 6000], Box::pin(inner_b([2; 40]))).await;
    }
}

fn ping_pong(on: &Handle, stop: Arc<AtomicBool>) -> Vec<Id> {
    let (here, there) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let there_and_back = ping(Arc::clone(&there), Arc::clone(&here), Arc::clone(&stop));
    let pair = [on.spawn(ping(here, there, stop)), on.spawn(there_and_back)];
    pair.map(|task| task.id()).to_vec()
}

async fn ping(here: Arc<Notify>, there: Arc<Notify>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        there.notify_one();
        here.notified().await;
    }
    there.notify_one();
}

/// Its task always has another one to wait for.
async fn spawner(stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let _ = tokio::spawn(churn()).await;
    }
}

async fn churn() {
    inner_a([1; 24]).await;
    inner_b([2; 40]).await;
}
