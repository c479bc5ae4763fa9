//! What a clean test pays: leakcheck's harness against what `#[tokio::test]` expands to, and how
//! soon a leak is told; all in one run.
//!
//! `cargo bench -p leakcheck` measures the hooks tier, `RUSTFLAGS= cargo bench -p leakcheck` the
//! plain tier.

#![expect(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;
use std::pin::{Pin, pin};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use leakcheck::{Flavor, Options, Runtime};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

async fn empty() {}

async fn thousand_in_turn() {
    for number in 0..1000_u32 {
        black_box(tokio::spawn(async move { number }).await.unwrap());
    }
}

async fn thousand_at_once() {
    let mut tasks = JoinSet::new();
    for number in 0..1000_u32 {
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

/// As `#[tokio::test]` expands.
fn tokio_test(flavor: Flavor, body: impl Future<Output = ()>) {
    let body = pin!(body);
    let body: Pin<&mut dyn Future<Output = ()>> = body;
    let mut builder = match flavor {
        Flavor::MultiThread => Builder::new_multi_thread(),
        _ => Builder::new_current_thread(),
    };
    if flavor == Flavor::MultiThread {
        builder.worker_threads(2);
    }
    builder.enable_all().build().unwrap().block_on(body);
}

/// As `#[leak_test]` expands, but for the test's name.
fn leak_test(flavor: Flavor, body: impl Future<Output = ()>) {
    let options = Options::new().flavor(flavor);
    let options = if flavor == Flavor::MultiThread { options.worker_threads(2) } else { options };
    let body: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(body);
    leakcheck::run(options, body);
}

fn compare<F>(criterion: &mut Criterion, name: &str, flavor: Flavor, body: fn() -> F)
where
    F: Future<Output = ()>,
{
    let mut group = criterion.benchmark_group(name);
    group.bench_function("tokio_test", |bencher| bencher.iter(|| tokio_test(flavor, body())));
    group.bench_function("leak_test", |bencher| bencher.iter(|| leak_test(flavor, body())));
    group.finish();
}

fn clean(criterion: &mut Criterion) {
    for (flavor, of) in
        [(Flavor::CurrentThread, "current_thread"), (Flavor::MultiThread, "multi_thread")]
    {
        compare(criterion, &format!("{of}/empty"), flavor, empty);
        compare(criterion, &format!("{of}/1000 tasks in turn"), flavor, thousand_in_turn);
        compare(criterion, &format!("{of}/1000 tasks at once"), flavor, thousand_at_once);
        compare(criterion, &format!("{of}/needs settling"), flavor, needs_settling);
    }
}

/// A clean verdict alone, and beside the live tasks of another runtime.
fn beside(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a clean verdict");
    let checked = Runtime::new(Options::new()).unwrap();
    for others in [0, 100_000] {
        let other = Runtime::new(Options::new()).unwrap();
        other.block_on(async {
            for _ in 0..others {
                tokio::spawn(std::future::pending::<()>());
            }
        });
        group.bench_function(format!("beside {others} tasks of another runtime"), |bencher| {
            bencher.iter(|| checked.check().unwrap());
        });
    }
    group.finish();
}

/// From the end of the body to the rendered report; the grace is 10 ms of it.
fn detection(criterion: &mut Criterion) {
    criterion.bench_function("one parked leak, grace 10 ms, reported", |bencher| {
        let options = || Options::new().grace(Duration::from_millis(10));
        bencher.iter_with_setup(
            || {
                let runtime = Runtime::new(options()).unwrap();
                runtime.block_on(async { drop(tokio::spawn(std::future::pending::<()>())) });
                runtime
            },
            |runtime| black_box(runtime.check().unwrap_err().to_string()),
        );
    });
}

criterion_group!(benches, clean, beside, detection);
criterion_main!(benches);
