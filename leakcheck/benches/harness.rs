//! What a clean test pays: leakcheck's harness against what `#[tokio::test]` expands to, in one run.
//!
//! `cargo bench -p leakcheck` measures the hooks tier, `RUSTFLAGS= cargo bench -p leakcheck` the
//! plain tier.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use leakcheck::{Flavor, Options};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

async fn empty() {}

async fn thousand_tasks() {
    for number in 0..1000_u32 {
        black_box(tokio::spawn(async move { number }).await.unwrap());
    }
}

async fn thousand_at_once() {
    let mut tasks: JoinSet<u32> = JoinSet::new();
    for number in 0..1000 {
        tasks.spawn(async move { number });
    }
    while let Some(number) = tasks.join_next().await {
        black_box(number.unwrap());
    }
}

/// The body is over before its tasks are: they were told to stop, and have not yet.
async fn needs_settling() {
    let mut tasks = JoinSet::new();
    for _ in 0..10 {
        tasks.spawn(std::future::pending::<()>());
    }
    tokio::task::yield_now().await;
}

fn compare<F: Future<Output = ()>>(
    criterion: &mut Criterion,
    name: &str,
    flavor: Flavor,
    body: fn() -> F,
) {
    let mut group = criterion.benchmark_group(name);
    group.bench_function("tokio_test", |bencher| bencher.iter(|| tokio_test(flavor, body())));
    group.bench_function("leak_test", |bencher| {
        bencher.iter(|| {
            leakcheck::run(Options::new().flavor(flavor).worker_threads_if(flavor), body())
        });
    });
    group.finish();
}

/// As `#[tokio::test]` expands.
fn tokio_test(flavor: Flavor, body: impl Future<Output = ()>) {
    let body = std::pin::pin!(body);
    let body: std::pin::Pin<&mut dyn Future<Output = ()>> = body;
    let mut builder = match flavor {
        Flavor::MultiThread => Builder::new_multi_thread(),
        _ => Builder::new_current_thread(),
    };
    if flavor == Flavor::MultiThread {
        builder.worker_threads(2);
    }
    builder.enable_all().build().unwrap().block_on(body);
}

trait WorkersIf {
    fn worker_threads_if(self, flavor: Flavor) -> Self;
}

impl WorkersIf for Options {
    fn worker_threads_if(self, flavor: Flavor) -> Self {
        if flavor == Flavor::MultiThread { self.worker_threads(2) } else { self }
    }
}

fn benches(criterion: &mut Criterion) {
    for (flavor, of) in
        [(Flavor::CurrentThread, "current_thread"), (Flavor::MultiThread, "multi_thread")]
    {
        compare(criterion, &format!("{of}/empty"), flavor, empty);
        compare(criterion, &format!("{of}/1000 spawned and joined"), flavor, thousand_tasks);
        compare(criterion, &format!("{of}/1000 at once"), flavor, thousand_at_once);
        compare(criterion, &format!("{of}/needs settling"), flavor, needs_settling);
    }
}

criterion_group!(harness, benches);
criterion_main!(harness);
