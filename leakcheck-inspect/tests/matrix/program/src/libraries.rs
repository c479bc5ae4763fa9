//! What other libraries wait with.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::{mpsc as futures_mpsc, oneshot as futures_oneshot};
use futures::{FutureExt as _, SinkExt as _, StreamExt as _, TryFutureExt as _};
use tokio::sync::oneshot;
use tower::{Service as _, ServiceExt as _};
use tracing::Instrument as _;

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

async fn serve(question: Question) -> Result<u8, std::io::Error> {
    Ok(ask(question).await) //~ serve
}

//= program::libraries::mapped::{async block} at ~mapped
//=   futures_util::future::future::Map
//=     program::libraries::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn mapped(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        ask(question).map(|answer| answer + 1).await //~ mapped
    });
}

//= program::libraries::then_first::{async block} at ~then_first
//=   futures_util::future::future::Then
//=     futures_util::future::future::flatten::Flatten
//=       futures_util::future::future::Map
//=         program::libraries::ask at ~ask
//=           tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn then_first(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        ask(question).then(async |answer| answer + 1).await //~ then_first
    });
}

//= program::libraries::then_second::{async block} at ~then_second
//=   futures_util::future::future::Then
//=     futures_util::future::future::flatten::Flatten
//=       program::libraries::ask at ~ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn then_second(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        std::future::ready(question).then(ask).await //~ then_second
    });
}

//= program::libraries::and_then::{async block} at ~and_then
//=   futures_util::future::try_future::AndThen
//=     futures_util::future::try_future::TryFlatten
//=       futures_util::future::try_future::MapOk
//=         futures_util::future::future::Map
//=           futures_util::future::try_future::into_future::IntoFuture
//=             program::libraries::serve at ~serve
//=               program::libraries::ask at ~ask
//=                 tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn and_then(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let serving = serve(question).and_then(async |answer| Ok(answer + 1));
        serving.await.is_ok() //~ and_then
    });
}

//= program::libraries::shared::{async block} at ~shared_one
//=   futures::future::Shared
//=     futures_util::future::future::shared::FutureOrOutput
//=       program::libraries::ask at ~ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=
//= program::libraries::shared::{async block} at ~shared_two
//=   futures::future::Shared
//=     futures_util::future::future::shared::FutureOrOutput
//=       program::libraries::ask at ~ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn shared(park: &mut Park) {
    let one = ask(question(park)).shared();
    let two = one.clone();
    park.spawn(async move {
        one.await //~ shared_one
    });
    park.spawn(async move {
        two.await //~ shared_two
    });
}

//= program::libraries::fused::{async block} at ~fused
//=   program::libraries::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn fused(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        ask(question).fuse().await //~ fused
    });
}

//= program::libraries::boxed::{async block} at ~boxed
//=   program::libraries::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn boxed(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        ask(question).boxed().await //~ boxed
    });
}

//= program::libraries::panics_caught::{async block} at ~panics_caught
//=   futures_util::future::future::catch_unwind::CatchUnwind
//=     program::libraries::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn panics_caught(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        std::panic::AssertUnwindSafe(ask(question)).catch_unwind().await.is_ok() //~ panics_caught
    });
}

//= program::libraries::abortable::{async block} at ~abortable
//=   futures_util::abortable::Abortable
//=     program::libraries::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn abortable(park: &mut Park) {
    let (asking, handle) = futures::future::abortable(ask(question(park)));
    park.keep(handle);
    park.spawn(async move {
        asking.await.is_ok() //~ abortable
    });
}

//= program::libraries::futures_oneshot::{async block} at ~futures_oneshot
//=   futures::channel::oneshot::Receiver<u8> [an answer]
fn futures_oneshot(park: &mut Park) {
    let (sender, receiver) = futures_oneshot::channel::<u8>();
    park.keep(sender);
    park.spawn(async move {
        receiver.await.is_ok() //~ futures_oneshot
    });
}

//= program::libraries::futures_next::{async block} at ~futures_next
//=   futures_util::stream::stream::next::Next
//=     futures::channel::mpsc::Receiver<u8> [a message]
fn futures_next(park: &mut Park) {
    let (sender, mut receiver) = futures_mpsc::channel::<u8>(1);
    park.keep(sender);
    park.spawn(async move {
        receiver.next().await //~ futures_next
    });
}

//= program::libraries::futures_send::{async block} at ~futures_send
//=   futures_util::sink::send::Send
//=     futures_util::sink::feed::Feed
//=       futures::channel::mpsc::Sender<u8> [room in the channel]
fn futures_send(park: &mut Park) {
    let (mut sender, receiver) = futures_mpsc::channel::<u8>(0);
    sender.try_send(1).expect("room");
    park.keep(receiver);
    park.spawn(async move {
        sender.send(2).await.is_ok() //~ futures_send
    });
}

//= program::libraries::futures_lock::{async block} at ~futures_lock
//=   futures::lock::Mutex<i32>::lock [the lock]
fn futures_lock(park: &mut Park) {
    let mutex = Arc::new(futures::lock::Mutex::new(0));
    park.keep(mutex.try_lock_owned().expect("free"));
    park.spawn(async move {
        *mutex.lock().await += 1; //~ futures_lock
    });
}

//= program::libraries::async_channel_recv::{async block} at ~async_channel_recv
//=   async_channel::Receiver<u8>::recv [a message]
fn async_channel_recv(park: &mut Park) {
    let (sender, receiver) = async_channel::bounded::<u8>(1);
    park.keep(sender);
    park.spawn(async move {
        receiver.recv().await.is_ok() //~ async_channel_recv
    });
}

//= program::libraries::async_channel_send::{async block} at ~async_channel_send
//=   async_channel::Sender<u8>::send [room in the channel]
fn async_channel_send(park: &mut Park) {
    let (sender, receiver) = async_channel::bounded::<u8>(1);
    sender.try_send(1).expect("room");
    park.keep(receiver);
    park.spawn(async move {
        sender.send(2).await.is_ok() //~ async_channel_send
    });
}

//= tracing::instrument::Instrumented
//=   program::libraries::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn instrumented_task(park: &mut Park) {
    let asking = ask(question(park)).instrument(tracing::info_span!("asking"));
    park.spawn(asking);
}

//= program::libraries::instrumented::{async block} at ~instrumented
//=   tracing::instrument::Instrumented
//=     program::libraries::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn instrumented(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        ask(question).instrument(tracing::info_span!("asking")).await //~ instrumented
    });
}

//= program::libraries::service_call::{async block} at ~service_call
//=   program::libraries::serve at ~serve
//=     program::libraries::ask at ~ask
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn service_call(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        tower::service_fn(serve).call(question).await.is_ok() //~ service_call
    });
}

//= program::libraries::service_with_a_timeout::{async block} at ~service_with_a_timeout
//=   tower::util::oneshot::Oneshot
//=     tower::timeout::future::ResponseFuture
//=       program::libraries::serve at ~serve
//=         program::libraries::ask at ~ask
//=           tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=       tokio::time::Sleep [a timer, due in 3600000 ms]
fn service_with_a_timeout(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let service = tower::timeout::Timeout::new(tower::service_fn(serve), HOUR);
        service.oneshot(question).await.is_ok() //~ service_with_a_timeout
    });
}

//= program::libraries::service_boxed::{async block} at ~service_boxed
//=   tower::util::oneshot::Oneshot
//=     program::libraries::serve at ~serve
//=       program::libraries::ask at ~ask
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn service_boxed(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let service = tower::util::BoxService::new(tower::service_fn(serve));
        service.oneshot(question).await.is_ok() //~ service_boxed
    });
}

ways![
    mapped,
    then_first,
    then_second,
    and_then,
    shared,
    fused,
    boxed,
    panics_caught,
    abortable,
    futures_oneshot,
    futures_next,
    futures_send,
    futures_lock,
    async_channel_recv,
    async_channel_send,
    instrumented_task,
    instrumented,
    service_call,
    service_with_a_timeout,
    service_boxed,
];
