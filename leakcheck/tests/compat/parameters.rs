//! Parameters are dropped when the body ends, as those of an `async fn`: before the check.

use rstest::{fixture, rstest};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Something that tasks live on.
struct Worker {
    token: CancellationToken,
    _cancels_on_drop: DropGuard,
}

impl Worker {
    fn spawn(&self) {
        let token = self.token.clone();
        tokio::spawn(async move { token.cancelled().await });
    }
}

#[fixture]
fn worker() -> Worker {
    let token = CancellationToken::new();
    Worker { _cancels_on_drop: token.clone().drop_guard(), token }
}

#[rstest]
#[leakcheck::test]
async fn above(worker: Worker) {
    worker.spawn();
}

#[leakcheck::test]
#[rstest]
async fn below(worker: Worker) {
    worker.spawn();
}

#[leakcheck::test]
#[rstest]
async fn unused_but_alive_in_the_body(#[from(worker)] _: Worker, worker: Worker) {
    worker.spawn();
}

#[leakcheck::test]
#[rstest]
async fn taken_apart(#[from(worker)] Worker { token, _cancels_on_drop }: Worker) {
    let theirs = token.clone();
    tokio::spawn(async move { theirs.cancelled().await });
    tokio::task::yield_now().await;
    assert!(!token.is_cancelled());
}
