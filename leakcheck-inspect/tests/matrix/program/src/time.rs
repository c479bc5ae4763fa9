//! tokio's timers.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{self, Instant};
use tokio_util::time::{DelayQueue, FutureExt as _};

use crate::harness::{Park, ways};

const HOUR: Duration = Duration::from_secs(3600);

//= program::time::sleep::{async block} at ~sleep
//=   tokio::time::Sleep [a timer, due in 3600000 ms]
fn sleep(park: &mut Park) {
    park.spawn(async {
        time::sleep(HOUR).await; //~ sleep
    });
}

//= program::time::sleep_until::{async block} at ~sleep_until
//=   tokio::time::Sleep [a timer, due in 7200000 ms]
fn sleep_until(park: &mut Park) {
    let deadline = Instant::now() + 2 * HOUR;
    park.spawn(async move {
        time::sleep_until(deadline).await; //~ sleep_until
    });
}

//= program::time::sleep_pinned::{async block} at ~sleep_pinned
//=   tokio::time::Sleep [a timer, due in 3600000 ms]
fn sleep_pinned(park: &mut Park) {
    park.spawn(async {
        let sleep = time::sleep(HOUR);
        tokio::pin!(sleep);
        sleep.as_mut().await; //~ sleep_pinned
    });
}

//= program::time::interval_tick::{async block} at ~interval_tick
//=   tokio::time::Interval::tick [an interval's tick, due in 3600000 ms]
fn interval_tick(park: &mut Park) {
    park.spawn(async {
        let mut interval = time::interval_at(Instant::now() + HOUR, HOUR);
        loop {
            interval.tick().await; //~ interval_tick
        }
    });
}

//= program::time::timeout::{async block} at ~timeout
//=   tokio::time::Timeout [timeout, due in 3600000 ms]
//=     program::time::answer at ~answer
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn timeout(park: &mut Park) {
    let (sender, receiver) = oneshot::channel();
    park.keep(sender);
    park.spawn(async move {
        time::timeout(HOUR, answer(receiver)).await.is_ok() //~ timeout
    });
}

async fn answer(receiver: oneshot::Receiver<u8>) -> u8 {
    receiver.await.unwrap_or_default() //~ answer
}

//= program::time::timeout_of_a_leaf::{async block} at ~timeout_of_a_leaf
//=   tokio::time::Timeout [timeout, due in 3600000 ms]
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn timeout_of_a_leaf(park: &mut Park) {
    let (sender, receiver) = oneshot::channel::<u8>();
    park.keep(sender);
    park.spawn(async move {
        time::timeout(HOUR, receiver).await.is_ok() //~ timeout_of_a_leaf
    });
}

//= program::time::timeout_at::{async block} at ~timeout_at
//=   tokio::time::Timeout [timeout, due in 7200000 ms]
//=     program::time::answer at ~answer
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn timeout_at(park: &mut Park) {
    let (sender, receiver) = oneshot::channel();
    park.keep(sender);
    park.spawn(async move {
        let deadline = Instant::now() + 2 * HOUR;
        time::timeout_at(deadline, answer(receiver)).await.is_ok() //~ timeout_at
    });
}

//= program::time::timeout_by_method::{async block} at ~timeout_by_method
//=   tokio::time::Timeout [timeout, due in 3600000 ms]
//=     program::time::answer at ~answer
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn timeout_by_method(park: &mut Park) {
    let (sender, receiver) = oneshot::channel();
    park.keep(sender);
    park.spawn(async move {
        answer(receiver).timeout(HOUR).await.is_ok() //~ timeout_by_method
    });
}

//= program::time::timeouts_nested::{async block} at ~timeouts_nested
//=   tokio::time::Timeout [timeout, due in 7200000 ms]
//=     tokio::time::Timeout [timeout, due in 3600000 ms]
//=       tokio::time::Sleep [a timer, due in 10800000 ms]
fn timeouts_nested(park: &mut Park) {
    park.spawn(async move {
        let inner = time::timeout(HOUR, time::sleep(3 * HOUR));
        time::timeout(2 * HOUR, inner).await.is_ok() //~ timeouts_nested
    });
}

//= program::time::delay_queue::{async block} at ~delay_queue
//=   tokio_util::time::delay_queue::DelayQueue
//=     tokio::time::Sleep [a timer, due in 3600000 ms]
fn delay_queue(park: &mut Park) {
    park.spawn(async {
        let mut queue = DelayQueue::new();
        queue.insert("late", HOUR);
        std::future::poll_fn(|cx| queue.poll_expired(cx)).await; //~ delay_queue
    });
}

ways![
    sleep,
    sleep_until,
    sleep_pinned,
    interval_tick,
    timeout,
    timeout_of_a_leaf,
    timeout_at,
    timeout_by_method,
    timeouts_nested,
    delay_queue,
];
