//! Who can still join a task, as a panic hook sees it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet, LocalSet};

use crate::support::{at_panic, install, on_each_flavor, seen_at_panic};

/// A task that panics when told to.
fn gated() -> (oneshot::Sender<()>, impl Future<Output = ()> + Send + 'static) {
    let (open, gate) = oneshot::channel();
    let task = async move {
        gate.await.unwrap();
        panic!("on purpose");
    };
    (open, task)
}

async fn is_pending<T>(task: &mut JoinHandle<T>) -> bool {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *task).poll(cx).is_pending())).await
}

#[test]
fn nobody_can_join_a_detached_task() {
    on_each_flavor(|| async {
        let (open, task) = gated();
        let id = tokio::spawn(task).id();
        open.send(()).unwrap();
        let state = at_panic(id).await;
        assert!(state.running && !state.complete, "{state:?}");
        assert!(!state.join_interest && !state.join_waker, "{state:?}");
    });
}

#[test]
fn a_held_handle_can_join() {
    on_each_flavor(|| async {
        let (open, task) = gated();
        let task = tokio::spawn(task);
        open.send(()).unwrap();
        let state = at_panic(task.id()).await;
        assert!(state.running && state.join_interest && !state.join_waker, "{state:?}");
        assert!(task.await.unwrap_err().is_panic());
    });
}

#[test]
fn an_awaited_handle_waits_to_join() {
    on_each_flavor(|| async {
        let (open, task) = gated();
        let mut task = tokio::spawn(task);
        assert!(is_pending(&mut task).await);
        open.send(()).unwrap();
        let state = at_panic(task.id()).await;
        assert!(state.running && state.join_interest && state.join_waker, "{state:?}");
        assert!(task.await.unwrap_err().is_panic());
    });
}

#[test]
fn a_join_set_waits_to_join_though_nobody_asks_it() {
    on_each_flavor(|| async {
        let (open, task) = gated();
        let mut set = JoinSet::new();
        let id = set.spawn(task).id();
        open.send(()).unwrap();
        let state = at_panic(id).await;
        assert!(state.running && state.join_interest && state.join_waker, "{state:?}");
    });
}

#[test]
fn an_aborted_task_that_panics_while_it_is_dropped_is_cancelled() {
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }

    on_each_flavor(|| async {
        let bomb = PanicsOnDrop;
        let task = tokio::spawn(async move {
            let _bomb = bomb;
            std::future::pending::<()>().await;
        });
        let id = task.id();
        task.abort();
        drop(task);
        let state = at_panic(id).await;
        assert!(state.running && state.cancelled && !state.join_interest, "{state:?}");
    });
}

#[test]
fn the_stack_knows_tasks_that_no_runtime_owns() {
    on_each_flavor(|| async {
        let (open, gate) = std::sync::mpsc::channel();
        let id = tokio::task::spawn_blocking(move || {
            gate.recv().unwrap();
            panic!("on purpose");
        })
        .id();
        open.send(()).unwrap();
        let seen = seen_at_panic(id).await;
        assert_eq!(seen.owned, Ok(None));
        let state = seen.running.unwrap().unwrap();
        assert!(state.running && !state.join_interest, "{state:?}");

        let local = LocalSet::new();
        let (open, task) = gated();
        let task = local.spawn_local(task);
        open.send(()).unwrap();
        let seen = local.run_until(seen_at_panic(task.id())).await;
        assert_eq!(seen.owned, Ok(None));
        let state = seen.running.unwrap().unwrap();
        assert!(state.running && state.join_interest, "{state:?}");
    });
}

#[test]
fn a_task_finds_itself_while_others_come_and_go() {
    install();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let mut churn = JoinSet::new();
        for _ in 0..4 {
            churn.spawn(async {
                loop {
                    tokio::spawn(tokio::task::yield_now()).await.unwrap();
                }
            });
        }
        for _ in 0..200 {
            let (open, task) = gated();
            let id = tokio::spawn(task).id();
            open.send(()).unwrap();
            let state = at_panic(id).await;
            assert!(state.running && !state.join_interest, "{state:?}");
        }
        churn.shutdown().await;
    });
}
