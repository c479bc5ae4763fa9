//! Futures in enums, options, tuples and arrays.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt as _;
use tokio::sync::oneshot;
use tokio_util::either::Either;

use crate::harness::{Park, ways};

type Question = oneshot::Receiver<u8>;

fn question(park: &mut Park) -> Question {
    let (sender, receiver) = oneshot::channel();
    park.keep(sender);
    receiver
}

async fn ask(question: Question) -> u8 {
    //~^ ask_start
    question.await.unwrap_or(0) //~ ask
}

async fn ask_twice(one: Question, two: Question) -> u8 {
    ask(one).await + ask(two).await //~ ask_twice
}

/// As users write it who do not want to box.
enum OneOf<A, B> {
    First(Pin<Box<A>>),
    Second(Pin<Box<B>>),
}

impl<T, A: Future<Output = T>, B: Future<Output = T>> Future for OneOf<A, B> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut *self {
            Self::First(first) => first.as_mut().poll(cx),
            Self::Second(second) => second.as_mut().poll(cx),
        }
    }
}

fn one_of(second: bool, one: Question, two: Question) -> impl Future<Output = u8> + Send {
    if second {
        return OneOf::Second(Box::pin(ask_twice(one, two)));
    }
    OneOf::First(Box::pin(ask(one)))
}

//= program::shapes::first_of_enum::{async block} at ~first_of_enum
//=   program::shapes::OneOf
//=     program::shapes::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn first_of_enum(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    park.spawn(async move {
        one_of(false, one, two).await //~ first_of_enum
    });
}

//= program::shapes::second_of_enum::{async block} at ~second_of_enum
//=   program::shapes::OneOf
//=     program::shapes::ask_twice at ~ask_twice
//=       program::shapes::ask at ~ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn second_of_enum(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    park.spawn(async move {
        one_of(true, one, two).await //~ second_of_enum
    });
}

//= program::shapes::either::{async block} at ~either
//=   tokio_util::either::Either
//=     program::shapes::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn either(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    let asking = if park.way > usize::MAX / 2 {
        Either::Left(ask_twice(one, two))
    } else {
        Either::Right(ask(one))
    };
    park.spawn(async move {
        asking.await //~ either
    });
}

//= program::shapes::futures_either::{async block} at ~futures_either
//=   futures_util::future::either::Either
//=     program::shapes::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn futures_either(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    let asking = if park.way > usize::MAX / 2 {
        ask_twice(one, two).left_future()
    } else {
        ask(one).right_future()
    };
    park.spawn(async move {
        asking.await //~ futures_either
    });
}

//= program::shapes::option::{async block} at ~option
//=   program::shapes::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn option(park: &mut Park) {
    let mut asking = Some(Box::pin(ask(question(park))));
    park.spawn(async move {
        match asking.as_mut() {
            Some(asking) => asking.await, //~ option
            None => 0,
        }
    });
}

/// A step that may be there.
struct Maybe<F>(Option<Pin<Box<F>>>);

impl<F: Future> Future for Maybe<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        match &mut self.0 {
            Some(future) => future.as_mut().poll(cx).map(Some),
            None => Poll::Ready(None),
        }
    }
}

//= program::shapes::option_inside::{async block} at ~option_inside
//=   program::shapes::Maybe
//=     program::shapes::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn option_inside(park: &mut Park) {
    let maybe = Maybe(Some(Box::pin(ask(question(park)))));
    park.spawn(async move {
        maybe.await //~ option_inside
    });
}

//= program::shapes::option_future::{async block} at ~option_future
//=   futures_util::future::option::OptionFuture
//=     program::shapes::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn option_future(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        futures::future::OptionFuture::from(Some(ask(question))).await //~ option_future
    });
}

/// Polls all of them, for ever.
struct All<T>(T);

impl<A: Future + Unpin, B: Future + Unpin> Future for All<(A, B)> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.0.0.poll_unpin(cx).is_ready() && self.0.1.poll_unpin(cx).is_ready();
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl<A: Future + Unpin> Future for All<[A; 2]> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let pending = self.0.iter_mut().any(|future| future.poll_unpin(cx).is_pending());
        if pending { Poll::Pending } else { Poll::Ready(()) }
    }
}

//= program::shapes::tuple::{async block} at ~tuple
//=   program::shapes::All
//=     program::shapes::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn tuple(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    park.spawn(async move {
        All((Box::pin(ask(one)), two)).await; //~ tuple
    });
}

//= program::shapes::array::{async block} at ~array
//=   program::shapes::All
//=     program::shapes::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=     program::shapes::ask (not started) at ~ask_start
fn array(park: &mut Park) {
    let questions = [question(park), question(park)];
    park.spawn(async move {
        All(questions.map(|question| Box::pin(ask(question)))).await; //~ array
    });
}

//= program::shapes::others_not_awaited::{async block} at ~others_not_awaited
//=   program::shapes::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn others_not_awaited(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    park.spawn(async move {
        let later = ask(one);
        let now = ask(two).await; //~ others_not_awaited
        now + later.await
    });
}

/// Drops what must not be dropped before.
struct Guard(#[expect(dead_code, reason = "only dropped")] Question);

//= program::shapes::with_a_guard::{async block} at ~with_a_guard
//=   program::shapes::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn with_a_guard(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    park.spawn(async move {
        let _guard = scopeguard(Guard(one));
        ask(two).await //~ with_a_guard
    });
}

fn scopeguard<T>(value: T) -> impl Drop {
    struct Run<T>(Option<T>);
    impl<T> Drop for Run<T> {
        fn drop(&mut self) {
            drop(self.0.take());
        }
    }
    Run(Some(value))
}

ways![
    first_of_enum,
    second_of_enum,
    either,
    futures_either,
    option,
    option_inside,
    option_future,
    tuple,
    array,
    others_not_awaited,
    with_a_guard,
];
