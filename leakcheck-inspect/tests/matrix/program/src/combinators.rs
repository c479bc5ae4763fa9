//! `select!`, `join!` and their like: one task that waits for several things.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{self, join_all, try_join_all};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use crate::harness::{Park, ways};

const HOUR: Duration = Duration::from_secs(3600);

type Question = oneshot::Receiver<u8>;

fn question(park: &mut Park) -> Question {
    let (sender, receiver) = oneshot::channel();
    park.keep(sender);
    receiver
}

async fn ask(question: Question) -> u8 {
    question.await.unwrap_or(0) //~ ask
}

async fn try_ask(question: Question) -> Result<u8, String> {
    question.await.map_err(|error| error.to_string()) //~ try_ask
}

//= program::combinators::select_of_two::{async block} at ~select_of_two in select!
//=   program::combinators::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=   tokio::time::Sleep [a timer, due in 3600000 ms]
fn select_of_two(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        //~^ select_of_two
        tokio::select! {
            answer = ask(question) => answer,
            () = sleep(HOUR) => 0,
        }
    });
}

//= program::combinators::three at ~select_of_three in select!
//=   tokio::sync::mpsc::Receiver<u8>::recv [a message, 1 sender left]
//=   program::combinators::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=   tokio::time::Sleep [a timer, due in 3600000 ms]
fn select_of_three(park: &mut Park) {
    let question = question(park);
    let (sender, receiver) = mpsc::channel(1);
    park.keep(sender);
    park.spawn(three(question, receiver));
}

async fn three(question: Question, mut numbers: mpsc::Receiver<u8>) -> u8 {
    //~^ select_of_three
    tokio::select! {
        biased;
        number = numbers.recv() => number.unwrap_or(1),
        answer = ask(question) => answer,
        () = sleep(HOUR) => 0,
    }
}

//= program::combinators::select_in_a_loop::{async block} at ~select_in_a_loop in select!
//=   tokio::sync::mpsc::Receiver<i32>::recv [a message, 1 sender left]
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn select_in_a_loop(park: &mut Park) {
    let mut question = question(park);
    let (sender, mut numbers) = mpsc::channel(4);
    sender.try_send(1).expect("room");
    sender.try_send(2).expect("room");
    park.keep(sender);
    park.spawn(async move {
        //~^ select_in_a_loop
        loop {
            tokio::select! {
                Some(_number) = numbers.recv() => {}
                _answer = &mut question => break,
            }
        }
    });
}

//= program::combinators::select_by_reference::{async block} at ~select_by_reference in select!
//=   program::combinators::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=   tokio::time::Interval::tick [an interval's tick, due in 3600000 ms]
fn select_by_reference(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        //~^ select_by_reference
        let mut interval = tokio::time::interval_at(Instant::now() + HOUR, HOUR);
        let asking = ask(question);
        tokio::pin!(asking);
        loop {
            tokio::select! {
                answer = &mut asking => break answer,
                _ = interval.tick() => {}
            }
        }
    });
}

//= program::combinators::select_then_wait::{async block} at ~select_then_wait
//=   program::combinators::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn select_then_wait(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        tokio::select! {
            () = future::ready(()) => ask(question).await, //~ select_then_wait
            () = sleep(HOUR) => 0,
        }
    });
}

//= program::combinators::select_in_select::{async block} at ~select_in_select in select!
//=   program::combinators::two at ~inner_select in select!
//=     program::combinators::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=     tokio::time::Sleep [a timer, due in 7200000 ms]
//=   tokio::time::Sleep [a timer, due in 3600000 ms]
fn select_in_select(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        //~^ select_in_select
        tokio::select! {
            answer = two(question) => answer,
            () = sleep(HOUR) => 0,
        }
    });
}

async fn two(question: Question) -> u8 {
    //~^ inner_select
    tokio::select! {
        answer = ask(question) => answer,
        () = sleep(2 * HOUR) => 0,
    }
}

//= program::combinators::futures_select::{async block} at ~futures_select in select!
//=   program::combinators::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=   program::combinators::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn futures_select(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    park.spawn(async move {
        //~^ futures_select
        let mut one = Box::pin(ask(one).fuse());
        let mut two = Box::pin(ask(two).fuse());
        futures::select! {
            answer = one => answer,
            answer = two => answer + 1,
        }
    });
}

//= program::combinators::futures_select_function::{async block} at ~futures_select_function
//=   futures_util::future::select::Select
//=     program::combinators::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn futures_select_function(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    park.spawn(async move {
        let either = future::select(Box::pin(ask(one)), two);
        matches!(either.await, future::Either::Left(_)) //~ futures_select_function
    });
}

//= program::combinators::tokio_join::{async block} at ~tokio_join in join!
//=   program::combinators::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=   tokio::time::Sleep [a timer, due in 3600000 ms]
fn tokio_join(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        //~^ tokio_join
        tokio::join!(ask(question), sleep(HOUR))
    });
}

//= program::combinators::tokio_join_half_done::{async block} at ~tokio_join_half_done in join!
//=   program::combinators::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn tokio_join_half_done(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        //~^ tokio_join_half_done
        tokio::join!(ask(question), async { 7 })
    });
}

//= program::combinators::tokio_try_join::{async block} at ~tokio_try_join in try_join!
//=   program::combinators::try_ask at ~try_ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=   program::combinators::try_ask at ~try_ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn tokio_try_join(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    park.spawn(async move {
        //~^ tokio_try_join
        tokio::try_join!(try_ask(one), try_ask(two))
    });
}

//= program::combinators::futures_join::{async block} at ~futures_join in join!
//=   program::combinators::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=   program::combinators::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn futures_join(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    park.spawn(async move {
        //~^ futures_join
        futures::join!(ask(one), ask(two))
    });
}

//= program::combinators::futures_join_function::{async block} at ~futures_join_function
//=   futures_util::future::join::Join
//=     program::combinators::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=     program::combinators::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn futures_join_function(park: &mut Park) {
    let (one, two) = (question(park), question(park));
    park.spawn(async move {
        future::join(ask(one), ask(two)).await //~ futures_join_function
    });
}

//= program::combinators::join_all_of_three::{async block} at ~join_all_of_three
//=   futures_util::future::join_all::JoinAll
//=     program::combinators::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=     program::combinators::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=     program::combinators::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn join_all_of_three(park: &mut Park) {
    let questions: Vec<_> = (0..3).map(|_| question(park)).collect();
    park.spawn(async move {
        join_all(questions.into_iter().map(ask)).await //~ join_all_of_three
    });
}

//= program::combinators::join_all_half_done::{async block} at ~join_all_half_done
//=   futures_util::future::join_all::JoinAll
//=     program::combinators::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn join_all_half_done(park: &mut Park) {
    let question = question(park);
    let (answered, done) = oneshot::channel();
    answered.send(7).expect("open");
    park.spawn(async move {
        join_all([done, question].map(ask)).await //~ join_all_half_done
    });
}

//= program::combinators::join_all_of_many::{async block} at ~join_all_of_many
//=   futures_util::future::join_all::JoinAll
//=     futures_util::stream::stream::collect::Collect
//=       futures_util::stream::futures_ordered::FuturesOrdered
//=         futures::stream::FuturesUnordered
//=           32 times program::combinators::ask at ~ask
//=             tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn join_all_of_many(park: &mut Park) {
    let questions: Vec<_> = (0..32).map(|_| question(park)).collect();
    park.spawn(async move {
        join_all(questions.into_iter().map(ask)).await //~ join_all_of_many
    });
}

//= program::combinators::try_join_all_of_two::{async block} at ~try_join_all_of_two
//=   futures_util::future::try_join_all::TryJoinAll
//=     futures_util::future::try_future::into_future::IntoFuture
//=       program::combinators::try_ask at ~try_ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=     futures_util::future::try_future::into_future::IntoFuture
//=       program::combinators::try_ask at ~try_ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn try_join_all_of_two(park: &mut Park) {
    let questions = [question(park), question(park)];
    park.spawn(async move {
        try_join_all(questions.map(try_ask)).await //~ try_join_all_of_two
    });
}

ways![
    select_of_two,
    select_of_three,
    select_in_a_loop,
    select_by_reference,
    select_then_wait,
    select_in_select,
    futures_select,
    futures_select_function,
    tokio_join,
    tokio_join_half_done,
    tokio_try_join,
    futures_join,
    futures_join_function,
    join_all_of_three,
    join_all_half_done,
    join_all_of_many,
    try_join_all_of_two,
];
