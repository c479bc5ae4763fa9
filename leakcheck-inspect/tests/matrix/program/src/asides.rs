//! What a future holds without waiting for it must not be told as if it did.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{self, FutureExt as _, select_all};
use futures::stream::{StreamExt as _, once};
use tokio::sync::{mpsc, oneshot};

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

//= program::asides::select_with_a_branch_off::{async block} at ~select_with_a_branch_off in select!
//=   program::asides::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn select_with_a_branch_off(park: &mut Park) {
    let (question, off) = (question(park), park_off());
    park.spawn(async move {
        //~^ select_with_a_branch_off
        tokio::select! {
            () = future::pending::<()>(), if off => 0,
            answer = ask(question) => answer,
            () = async {}, if off => 1,
        }
    });
}

fn park_off() -> bool {
    std::hint::black_box(false)
}

//= program::asides::select_with_a_branch_done::{async block} at ~select_with_a_branch_done in select!
//=   program::asides::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn select_with_a_branch_done(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        //~^ select_with_a_branch_done
        tokio::select! {
            biased;
            Some(number) = async { None::<u8> } => number,
            answer = ask(question) => answer,
        }
    });
}

//= program::asides::mapped_by_what_it_holds::{async block} at ~mapped_by_what_it_holds
//=   futures_util::future::future::Map
//=     program::asides::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn mapped_by_what_it_holds(park: &mut Park) {
    let (asked, held) = (question(park), question(park));
    park.spawn(async move {
        let mapped = ask(asked).map(move |answer| drop((held, answer)));
        mapped.await; //~ mapped_by_what_it_holds
    });
}

//= program::asides::all_of_a_vector::{async block} at ~all_of_a_vector
//=   futures_util::future::select_all::SelectAll
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn all_of_a_vector(park: &mut Park) {
    let questions = vec![question(park), question(park)];
    park.spawn(async move {
        let (answer, ..) = select_all(questions).await; //~ all_of_a_vector
        drop(answer);
    });
}

//= program::asides::chained::{async block} at ~chained
//=   futures_util::stream::stream::next::Next
//=     futures_util::stream::stream::Chain
//=       futures_util::stream::once::Once
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn chained(park: &mut Park) {
    let (first, second) = (question(park), question(park));
    park.spawn(async move {
        let mut answers = once(first).chain(once(second));
        answers.next().await; //~ chained
    });
}

/// Its fields are called as those that tokio's `select!` captures.
struct Pool {
    futures: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
    disabled: bool,
}

impl Future for Pool {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let all = self.futures.iter_mut();
        let ready = all.map(|future| future.as_mut().poll(context)).filter(Poll::is_ready).count();
        if self.disabled || ready > 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

//= program::asides::named_as_in_a_select::{async block} at ~named_as_in_a_select
//=   program::asides::Pool
//=     program::asides::named_as_in_a_select::{async block} at ~in_the_pool
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn named_as_in_a_select(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let asked = async move { drop(question.await) }; //~ in_the_pool
        let pool = Pool { futures: vec![Box::pin(asked)], disabled: false };
        pool.await; //~ named_as_in_a_select
    });
}

/// Makes futures, and has none.
struct Maker {
    make: Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>,
    answer: Question,
}

impl Future for Maker {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match Pin::new(&mut self.answer).poll(context) {
            Poll::Ready(_) => (self.make)().as_mut().poll(context),
            Poll::Pending => Poll::Pending,
        }
    }
}

//= program::asides::maker_of_futures::{async block} at ~maker_of_futures
//=   program::asides::Maker
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn maker_of_futures(park: &mut Park) {
    let (answer, (sender, held)) = (question(park), mpsc::channel::<u8>(1));
    park.keep(sender);
    let held = std::sync::Arc::new(tokio::sync::Mutex::new(held));
    park.spawn(async move {
        let make = Box::new(move || {
            let held = std::sync::Arc::clone(&held);
            Box::pin(async move { drop(held.lock().await.recv().await) }) as Pin<Box<_>>
        });
        Maker { make, answer }.await; //~ maker_of_futures
    });
}

//= program::asides::of_one_name::F
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=
//= program::asides::of_one_name::F
//=   tokio::sync::mpsc::UnboundedReceiver<u8> [a message, 1 sender left]
fn of_one_name(park: &mut Park) {
    {
        struct F(u64, Question);
        impl Future for F {
            type Output = u64;
            fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u64> {
                let kept = self.0;
                Pin::new(&mut self.1).poll(context).map(|_| kept)
            }
        }
        let question = question(park);
        park.spawn(F(7, question));
    }
    {
        struct F(mpsc::UnboundedReceiver<u8>);
        impl Future for F {
            type Output = ();
            fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
                self.0.poll_recv(context).map(drop)
            }
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        park.keep(sender);
        park.spawn(F(receiver));
    }
}

ways![
    select_with_a_branch_off,
    select_with_a_branch_done,
    mapped_by_what_it_holds,
    all_of_a_vector,
    chained,
    named_as_in_a_select,
    maker_of_futures,
    of_one_name,
];
