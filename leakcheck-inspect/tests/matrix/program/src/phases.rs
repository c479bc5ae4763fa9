//! Tasks that do not simply wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use leakcheck_inspect::Phase;

use tokio::sync::{Notify, oneshot};

use crate::harness::{Park, ways};

fn question(park: &mut Park) -> oneshot::Receiver<u8> {
    let (sender, receiver) = oneshot::channel();
    park.keep(sender);
    receiver
}

//= never polled
//= program::phases::never_polled::{async block} (not started) at ~never_polled
fn never_polled(park: &mut Park) {
    let question = question(park);
    park.spawn_when_busy(&[Phase::NeverPolled], async move {
        //~^ never_polled
        question.await.ok();
    });
}

//= notified
//= program::phases::woken::{async block} at ~woken
//=   tokio::sync::Notify::notified [a notification]
fn woken(park: &mut Park) {
    let notify = Arc::new(Notify::new());
    let wake = notify.clone();
    park.spawn(async move {
        notify.notified().await; //~ woken
        std::future::pending::<()>().await;
    });
    park.last_when_busy(&[Phase::Notified], move || wake.notify_one());
}

//= cancelled
//= program::phases::aborted::{async block} at ~aborted
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn aborted(park: &mut Park) {
    let question = question(park);
    let abort = park.spawn_to_abort(async move {
        question.await //~ aborted
    });
    park.last_when_busy(&[Phase::Cancelled], move || abort.abort());
}

//= running
//= (no tree)
fn running(park: &mut Park) {
    park.be_busy();
}

//= unwakeable
//= program::phases::waker_dropped::{async block} at ~waker_dropped
//=   core::future::poll_fn::PollFn [a hand-written future]
fn waker_dropped(park: &mut Park) {
    park.spawn(async {
        let forgetful = std::future::poll_fn(|cx| {
            drop(cx.waker().clone());
            std::task::Poll::<()>::Pending
        });
        forgetful.await; //~ waker_dropped
    });
}

//= program::phases::waker_kept::{async block} at ~waker_kept
//=   core::future::poll_fn::PollFn [a hand-written future]
fn waker_kept(park: &mut Park) {
    let (wakers, kept) = std::sync::mpsc::channel();
    park.keep(kept);
    park.spawn(async move {
        let patient = std::future::poll_fn(|cx| {
            wakers.send(cx.waker().clone()).expect("kept");
            std::task::Poll::<()>::Pending
        });
        patient.await; //~ waker_kept
    });
}

//= unwakeable
//= program::phases::sender_forgotten::{async block} at ~sender_forgotten
//=   core::future::Pending<()> [nothing: it never ends]
fn sender_forgotten(park: &mut Park) {
    park.spawn_detached(async {
        std::future::pending::<()>().await; //~ sender_forgotten
    });
}

//= program::phases::yielding::{async block} at ~yielding
//=   tokio::task::yield_now [its next turn]
fn yielding(park: &mut Park) {
    let polled = Arc::new(AtomicBool::new(false));
    let begun = polled.clone();
    // Between its turns it is in a queue, or on the list of what to put there.
    let phases = &[Phase::Notified, Phase::Waiting];
    let forever = async move {
        loop {
            begun.store(true, SeqCst);
            tokio::task::yield_now().await; //~ yielding
        }
    };
    park.spawn_restless(forever, phases);
    park.until(move || polled.load(SeqCst));
}

ways![never_polled, woken, aborted, running, waker_dropped, waker_kept, sender_forgotten, yielding];
