//! Kinds of functions, and how they are called.

use tokio::sync::oneshot;

use crate::harness::{Park, ways};

type Question = oneshot::Receiver<u8>;

/// A question that is never answered while the park exists.
fn question(park: &mut Park) -> Question {
    let (sender, receiver) = oneshot::channel();
    park.keep(sender);
    receiver
}

//= program::functions::ask at ~ask
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn async_fn(park: &mut Park) {
    let question = question(park);
    park.spawn(ask(question));
}

async fn ask(question: Question) -> u8 {
    question.await.unwrap_or(0) //~ ask
}

//= program::functions::ask_loudly at ~ask_loudly
//=   program::functions::ask_kindly at ~ask_kindly
//=     program::functions::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn chain_of_calls(park: &mut Park) {
    let question = question(park);
    park.spawn(ask_loudly(question));
}

async fn ask_loudly(question: Question) -> u8 {
    ask_kindly(question).await.ok().unwrap_or(1) //~ ask_loudly
}

async fn ask_kindly(question: Question) -> Result<u8, String> {
    Ok(ask(question).await + 1) //~ ask_kindly
}

//= program::functions::generic at ~generic
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn generic_async_fn(park: &mut Park) {
    let question = question(park);
    park.spawn(generic::<Vec<String>, _>(Vec::new(), question));
}

async fn generic<T: Default, F: Future>(with: T, future: F) -> (T, F::Output) {
    (with, future.await) //~ generic
}

//= program::functions::async_closure::{async closure} at ~async_closure
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn async_closure(park: &mut Park) {
    let question = question(park);
    let closure = async move || question.await; //~ async_closure
    park.spawn(call_once(closure));
}

fn call_once<F: Future>(closure: impl FnOnce() -> F) -> F {
    closure()
}

//= program::functions::closure_of_block::{async block} at ~closure_of_block
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn closure_of_block(park: &mut Park) {
    let question = question(park);
    let closure = |question: Question| async move {
        question.await //~ closure_of_block
    };
    park.spawn(closure(question));
}

//= program::functions::block_of_function::{async block} at ~block_of_function
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn block_in_function(park: &mut Park) {
    let question = question(park);
    park.spawn(block_of_function(question));
}

#[expect(clippy::manual_async_fn, reason = "what is tried")]
fn block_of_function(question: Question) -> impl Future<Output = u8> + Send {
    async move {
        question.await.unwrap_or(0) //~ block_of_function
    }
}

//= program::functions::outer::inner::deepest::waits at ~deep_module
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn nested_modules(park: &mut Park) {
    let question = question(park);
    park.spawn(outer::inner::deepest::waits(question));
}

mod outer {
    pub(super) mod inner {
        pub(in super::super) mod deepest {
            pub(in super::super::super) async fn waits(question: super::super::super::Question) {
                question.await.ok(); //~ deep_module
            }
        }
    }
}

//= program::functions::function_in_function::local at ~local_function
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn function_in_function(park: &mut Park) {
    async fn local(question: Question) {
        question.await.ok(); //~ local_function
    }
    let question = question(park);
    park.spawn(local(question));
}

//= program::functions::blocks_three_deep::{async block} at ~deep_1
//=   program::functions::blocks_three_deep::{async block} at ~deep_2
//=     program::functions::blocks_three_deep::{async block} at ~deep_3
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn blocks_three_deep(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let one = async move {
            let two = async move {
                question.await //~ deep_3
            };
            two.await //~ deep_2
        };
        one.await //~ deep_1
    });
}

//= program::functions::countdown at ~countdown
//=   program::functions::countdown at ~countdown
//=     program::functions::countdown at ~countdown
//=       program::functions::countdown at ~countdown_end
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn recursion(park: &mut Park) {
    let question = question(park);
    park.spawn(countdown(3, question));
}

async fn countdown(from: u8, question: Question) -> u8 {
    if from == 0 {
        return question.await.unwrap_or(0); //~ countdown_end
    }
    Box::pin(countdown(from - 1, question)).await //~ countdown
}

//= program::functions::descend::{async block} at ~descend
//=   program::functions::descend::{async block} at ~descend
//=     program::functions::descend::{async block} at ~descend_end
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn recursion_of_boxes(park: &mut Park) {
    let question = question(park);
    park.spawn(descend(2, question));
}

/// As `#[async_recursion]` writes it.
fn descend(from: u8, question: Question) -> std::pin::Pin<Box<dyn Future<Output = u8> + Send>> {
    Box::pin(async move {
        if from == 0 {
            return question.await.unwrap_or(0); //~ descend_end
        }
        descend(from - 1, question).await + 1 //~ descend
    })
}

//= program::functions::large at ~large
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn large_future(park: &mut Park) {
    let question = question(park);
    park.spawn(large(question));
}

async fn large(question: Question) -> u8 {
    let mut bytes = [1_u8; 4096];
    bytes[17] = question.await.unwrap_or(0); //~ large
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

//= unwakeable
//= program::functions::nothing at ~nothing
//=   core::future::Pending<()> [nothing: it never ends]
fn no_captures(park: &mut Park) {
    park.spawn(nothing());
}

async fn nothing() {
    std::future::pending().await //~ nothing
}

//= program::functions::never_returns::{async block} at ~calls_never
//=   program::functions::never at ~never
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn never_returns(park: &mut Park) {
    let question = question(park);
    park.spawn(async move { match never(question).await {} }); //~ calls_never
}

async fn never(question: Question) -> std::convert::Infallible {
    question.await.expect("never answered"); //~ never
    unreachable!()
}

ways![
    async_fn,
    chain_of_calls,
    generic_async_fn,
    async_closure,
    closure_of_block,
    block_in_function,
    nested_modules,
    function_in_function,
    blocks_three_deep,
    recursion,
    recursion_of_boxes,
    large_future,
    no_captures,
    never_returns,
];
