//! Waiting for tasks and for threads.

use std::sync::mpsc;

use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::task::{AbortOnDropHandle, JoinMap, TaskTracker};

use crate::harness::{Park, ways};

type Question = oneshot::Receiver<u8>;

fn question(park: &mut Park) -> Question {
    let (sender, receiver) = oneshot::channel();
    park.keep(sender);
    receiver
}

async fn ask(question: Question) -> u8 {
    question.await.unwrap_or(0) //~ ask
}

/// A task to be waited for.
#[track_caller]
fn child(park: &mut Park) -> JoinHandle<u8> {
    let handle = tokio::spawn(ask(question(park)));
    park.look_at(&handle, true);
    handle
}

//= program::tasks::ask at ~ask
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=
//= program::tasks::join_handle::{async block} at ~join_handle
//=   tokio::task::JoinHandle<u8> [the end of a task, task 1]
fn join_handle(park: &mut Park) {
    let child = child(park);
    park.spawn(async move {
        child.await.is_ok() //~ join_handle
    });
}

//= program::tasks::ask at ~ask
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=
//= program::tasks::abort_on_drop::{async block} at ~abort_on_drop
//=   tokio_util::task::abort_on_drop::AbortOnDropHandle
//=     tokio::task::JoinHandle<u8> [the end of a task, task 1]
fn abort_on_drop(park: &mut Park) {
    let child = AbortOnDropHandle::new(child(park));
    park.spawn(async move {
        child.await.is_ok() //~ abort_on_drop
    });
}

/// Work that lasts as long as the park.
fn blocking(park: &mut Park) -> JoinHandle<()> {
    let (sender, receiver) = mpsc::channel::<()>();
    park.keep(sender);
    tokio::task::spawn_blocking(move || receiver.recv().unwrap_or_default())
}

//= program::tasks::blocking_handle::{async block} at ~blocking_handle
//=   tokio::task::JoinHandle<()> [blocking work]
fn blocking_handle(park: &mut Park) {
    let blocking = blocking(park);
    park.spawn(async move {
        blocking.await.is_ok() //~ blocking_handle
    });
}

//= program::tasks::ask at ~ask
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=
//= program::tasks::join_set::{async block} at ~join_set
//=   tokio::task::JoinSet<u8>::join_next [the end of any task of the set, task 1]
fn join_set(park: &mut Park) {
    let question = question(park);
    let mut set = JoinSet::new();
    let id = set.spawn(ask(question)).id();
    park.look_at_id(id);
    park.spawn(async move {
        while let Some(answer) = set.join_next().await {
            //~^ join_set
            answer.expect("not aborted");
        }
    });
}

//= program::tasks::ask at ~ask
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=
//= program::tasks::ask at ~ask
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=
//= program::tasks::join_set_all::{async block} at ~join_set_all
//=   tokio::task::JoinSet<u8>::join_all [the end of any task of the set, task 1 and 1 more]
fn join_set_all(park: &mut Park) {
    let questions = [question(park), question(park)];
    let mut set = JoinSet::new();
    for question in questions {
        let id = set.spawn(ask(question)).id();
        park.look_at_id(id);
    }
    park.spawn(async move {
        set.join_all().await //~ join_set_all
    });
}

//= program::tasks::join_map::{async block} at ~join_map
//=   tokio_util::task::JoinMap::join_next [the end of any task of the set, task 0]
fn join_map(park: &mut Park) {
    let question = question(park);
    let mut map = JoinMap::new();
    map.spawn("key", ask(question));
    park.spawn(async move {
        map.join_next().await.is_some() //~ join_map
    });
}

//= tokio_util::task::task_tracker::TrackedFuture
//=   program::tasks::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=
//= program::tasks::tracked::{async block} at ~tracked
//=   tokio_util::task::TaskTracker::wait [the tracker's tasks]
fn tracked(park: &mut Park) {
    let question = question(park);
    let tracker = TaskTracker::new();
    let handle = tracker.spawn(ask(question));
    park.look_at_id(handle.id());
    park.keep(handle);
    tracker.close();
    park.spawn(async move {
        tracker.wait().await; //~ tracked
    });
}

//= program::tasks::ask at ~ask
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=
//= program::tasks::ask at ~ask
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=
//= program::tasks::handles_joined::{async block} at ~handles_joined in try_join!
//=   tokio::task::JoinHandle<u8> [the end of a task, task 1]
//=   tokio::task::JoinHandle<u8> [the end of a task, task 2]
fn handles_joined(park: &mut Park) {
    let (one, two) = (child(park), child(park));
    park.spawn(async move {
        //~^ handles_joined
        tokio::try_join!(one, two)
    });
}

//= program::tasks::detached::{async block} at ~detached
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn detached(park: &mut Park) {
    let question = question(park);
    park.spawn_detached(async move {
        question.await //~ detached
    });
}

//= program::tasks::spawned_by_a_task::{async block} at ~parent
//=   tokio::task::JoinHandle<u8> [the end of a task, task 0]
fn spawned_by_a_task(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        tokio::spawn(ask(question)).await //~ parent
    });
}

ways![
    join_handle,
    abort_on_drop,
    blocking_handle,
    join_set,
    join_set_all,
    join_map,
    tracked,
    handles_joined,
    detached,
    spawned_by_a_task,
];
