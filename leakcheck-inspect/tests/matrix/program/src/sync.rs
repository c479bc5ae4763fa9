//! tokio's and tokio-util's synchronisation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use tokio::sync::{Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore, SetOnce, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::harness::{Park, ways};

//= program::sync::notified::{async block} at ~notified
//=   tokio::sync::Notify::notified [a notification]
fn notified(park: &mut Park) {
    let notify = Arc::new(Notify::new());
    park.keep(notify.clone());
    park.spawn(async move {
        notify.notified().await; //~ notified
    });
}

//= program::sync::notified_owned::{async block} at ~notified_owned
//=   tokio::sync::Notify::notified_owned [a notification]
fn notified_owned(park: &mut Park) {
    let notify = Arc::new(Notify::new());
    park.keep(notify.clone());
    park.spawn(async move {
        notify.notified_owned().await; //~ notified_owned
    });
}

//= program::sync::mutex_lock::{async block} at ~mutex_lock
//=   tokio::sync::Mutex<i32>::lock [the lock]
fn mutex_lock(park: &mut Park) {
    let mutex = Arc::new(Mutex::new(0));
    park.keep(mutex.clone().try_lock_owned().expect("free"));
    park.spawn(async move {
        *mutex.lock().await += 1; //~ mutex_lock
    });
}

//= program::sync::mutex_lock_owned::{async block} at ~mutex_lock_owned
//=   tokio::sync::Mutex<i32>::lock_owned [the lock]
fn mutex_lock_owned(park: &mut Park) {
    let mutex = Arc::new(Mutex::new(0));
    park.keep(mutex.clone().try_lock_owned().expect("free"));
    park.spawn(async move {
        let mut guard = mutex.lock_owned().await; //~ mutex_lock_owned
        *guard += 1;
    });
}

//= program::sync::mutex_locked_twice::{async block} at ~mutex_locked_twice
//=   tokio::sync::Mutex<i32>::lock [the lock]
fn mutex_locked_twice(park: &mut Park) {
    park.spawn(async move {
        let mutex = Mutex::new(0);
        let first = mutex.lock().await;
        let second = mutex.lock().await; //~ mutex_locked_twice
        drop((first, second));
    });
}

//= program::sync::rwlock_read::{async block} at ~rwlock_read
//=   tokio::sync::RwLock<i32>::read [the lock, to read]
fn rwlock_read(park: &mut Park) {
    let lock = Arc::new(RwLock::new(0));
    park.keep(lock.clone().try_write_owned().expect("free"));
    park.spawn(async move {
        let _value = *lock.read().await; //~ rwlock_read
    });
}

//= program::sync::rwlock_write::{async block} at ~rwlock_write
//=   tokio::sync::RwLock<i32>::write [the lock, to write]
fn rwlock_write(park: &mut Park) {
    let lock = Arc::new(RwLock::new(0));
    park.keep(lock.clone().try_read_owned().expect("free"));
    park.spawn(async move {
        *lock.write().await += 1; //~ rwlock_write
    });
}

//= program::sync::rwlock_read_owned::{async block} at ~rwlock_read_owned
//=   tokio::sync::RwLock<i32>::read_owned [the lock, to read]
fn rwlock_read_owned(park: &mut Park) {
    let lock = Arc::new(RwLock::new(0));
    park.keep(lock.clone().try_write_owned().expect("free"));
    park.spawn(async move {
        let _value = *lock.read_owned().await; //~ rwlock_read_owned
    });
}

//= program::sync::rwlock_write_owned::{async block} at ~rwlock_write_owned
//=   tokio::sync::RwLock<i32>::write_owned [the lock, to write]
fn rwlock_write_owned(park: &mut Park) {
    let lock = Arc::new(RwLock::new(0));
    park.keep(lock.clone().try_read_owned().expect("free"));
    park.spawn(async move {
        *lock.write_owned().await += 1; //~ rwlock_write_owned
    });
}

//= program::sync::semaphore_acquire::{async block} at ~semaphore_acquire
//=   tokio::sync::Semaphore::acquire [a permit, 0 free]
fn semaphore_acquire(park: &mut Park) {
    let semaphore = Arc::new(Semaphore::new(0));
    park.keep(semaphore.clone());
    park.spawn(async move {
        semaphore.acquire().await.is_ok() //~ semaphore_acquire
    });
}

//= program::sync::semaphore_acquire_owned::{async block} at ~semaphore_acquire_owned
//=   tokio::sync::Semaphore::acquire_owned [a permit, 0 free]
fn semaphore_acquire_owned(park: &mut Park) {
    let semaphore = Arc::new(Semaphore::new(0));
    park.keep(semaphore.clone());
    park.spawn(async move {
        semaphore.acquire_owned().await.is_ok() //~ semaphore_acquire_owned
    });
}

//= program::sync::semaphore_acquire_many::{async block} at ~semaphore_acquire_many
//=   tokio::sync::Semaphore::acquire_many [a permit, 0 free]
fn semaphore_acquire_many(park: &mut Park) {
    let semaphore = Arc::new(Semaphore::new(2));
    park.keep(semaphore.clone());
    park.spawn(async move {
        semaphore.acquire_many(3).await.is_ok() //~ semaphore_acquire_many
    });
}

//= program::sync::barrier_wait::{async block} at ~barrier_wait
//=   tokio::sync::Barrier::wait [the other parties]
fn barrier_wait(park: &mut Park) {
    let barrier = Arc::new(Barrier::new(2));
    park.keep(barrier.clone());
    park.spawn(async move {
        barrier.wait().await.is_leader() //~ barrier_wait
    });
}

//= program::sync::once_cell::{async block} at ~once_cell_first
//=   tokio::sync::OnceCell<u8>::get_or_init at tokio/src/sync/once_cell.rs:0
//=     program::sync::initialise at ~once_cell_initialise
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
//=
//= program::sync::once_cell::{async block} at ~once_cell_second
//=   tokio::sync::OnceCell<u8>::get_or_init at tokio/src/sync/once_cell.rs:0
//=     tokio::sync::Semaphore::acquire [the cell's initialisation]
fn once_cell(park: &mut Park) {
    let cell = Arc::new(OnceCell::new());
    let (answer, question) = oneshot::channel();
    let (begin, begun) = oneshot::channel();
    let second_waits = Arc::new(AtomicBool::new(false));
    park.keep(answer);
    let (first, waits) = (cell.clone(), second_waits.clone());
    park.spawn(async move {
        first.get_or_init(|| initialise(begin, question)).await; //~ once_cell_first
    });
    park.spawn(async move {
        begun.await.expect("the first begins");
        waits.store(true, SeqCst);
        cell.get_or_init(async || 1).await; //~ once_cell_second
    });
    park.until(move || second_waits.load(SeqCst));
}

async fn initialise(begin: oneshot::Sender<()>, question: oneshot::Receiver<u8>) -> u8 {
    begin.send(()).expect("the second waits");
    question.await.unwrap_or_default() //~ once_cell_initialise
}

//= program::sync::set_once_wait::{async block} at ~set_once_wait
//=   tokio::sync::SetOnce<u8>::wait [the cell's initialisation]
fn set_once_wait(park: &mut Park) {
    let once = Arc::new(SetOnce::<u8>::new());
    park.keep(once.clone());
    park.spawn(async move {
        let _value = *once.wait().await; //~ set_once_wait
    });
}

//= program::sync::token_cancelled::{async block} at ~token_cancelled
//=   tokio_util::sync::CancellationToken::cancelled [the token's cancellation]
fn token_cancelled(park: &mut Park) {
    let token = CancellationToken::new();
    park.keep(token.clone());
    park.spawn(async move {
        token.cancelled().await; //~ token_cancelled
    });
}

//= program::sync::token_cancelled_owned::{async block} at ~token_cancelled_owned
//=   tokio_util::sync::CancellationToken::cancelled_owned [the token's cancellation]
fn token_cancelled_owned(park: &mut Park) {
    let token = CancellationToken::new();
    park.keep(token.clone());
    park.spawn(async move {
        token.child_token().cancelled_owned().await; //~ token_cancelled_owned
    });
}

//= program::sync::token_run_until::{async block} at ~token_run_until
//=   tokio_util::sync::cancellation_token::CancellationToken::run_until_cancelled at tokio-util/src/sync/cancellation_token.rs:0
//=     tokio_util::sync::cancellation_token::RunUntilCancelledFuture
//=       tokio_util::sync::CancellationToken::cancelled [the token's cancellation]
//=       program::sync::answered at ~answered
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn token_run_until(park: &mut Park) {
    let token = CancellationToken::new();
    let (answer, question) = oneshot::channel();
    park.keep((token.clone(), answer));
    park.spawn(async move {
        token.run_until_cancelled(answered(question)).await //~ token_run_until
    });
}

//= program::sync::token_run_until_owned::{async block} at ~token_run_until_owned
//=   tokio_util::sync::cancellation_token::CancellationToken::run_until_cancelled_owned at tokio-util/src/sync/cancellation_token.rs:0
//=     tokio_util::sync::cancellation_token::CancellationToken::run_until_cancelled at tokio-util/src/sync/cancellation_token.rs:0
//=       tokio_util::sync::cancellation_token::RunUntilCancelledFuture
//=         tokio_util::sync::CancellationToken::cancelled [the token's cancellation]
//=         program::sync::answered at ~answered
//=           tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn token_run_until_owned(park: &mut Park) {
    let token = CancellationToken::new();
    let (answer, question) = oneshot::channel();
    park.keep((token.clone(), answer));
    park.spawn(async move {
        token.run_until_cancelled_owned(answered(question)).await //~ token_run_until_owned
    });
}

async fn answered(question: oneshot::Receiver<u8>) -> bool {
    question.await.is_ok() //~ answered
}

//= program::sync::tracker_wait::{async block} at ~tracker_wait
//=   tokio_util::task::TaskTracker::wait [the tracker's tasks]
fn tracker_wait(park: &mut Park) {
    let tracker = TaskTracker::new();
    park.keep(tracker.token());
    tracker.close();
    park.spawn(async move {
        tracker.wait().await; //~ tracker_wait
    });
}

ways![
    notified,
    notified_owned,
    mutex_lock,
    mutex_lock_owned,
    mutex_locked_twice,
    rwlock_read,
    rwlock_write,
    rwlock_read_owned,
    rwlock_write_owned,
    semaphore_acquire,
    semaphore_acquire_owned,
    semaphore_acquire_many,
    barrier_wait,
    once_cell,
    set_once_wait,
    token_cancelled,
    token_cancelled_owned,
    token_run_until,
    token_run_until_owned,
    tracker_wait,
];
