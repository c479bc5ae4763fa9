//! Streams, and collections of futures.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::{self, FuturesOrdered, FuturesUnordered, Stream, StreamExt};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_stream::wrappers::{BroadcastStream, ReceiverStream, UnboundedReceiverStream};

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

fn numbers(park: &mut Park) -> ReceiverStream<u8> {
    let (sender, receiver) = mpsc::channel(1);
    park.keep(sender);
    ReceiverStream::new(receiver)
}

//= program::streams::futures_unordered::{async block} at ~futures_unordered
//=   futures_util::stream::stream::next::Next
//=     futures::stream::FuturesUnordered
//=       program::streams::ask at ~ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=       program::streams::ask at ~ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn futures_unordered(park: &mut Park) {
    let questions = [question(park), question(park)];
    park.spawn(async move {
        let mut asking: FuturesUnordered<_> = questions.into_iter().map(ask).collect();
        while let Some(answer) = asking.next().await {
            //~^ futures_unordered
            assert_eq!(answer, 0);
        }
    });
}

//= unwakeable
//= program::streams::nothing_in_it::{async block} at ~nothing_in_it
//=   futures_util::stream::stream::next::Next
//=     futures_util::stream::pending::Pending<u8> [nothing: it never ends]
fn nothing_in_it(park: &mut Park) {
    park.spawn(async move {
        stream::pending::<u8>().next().await //~ nothing_in_it
    });
}

//= program::streams::futures_ordered::{async block} at ~futures_ordered
//=   futures_util::stream::stream::next::Next
//=     futures_util::stream::futures_ordered::FuturesOrdered
//=       futures::stream::FuturesUnordered
//=         program::streams::ask at ~ask
//=           tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn futures_ordered(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let mut asking = FuturesOrdered::new();
        asking.push_back(ask(question));
        asking.next().await //~ futures_ordered
    });
}

//= program::streams::buffer_unordered::{async block} at ~buffer_unordered
//=   futures_util::stream::stream::collect::Collect
//=     futures_util::stream::stream::buffer_unordered::BufferUnordered
//=       futures::stream::FuturesUnordered
//=         program::streams::ask at ~ask
//=           tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=         program::streams::ask at ~ask
//=           tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn buffer_unordered(park: &mut Park) {
    let questions = vec![question(park), question(park), question(park)];
    park.spawn(async move {
        let answers = stream::iter(questions).map(ask).buffer_unordered(2);
        answers.collect::<Vec<_>>().await //~ buffer_unordered
    });
}

//= program::streams::for_each_concurrent::{async block} at ~for_each_concurrent
//=   futures_util::stream::stream::for_each_concurrent::ForEachConcurrent
//=     futures::stream::FuturesUnordered
//=       program::streams::for_each_concurrent::{async block} at ~for_each_body
//=         program::streams::ask at ~ask
//=           tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn for_each_concurrent(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let each = stream::iter([question]).for_each_concurrent(None, |question| async move {
            ask(question).await; //~ for_each_body
        });
        each.await; //~ for_each_concurrent
    });
}

//= program::streams::receiver_stream::{async block} at ~receiver_stream
//=   futures_util::stream::stream::next::Next
//=     tokio_stream::wrappers::mpsc_bounded::ReceiverStream
//=       tokio::sync::mpsc::Receiver<u8> [a message, 1 sender left]
fn receiver_stream(park: &mut Park) {
    let mut numbers = numbers(park);
    park.spawn(async move {
        numbers.next().await //~ receiver_stream
    });
}

//= program::streams::unbounded_receiver_stream::{async block} at ~unbounded_receiver_stream
//=   tokio_stream::stream_ext::next::Next
//=     tokio_stream::wrappers::mpsc_unbounded::UnboundedReceiverStream
//=       tokio::sync::mpsc::UnboundedReceiver<u8> [a message, 1 sender left]
fn unbounded_receiver_stream(park: &mut Park) {
    let (sender, receiver) = mpsc::unbounded_channel::<u8>();
    park.keep(sender);
    let mut numbers = UnboundedReceiverStream::new(receiver);
    park.spawn(async move {
        tokio_stream::StreamExt::next(&mut numbers).await //~ unbounded_receiver_stream
    });
}

//= program::streams::broadcast_stream::{async block} at ~broadcast_stream
//=   futures_util::stream::stream::next::Next
//=     tokio_stream::wrappers::broadcast::BroadcastStream
//=       tokio_util::sync::reusable_box::ReusableBoxFuture
//=         tokio_stream::wrappers::broadcast::make_future at tokio-stream/src/wrappers/broadcast.rs:0
//=           tokio::sync::broadcast::Receiver<u8>::recv [a message, 1 sender left]
fn broadcast_stream(park: &mut Park) {
    let (sender, receiver) = broadcast::channel::<u8>(1);
    park.keep(sender);
    let mut numbers = BroadcastStream::new(receiver);
    park.spawn(async move {
        numbers.next().await.is_some() //~ broadcast_stream
    });
}

//= program::streams::mapped_stream::{async block} at ~mapped_stream
//=   futures_util::stream::stream::next::Next
//=     futures_util::stream::stream::then::Then
//=       program::streams::ask at ~ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn mapped_stream(park: &mut Park) {
    let questions = [question(park)];
    park.spawn(async move {
        let mut answers = Box::pin(stream::iter(questions).then(ask));
        answers.next().await //~ mapped_stream
    });
}

//= program::streams::filtered_stream::{async block} at ~filtered_stream
//=   futures_util::stream::stream::next::Next
//=     futures_util::stream::stream::filter::Filter
//=       tokio_stream::wrappers::mpsc_bounded::ReceiverStream
//=         tokio::sync::mpsc::Receiver<u8> [a message, 1 sender left]
fn filtered_stream(park: &mut Park) {
    let numbers = numbers(park);
    park.spawn(async move {
        let mut even = numbers.filter(|number| std::future::ready(number % 2 == 0));
        even.next().await //~ filtered_stream
    });
}

//= program::streams::unfolded_stream::{async block} at ~unfolded_stream
//=   futures_util::stream::stream::next::Next
//=     futures_util::stream::unfold::Unfold
//=       futures_util::unfold_state::UnfoldState
//=         program::streams::unfolded_stream::{async block} at ~unfolded_body
//=           tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn unfolded_stream(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let numbers = stream::unfold(question, |question| async move {
            let (sender, next) = oneshot::channel();
            drop(sender);
            question.await.ok().map(|answer| (answer, next)) //~ unfolded_body
        });
        Box::pin(numbers).next().await //~ unfolded_stream
    });
}

/// A stream that somebody wrote by hand.
struct Doubled {
    numbers: ReceiverStream<u8>,
}

impl Stream for Doubled {
    type Item = u8;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u8>> {
        self.numbers.poll_next_unpin(cx).map(|number| Some(number? * 2))
    }
}

//= program::streams::handwritten_stream::{async block} at ~handwritten_stream
//=   futures_util::stream::stream::next::Next
//=     program::streams::Doubled
//=       tokio_stream::wrappers::mpsc_bounded::ReceiverStream
//=         tokio::sync::mpsc::Receiver<u8> [a message, 1 sender left]
fn handwritten_stream(park: &mut Park) {
    let mut doubled = Doubled { numbers: numbers(park) };
    park.spawn(async move {
        doubled.next().await //~ handwritten_stream
    });
}

//= program::streams::boxed_stream::{async block} at ~boxed_stream
//=   futures_util::stream::stream::next::Next
//=     program::streams::Doubled
//=       tokio_stream::wrappers::mpsc_bounded::ReceiverStream
//=         tokio::sync::mpsc::Receiver<u8> [a message, 1 sender left]
fn boxed_stream(park: &mut Park) {
    let mut doubled = Doubled { numbers: numbers(park) }.boxed();
    park.spawn(async move {
        doubled.next().await //~ boxed_stream
    });
}

//= program::streams::forwarded::{async block} at ~forwarded
//=   futures_util::stream::stream::Forward
//=     futures_util::stream::stream::fuse::Fuse
//=       futures_util::stream::stream::map::Map
//=         tokio_stream::wrappers::mpsc_bounded::ReceiverStream
//=           tokio::sync::mpsc::Receiver<u8> [a message, 1 sender left]
fn forwarded(park: &mut Park) {
    let numbers = numbers(park);
    let (sink, kept) = futures::channel::mpsc::channel::<u8>(1);
    park.keep(kept);
    park.spawn(async move {
        numbers.map(Ok).forward(sink).await.is_ok() //~ forwarded
    });
}

ways![
    futures_unordered,
    nothing_in_it,
    futures_ordered,
    buffer_unordered,
    for_each_concurrent,
    receiver_stream,
    unbounded_receiver_stream,
    broadcast_stream,
    mapped_stream,
    filtered_stream,
    unfolded_stream,
    handwritten_stream,
    boxed_stream,
    forwarded,
];
