//! Futures that stay on their thread, and those that no runtime has: what `block_on` runs.

use std::rc::Rc;

use tokio::sync::oneshot;
use tokio::task::LocalSet;

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

//= program::local::block_on::{async block} at ~block_on
//=   program::local::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn block_on(park: &mut Park) {
    let question = question(park);
    let not_send = Rc::new(1);
    park.poll_here(async move {
        ask(question).await; //~ block_on
        drop(not_send);
    });
}

//= program::local::run_until::{async block} at ~run_until
//=   tokio::task::local::LocalSet::run_until at tokio/src/task/local.rs:0
//=     tokio::task::LocalSet::run_until
//=       program::local::run_until::{async block} at ~run_until_inner
//=         program::local::ask at ~ask
//=           tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=       (task)
//=         program::local::run_until::{async block} at ~run_until_task
//=           program::local::ask at ~ask
//=             tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn run_until(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    park.poll_here(async move {
        let local = LocalSet::new();
        local.spawn_local(async move {
            ask(one).await; //~ run_until_task
        });
        let body = async move {
            ask(two).await; //~ run_until_inner
        };
        local.run_until(body).await; //~ run_until
    });
}

//= program::local::set_awaited::{async block} at ~set_awaited
//=   tokio::task::LocalSet
//=     (task)
//=       program::local::ask at ~ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=     (task)
//=       program::local::ask at ~ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn set_awaited(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    park.poll_here(async move {
        let local = LocalSet::new();
        local.spawn_local(ask(one));
        local.spawn_local(ask(two));
        local.await; //~ set_awaited
    });
}

ways![block_on, run_until, set_awaited];
