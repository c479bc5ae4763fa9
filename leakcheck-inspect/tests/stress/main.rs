//! Reads the tasks of runtimes that run flat out: whatever a task does meanwhile, what is told of it
//! was true at some moment.
//!
//! Each run takes about two seconds; `LEAKCHECK_STRESS=10` makes it ten. Most useful with
//! optimisation, too: see `scripts/stress`.

#![cfg(target_os = "linux")]

mod busy;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use busy::{KINDS, Kind};
use leakcheck_inspect::{Image, Inspector, NodeKind, Phase, Process, Task};
use tokio::runtime::{Builder, Handle, Runtime};

/// How many tasks there are, and how many where each runs all the time.
const TASKS: usize = 10_000;
const HOT: usize = 6;

fn time() -> Duration {
    let seconds = std::env::var("LEAKCHECK_STRESS").ok();
    Duration::from_secs_f64(seconds.map_or(2.0, |seconds| seconds.parse().expect("seconds")))
}

/// Spawns the tasks, and tells which id is of which kind.
fn spawn(handle: &Handle, stop: &Arc<AtomicBool>, many: usize) -> HashMap<u64, &'static Kind> {
    let mut kinds = HashMap::new();
    for number in 0..many {
        let kind = &KINDS[number % KINDS.len()];
        for id in (kind.spawn)(handle, Arc::clone(stop)) {
            kinds.insert(id.to_string().parse().expect("a number"), kind);
        }
    }
    kinds
}

/// The same tasks among many that only wait: most of them are read together.
fn spawn_among(handle: &Handle, stop: &Arc<AtomicBool>, hot: usize) -> HashMap<u64, &'static Kind> {
    let parked = KINDS.iter().find(|kind| kind.parked).expect("a kind that waits");
    let mut kinds = spawn(handle, stop, hot);
    for _ in 0..TASKS {
        for id in (parked.spawn)(handle, Arc::clone(stop)) {
            kinds.insert(id.to_string().parse().expect("a number"), parked);
        }
    }
    kinds
}

/// What was read, all in all.
#[derive(Debug, Default)]
struct Count {
    dumps: usize,
    tasks: usize,
    trees: usize,
    running: usize,
    unknown: usize,
    lists_lost: usize,
}

/// Why this task cannot have been like that at any moment.
fn impossible(task: &Task, kind: Option<&Kind>) -> Option<String> {
    let busy = task.unknown.as_ref().filter(|why| !why.contains("kept changing"));
    if let Some(why) = busy {
        return Some(format!("unknown: {why}"));
    }
    let Some(tree) = &task.tree else {
        let without = matches!(task.phase, Phase::Running | Phase::Finished);
        let parked = kind.is_some_and(|kind| kind.parked);
        let told = (without || task.unknown.is_some()) && !parked;
        return (!told).then(|| "no tree".to_owned());
    };
    let valid = match kind {
        Some(kind) => (kind.valid)(tree),
        None => busy::churned(tree),
    };
    let whole = tree.walk().all(|node| !matches!(node.kind, NodeKind::Cut | NodeKind::Done));
    (!valid || !whole).then(|| format!("torn:\n{tree}"))
}

fn check(tasks: &[Task], kinds: &HashMap<u64, &'static Kind>, count: &mut Count) {
    count.dumps += 1;
    count.tasks += tasks.len();
    for task in tasks {
        let kind = kinds.get(&task.id).copied();
        if let Some(why) = impossible(task, kind) {
            let name = kind.map_or("churn", |kind| kind.name);
            panic!("task {} ({name}) {:?} {:?} {why}", task.id, task.phase, task.state);
        }
        count.trees += usize::from(task.tree.is_some());
        count.running += usize::from(task.phase == Phase::Running);
        count.unknown += usize::from(task.unknown.is_some());
    }
    let mut ids: Vec<u64> = tasks.iter().map(|task| task.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), tasks.len(), "an id is there twice");
    // These never end, so they are there at every moment.
    for (id, kind) in kinds {
        assert!(ids.binary_search(id).is_ok(), "task {id} ({}) is missing", kind.name);
    }
}

/// Has the runtime's tasks read for a while, and gives what was read.
fn read_busy(runtime: &Runtime, kinds: &HashMap<u64, &'static Kind>) -> Count {
    let inspector = Inspector::new(Image::current().expect("an executable"));
    let handle = runtime.handle().clone();
    let address = std::ptr::from_ref(&handle) as u64;
    let mut count = Count::default();
    let start = Instant::now();
    while count.dumps < 3 && count.lists_lost < 1000 || start.elapsed() < time() {
        let process = Process::own().expect("this process");
        match inspector.tasks(process, address) {
            Ok(tasks) => check(&tasks, kinds, &mut count),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("kept changing"), "{error}");
                count.lists_lost += 1;
            }
        }
    }
    count
}

#[test]
fn every_tree_was_true_at_some_moment_while_workers_run_flat_out() {
    let runtime = Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let count = read_busy(&runtime, &spawn(runtime.handle(), &stop, TASKS));
    stop.store(true, Ordering::Relaxed);
    runtime.shutdown_background();
    println!("4 workers: {count:?}");
    assert!(count.trees > 2 * TASKS, "{count:?}");
}

#[test]
fn every_tree_was_true_at_some_moment_while_one_thread_runs_flat_out() {
    let runtime = Arc::new(Builder::new_current_thread().build().unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let end = Arc::new(tokio::sync::Notify::new());
    let thread = std::thread::spawn({
        let (runtime, end) = (Arc::clone(&runtime), Arc::clone(&end));
        move || runtime.block_on(end.notified())
    });
    let count = read_busy(&runtime, &spawn(runtime.handle(), &stop, TASKS));
    stop.store(true, Ordering::Relaxed);
    end.notify_one();
    thread.join().unwrap();
    println!("1 thread: {count:?}");
    assert!(count.trees > 2 * TASKS, "{count:?}");
}

#[test]
fn tasks_that_never_stand_still_are_told_all_the_same() {
    let runtime = Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let count = read_busy(&runtime, &spawn(runtime.handle(), &stop, HOT));
    stop.store(true, Ordering::Relaxed);
    runtime.shutdown_background();
    println!("{HOT} hot tasks: {count:?}");
    assert!(count.dumps > 10 * count.lists_lost, "{count:?}");
}

#[test]
fn a_few_that_never_stand_still_are_told_from_the_many_that_do() {
    let runtime = Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let count = read_busy(&runtime, &spawn_among(runtime.handle(), &stop, HOT));
    stop.store(true, Ordering::Relaxed);
    runtime.shutdown_background();
    println!("{HOT} hot tasks among {TASKS}: {count:?}");
    assert!(count.trees > 2 * TASKS, "{count:?}");
}
