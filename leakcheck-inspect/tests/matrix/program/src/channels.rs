//! tokio's channels.

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::harness::{Park, ways};

//= program::channels::oneshot_receive::{async block} at ~oneshot_receive
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn oneshot_receive(park: &mut Park) {
    let (sender, receiver) = oneshot::channel::<u8>();
    park.keep(sender);
    park.spawn(async move {
        receiver.await //~ oneshot_receive
    });
}

//= program::channels::oneshot_by_reference::{async block} at ~oneshot_by_reference
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn oneshot_by_reference(park: &mut Park) {
    let (sender, mut receiver) = oneshot::channel::<u8>();
    park.keep(sender);
    park.spawn(async move {
        let _answer = (&mut receiver).await; //~ oneshot_by_reference
        receiver.close();
    });
}

//= program::channels::oneshot_closed::{async block} at ~oneshot_closed
//=   tokio::sync::oneshot::Sender<u8>::closed [the receiver to be dropped]
fn oneshot_closed(park: &mut Park) {
    let (mut sender, receiver) = oneshot::channel::<u8>();
    park.keep(receiver);
    park.spawn(async move {
        sender.closed().await; //~ oneshot_closed
    });
}

//= program::channels::mpsc_recv::{async block} at ~mpsc_recv
//=   tokio::sync::mpsc::Receiver<u8>::recv [a message, 1 sender left]
fn mpsc_recv(park: &mut Park) {
    let (sender, mut receiver) = mpsc::channel::<u8>(1);
    park.keep(sender);
    park.spawn(async move {
        receiver.recv().await //~ mpsc_recv
    });
}

//= program::channels::mpsc_recv_of_three::{async block} at ~mpsc_recv_of_three
//=   tokio::sync::mpsc::Receiver<String>::recv [a message, 3 senders left]
fn mpsc_recv_of_three(park: &mut Park) {
    let (sender, mut receiver) = mpsc::channel::<String>(100);
    park.keep([sender.clone(), sender.clone(), sender]);
    park.spawn(async move {
        while let Some(text) = receiver.recv().await {
            //~^ mpsc_recv_of_three
            drop(text);
        }
    });
}

//= program::channels::mpsc_recv_of_own_sender::{async block} at ~mpsc_recv_of_own_sender
//=   tokio::sync::mpsc::Receiver<u8>::recv [a message, 1 sender left]
fn mpsc_recv_of_own_sender(park: &mut Park) {
    park.spawn_detached(async move {
        let (sender, mut receiver) = mpsc::channel::<u8>(1);
        receiver.recv().await; //~ mpsc_recv_of_own_sender
        drop(sender);
    });
}

//= program::channels::mpsc_recv_many::{async block} at ~mpsc_recv_many
//=   tokio::sync::mpsc::Receiver<u8>::recv_many [a message, 1 sender left]
fn mpsc_recv_many(park: &mut Park) {
    let (sender, mut receiver) = mpsc::channel::<u8>(8);
    park.keep(sender);
    park.spawn(async move {
        let mut all = Vec::new();
        receiver.recv_many(&mut all, 8).await //~ mpsc_recv_many
    });
}

//= program::channels::mpsc_send_full::{async block} at ~mpsc_send_full
//=   tokio::sync::mpsc::Sender<u64>::send [room in the channel]
fn mpsc_send_full(park: &mut Park) {
    let (sender, receiver) = mpsc::channel::<u64>(1);
    sender.try_send(1).expect("room");
    park.keep(receiver);
    park.spawn(async move {
        sender.send(2).await //~ mpsc_send_full
    });
}

//= program::channels::mpsc_reserve::{async block} at ~mpsc_reserve
//=   tokio::sync::mpsc::Sender<u64>::reserve [room in the channel]
fn mpsc_reserve(park: &mut Park) {
    let (sender, receiver) = mpsc::channel::<u64>(1);
    sender.try_send(1).expect("room");
    park.keep(receiver);
    park.spawn(async move {
        sender.reserve().await.expect("open").send(2); //~ mpsc_reserve
    });
}

//= program::channels::mpsc_reserve_owned::{async block} at ~mpsc_reserve_owned
//=   tokio::sync::mpsc::Sender<u64>::reserve_owned [room in the channel]
fn mpsc_reserve_owned(park: &mut Park) {
    let (sender, receiver) = mpsc::channel::<u64>(1);
    sender.try_send(1).expect("room");
    park.keep(receiver);
    park.spawn(async move {
        sender.reserve_owned().await.expect("open").send(2); //~ mpsc_reserve_owned
    });
}

//= program::channels::mpsc_closed::{async block} at ~mpsc_closed
//=   tokio::sync::mpsc::Sender<u8>::closed [the receivers to be dropped]
fn mpsc_closed(park: &mut Park) {
    let (sender, receiver) = mpsc::channel::<u8>(1);
    park.keep(receiver);
    park.spawn(async move {
        sender.closed().await; //~ mpsc_closed
    });
}

//= program::channels::unbounded_recv::{async block} at ~unbounded_recv
//=   tokio::sync::mpsc::UnboundedReceiver<u8>::recv [a message, 1 sender left]
fn unbounded_recv(park: &mut Park) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<u8>();
    park.keep(sender);
    park.spawn(async move {
        receiver.recv().await //~ unbounded_recv
    });
}

//= program::channels::broadcast_recv::{async block} at ~broadcast_recv
//=   tokio::sync::broadcast::Receiver<u8>::recv [a message, 1 sender left]
fn broadcast_recv(park: &mut Park) {
    let (sender, mut receiver) = broadcast::channel::<u8>(4);
    park.keep(sender);
    park.spawn(async move {
        receiver.recv().await //~ broadcast_recv
    });
}

//= program::channels::broadcast_closed::{async block} at ~broadcast_closed
//=   tokio::sync::broadcast::Sender<u8>::closed [the receivers to be dropped]
fn broadcast_closed(park: &mut Park) {
    let (sender, receiver) = broadcast::channel::<u8>(4);
    park.keep(receiver);
    park.spawn(async move {
        sender.closed().await; //~ broadcast_closed
    });
}

//= program::channels::watch_changed::{async block} at ~watch_changed
//=   tokio::sync::watch::Receiver<i32>::changed [a change of the value, 1 sender left]
fn watch_changed(park: &mut Park) {
    let (sender, mut receiver) = watch::channel(0);
    park.keep(sender);
    park.spawn(async move {
        receiver.changed().await //~ watch_changed
    });
}

//= program::channels::watch_wait_for::{async block} at ~watch_wait_for
//=   tokio::sync::watch::Receiver<i32>::wait_for [a change of the value, 1 sender left]
fn watch_wait_for(park: &mut Park) {
    let (sender, mut receiver) = watch::channel(0);
    park.keep(sender);
    park.spawn(async move {
        let seven = receiver.wait_for(|value| *value == 7).await; //~ watch_wait_for
        seven.is_ok()
    });
}

//= program::channels::watch_closed::{async block} at ~watch_closed
//=   tokio::sync::watch::Sender<i32>::closed [the receivers to be dropped, 1 receiver left]
fn watch_closed(park: &mut Park) {
    let (sender, receiver) = watch::channel(0);
    park.keep(receiver);
    park.spawn(async move {
        sender.closed().await; //~ watch_closed
    });
}

ways![
    oneshot_receive,
    oneshot_by_reference,
    oneshot_closed,
    mpsc_recv,
    mpsc_recv_of_three,
    mpsc_recv_of_own_sender,
    mpsc_recv_many,
    mpsc_send_full,
    mpsc_reserve,
    mpsc_reserve_owned,
    mpsc_closed,
    unbounded_recv,
    broadcast_recv,
    broadcast_closed,
    watch_changed,
    watch_wait_for,
    watch_closed,
];
