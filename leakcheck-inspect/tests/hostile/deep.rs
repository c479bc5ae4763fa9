//! Futures that hold each other, or themselves.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use leakcheck_inspect::{Image, Inspector, Memory as _, Node, NodeKind, Process, ProcessMemory};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::STACK;
use crate::memory::descend;

static INSPECTOR: LazyLock<Inspector> =
    LazyLock::new(|| Inspector::new(Image::current().expect("an executable")));

/// The tree of a future that was polled once.
fn tree(future: &dyn Future<Output = ()>) -> Node {
    let words = std::ptr::from_ref(&future) as u64;
    let word = |at| {
        let mut bytes = [0; 8];
        ProcessMemory::own().read(words + at, &mut bytes).expect("our own memory");
        u64::from_le_bytes(bytes)
    };
    let process = Process::own().expect("this process");
    INSPECTOR.future(process, word(0), word(8)).expect("a tree")
}

fn poll(future: Pin<&mut dyn Future<Output = ()>>) {
    let mut context = Context::from_waker(std::task::Waker::noop());
    assert!(future.poll(&mut context).is_pending());
}

fn count(tree: &Node, name: &str) -> usize {
    tree.walk().filter(|node| node.name.contains(name)).count()
}

#[test]
fn futures_without_end_in_each_other_are_cut_before_a_small_stack_ends() {
    LazyLock::force(&INSPECTOR);
    let mut deep = descend(1000);
    poll(deep.as_mut());
    // Half of what a thread has.
    let looks = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let tree = tree(&deep);
        let shown = tree.to_string();
        assert!(count(&tree, "descend") > 30, "{shown}");
        assert_eq!(tree.leaves().map(|leaf| leaf.kind).collect::<Vec<_>>(), [NodeKind::Cut]);
        drop(tree.clone());
    });
    looks.unwrap().join().unwrap();
}

#[test]
fn a_local_set_that_runs_inside_itself_is_cut() {
    let set = Rc::new(LocalSet::new());
    let inside = Rc::clone(&set);
    set.spawn_local(async move { inside.run_until(std::future::pending::<()>()).await });
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut all = std::pin::pin!(set.run_until(std::future::pending::<()>()));
    runtime.block_on(async {
        std::future::poll_fn(|cx| {
            assert!(all.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
    });
    let tree = tree(&*all);
    assert!(tree.leaves().any(|leaf| leaf.kind == NodeKind::Cut), "{tree}");
    assert!(count(&tree, "task ") > 1, "{tree}");
}

/// A future that holds others of its own type.
struct Chain<F> {
    next: Option<Box<Chain<F>>>,
    own: F,
}

struct Outer<F> {
    chain: Chain<F>,
}

impl<F: Future<Output = ()> + Unpin> Future for Outer<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut next = Some(&mut self.chain);
        while let Some(chain) = next {
            assert!(Pin::new(&mut chain.own).poll(cx).is_pending());
            next = chain.next.as_deref_mut();
        }
        Poll::Pending
    }
}

#[test]
fn every_future_of_a_chain_of_futures_is_told() {
    let chain = |own, next: Option<Chain<_>>| Chain { next: next.map(Box::new), own };
    let chain = chain(descend(1), Some(chain(descend(2), Some(chain(descend(3), None)))));
    let all = Outer { chain };
    let mut all = std::pin::pin!(all);
    poll(all.as_mut());
    let tree = tree(&*all);
    assert_eq!(tree.leaves().count(), 3, "{tree}");
}
