//! Tasks that only a runtime on one thread can have.

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

async fn ask(question: Rc<Question>) -> u8 {
    let question = Rc::into_inner(question).expect("the only one");
    question.await.unwrap_or(0) //~ ask
}

//= program::local_runtime::ask at ~ask
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn spawned_local(park: &mut Park) {
    let question = Rc::new(question(park));
    park.spawn_local(ask(question));
}

//= program::local_runtime::set_in_a_task::{async block} at ~set_in_a_task
//=   tokio::task::local::LocalSet::run_until at tokio/src/task/local.rs:0
//=     tokio::task::LocalSet::run_until
//=       tokio::task::JoinHandle<u8> [the end of a task, task 0]
//=       (task)
//=         program::local_runtime::ask at ~ask
//=           tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn set_in_a_task(park: &mut Park) {
    let question = Rc::new(question(park));
    park.spawn_local(async move {
        let local = LocalSet::new();
        let child = local.spawn_local(ask(question));
        local.run_until(child).await.is_ok() //~ set_in_a_task
    });
}

ways![spawned_local, set_in_a_task];
