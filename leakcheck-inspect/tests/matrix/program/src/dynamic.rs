//! Futures behind pointers and in places of their own: what holds them has no line in the tree.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::harness::{Park, ways};

type Question = oneshot::Receiver<u8>;
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

fn question(park: &mut Park) -> Question {
    let (sender, receiver) = oneshot::channel();
    park.keep(sender);
    receiver
}

async fn ask(question: Question) -> u8 {
    question.await.unwrap_or(0) //~ ask
}

//= program::dynamic::ask at ~ask
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn spawned_boxed(park: &mut Park) {
    let boxed: Boxed<u8> = Box::pin(ask(question(park)));
    park.spawn(boxed);
}

//= program::dynamic::ask at ~ask
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn spawned_boxed_twice(park: &mut Park) {
    let boxed: Boxed<u8> = Box::pin(ask(question(park)));
    let boxed: Boxed<u8> = Box::pin(boxed);
    park.spawn(boxed);
}

//= program::dynamic::pinned_box::{async block} at ~pinned_box
//=   program::dynamic::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn pinned_box(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        Box::pin(ask(question)).await //~ pinned_box
    });
}

//= program::dynamic::dyn_box::{async block} at ~dyn_box
//=   program::dynamic::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn dyn_box(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let asking: Boxed<u8> = Box::pin(ask(question));
        asking.await //~ dyn_box
    });
}

//= program::dynamic::dyn_unpin_box::{async block} at ~dyn_unpin_box
//=   program::dynamic::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn dyn_unpin_box(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let asking: Box<dyn Future<Output = u8> + Send + Unpin> = Box::new(Box::pin(ask(question)));
        asking.await //~ dyn_unpin_box
    });
}

//= program::dynamic::dyn_reference::{async block} at ~dyn_reference
//=   program::dynamic::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn dyn_reference(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let mut asking = Box::pin(ask(question));
        let reference: &mut (dyn Future<Output = u8> + Send + Unpin) = &mut asking;
        reference.await //~ dyn_reference
    });
}

//= program::dynamic::dyn_of_a_leaf::{async block} at ~dyn_of_a_leaf
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn dyn_of_a_leaf(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let asking: Boxed<Result<u8, _>> = Box::pin(question);
        asking.await.is_ok() //~ dyn_of_a_leaf
    });
}

//= program::dynamic::dyn_of_generics::{async block} at ~dyn_of_generics
//=   program::dynamic::with at ~with
//=     program::dynamic::with at ~with
//=       program::dynamic::ask at ~ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn dyn_of_generics(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let asking: Boxed<_> = Box::pin(with(vec!["a"], with(Some(7_u16), ask(question))));
        asking.await //~ dyn_of_generics
    });
}

async fn with<T, F: Future>(value: T, future: F) -> (T, F::Output) {
    (value, future.await) //~ with
}

//= program::dynamic::pin_macro::{async block} at ~pin_macro
//=   program::dynamic::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn pin_macro(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let asking = pin!(ask(question));
        asking.await //~ pin_macro
    });
}

//= program::dynamic::tokio_pin::{async block} at ~tokio_pin
//=   program::dynamic::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn tokio_pin(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let asking = ask(question);
        tokio::pin!(asking);
        (&mut asking).await //~ tokio_pin
    });
}

//= program::dynamic::poll_fn::{async block} at ~poll_fn
//=   program::dynamic::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn poll_fn(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let mut asking = pin!(ask(question));
        std::future::poll_fn(|cx| asking.as_mut().poll(cx)).await //~ poll_fn
    });
}

//= program::dynamic::in_an_arc::{async block} at ~in_an_arc
//=   program::dynamic::Held
//=     program::dynamic::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn in_an_arc(park: &mut Park) {
    let asking: Boxed<u8> = Box::pin(ask(question(park)));
    let held = Arc::new(Mutex::new(asking));
    park.keep(held.clone());
    park.spawn(async move {
        Held(held).await //~ in_an_arc
    });
}

/// A future that others hold, too.
struct Held(Arc<Mutex<Boxed<u8>>>);

impl Future for Held {
    type Output = u8;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u8> {
        self.0.lock().expect("unpoisoned").as_mut().poll(cx)
    }
}

//= program::dynamic::handwritten::{async block} at ~handwritten
//=   program::dynamic::Traced
//=     program::dynamic::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn handwritten(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        Traced { polls: 0, inner: Box::pin(ask(question)) }.await //~ handwritten
    });
}

/// A future that somebody wrote by hand around another.
struct Traced<F> {
    polls: u32,
    inner: Pin<Box<F>>,
}

impl<F: Future> Future for Traced<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.polls += 1;
        self.inner.as_mut().poll(cx)
    }
}

//= unwakeable
//= program::dynamic::handwritten_leaf::{async block} at ~handwritten_leaf
//=   program::dynamic::Never [a hand-written future]
fn handwritten_leaf(park: &mut Park) {
    park.spawn(async {
        Never { polls: 0 }.await //~ handwritten_leaf
    });
}

/// A future that somebody wrote by hand.
struct Never {
    polls: u32,
}

impl Future for Never {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.polls += 1;
        Poll::Pending
    }
}

//= unwakeable
//= program::dynamic::Never [a hand-written future]
fn spawned_leaf(park: &mut Park) {
    park.spawn(Never { polls: 0 });
}

//= unwakeable
//= core::future::Pending<()> [nothing: it never ends]
fn spawned_pending(park: &mut Park) {
    park.spawn(std::future::pending::<()>());
}

//= tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn spawned_receiver(park: &mut Park) {
    let question = question(park);
    park.spawn(question);
}

ways![
    spawned_boxed,
    spawned_boxed_twice,
    pinned_box,
    dyn_box,
    dyn_unpin_box,
    dyn_reference,
    dyn_of_a_leaf,
    dyn_of_generics,
    pin_macro,
    tokio_pin,
    poll_fn,
    in_an_arc,
    handwritten,
    handwritten_leaf,
    spawned_leaf,
    spawned_pending,
    spawned_receiver,
];
