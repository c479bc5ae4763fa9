//! Tasks that wait for each other.

use std::sync::Arc;

use leakcheck::leak_test;
use tokio::sync::{Mutex, mpsc};
use tokio::task::yield_now;

type Account = Arc<Mutex<u64>>;

async fn transfer(from: Account, to: Account) {
    let mut payer = from.lock().await;
    yield_now().await;
    let mut payee = to.lock().await;
    *payer -= 1;
    *payee += 1;
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn locks_taken_in_two_orders() {
    let (one, two) = (Account::default(), Account::default());
    tokio::spawn(transfer(Arc::clone(&one), Arc::clone(&two)));
    tokio::spawn(transfer(two, one));
}

async fn actor(mut inbox: mpsc::Receiver<u8>, peer: mpsc::Sender<u8>) {
    loop {
        for message in 0..3 {
            if peer.send(message).await.is_err() {
                return;
            }
        }
        inbox.recv().await;
    }
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn inboxes_that_are_full() {
    let (to_one, of_one) = mpsc::channel(1);
    let (to_two, of_two) = mpsc::channel(1);
    tokio::spawn(actor(of_one, to_two));
    tokio::spawn(actor(of_two, to_one));
}

async fn keeper(lock: Account) {
    let _guard = lock.lock().await;
    tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn a_lock_that_is_kept() {
    let lock = Account::default();
    tokio::spawn(keeper(Arc::clone(&lock)));
    tokio::spawn(async move { *lock.lock().await += 1 });
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn a_lock_that_is_taken_twice() {
    let lock = Account::default();
    tokio::spawn(async move {
        let first = lock.lock().await;
        let second = lock.lock().await;
        drop((first, second));
    });
}

async fn worker(mut jobs: mpsc::Receiver<u8>) {
    while jobs.recv().await.is_some() {}
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn a_worker_whose_sender_is_kept() {
    let (sender, jobs) = mpsc::channel(1);
    tokio::spawn(worker(jobs));
    std::mem::forget(sender);
}
