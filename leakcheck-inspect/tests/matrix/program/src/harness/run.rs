//! One run on one kind of runtime: everything is parked, then looked at twice.

use std::ptr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use leakcheck_inspect::{Image, Inspector, Phase, ProcessMemory, TaskLayout};
use tokio::runtime::{self, Handle, LocalOptions};
use tokio::sync::oneshot;

use super::check::{Findings, inspect};
use super::park::{Deed, Flavor, Park, Parked, Way, When, number};

/// Runs the ways on a runtime, and counts those that are not read as they are.
pub(crate) fn run(flavor: Flavor, ways: &[Way]) -> usize {
    let mut builder = match flavor {
        Flavor::MultiThread => runtime::Builder::new_multi_thread(),
        _ => runtime::Builder::new_current_thread(),
    };
    builder.enable_all();
    let findings = if flavor == Flavor::Local {
        let runtime = builder.build_local(LocalOptions::default()).expect("a runtime");
        let findings = runtime.block_on(park_and_look(flavor, ways));
        runtime.shutdown_background();
        findings
    } else {
        builder.worker_threads(flavor.workers());
        let runtime = builder.build().expect("a runtime");
        let findings = runtime.block_on(park_and_look(flavor, ways));
        runtime.shutdown_background();
        findings
    };
    let differing = findings.compare(ways);
    println!("{flavor:?}: {} ways to wait, {differing} not read as they are", ways.len());
    differing
}

async fn park_and_look(flavor: Flavor, ways: &[Way]) -> Findings {
    let image = || Image::current().expect("an executable");
    let layout = TaskLayout::of_image(image()).expect("debug info");
    let inspector = Arc::new(Inspector::new(image()));
    let handle = Handle::current();

    let mut park = Park::default();
    for (index, way) in ways.iter().enumerate() {
        park.way = index;
        (way.start)(&mut park);
    }
    settle(&mut park, &layout, &handle, ways).await;

    let mut findings = Findings::default();
    let settled: Vec<_> =
        park.tasks.iter().filter(|task| task.when == When::Parked).cloned().collect();
    let start = Instant::now();
    let found = inspect(&inspector, &handle);
    println!("{} tasks inspected in {:?}", settled.len(), start.elapsed());
    findings.add(found, &settled, &park.tasks);
    for root in &park.roots {
        findings.add_root(&inspector, root);
    }
    look_while_busy(flavor, park, inspector, findings).await
}

/// Until all tasks wait, and what they have to do before is done.
async fn settle(park: &mut Park, layout: &TaskLayout, handle: &Handle, ways: &[Way]) {
    let address = ptr::from_ref(handle) as u64;
    let parked = |task: &&Parked| {
        let state = layout.find_task(&ProcessMemory::own(), address, task.id).expect("readable");
        state.is_some_and(|state| !state.running && !state.notified && !state.complete)
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let ready = park.step();
        let restless = park.tasks.iter().find(|task| task.when == When::Parked && !parked(task));
        match restless {
            None if ready => return,
            Some(task) if Instant::now() > deadline => {
                panic!("a task of `{}` does not wait", ways[task.way].name)
            }
            None if Instant::now() > deadline => panic!("what was to happen does not"),
            _ => tokio::task::yield_now().await,
        }
    }
}

/// Keeps every worker busy, so that what is woken stays woken, and looks from another thread.
async fn look_while_busy(
    flavor: Flavor,
    mut park: Park,
    inspector: Arc<Inspector>,
    mut findings: Findings,
) -> Findings {
    let (started, starts) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let ends = Arc::new(Mutex::new(ends));
    for _ in 0..flavor.workers() {
        let (started, ends) = (started.clone(), ends.clone());
        let worker = tokio::spawn(async move {
            started.send(tokio::task::id()).expect("counted");
            let _closed = ends.lock().expect("unpoisoned").recv();
        });
        drop(worker);
    }
    let deeds = std::mem::take(&mut park.deeds);
    let (mut tasks, busy_way) = (park.tasks.clone(), park.busy_way);
    let (done, findings_done) = oneshot::channel();
    let handle = Handle::current();
    std::thread::spawn(move || {
        let workers: Vec<_> = starts.iter().take(flavor.workers()).collect();
        if let Some(way) = busy_way {
            tasks.push(parked(way, number(workers[0]), false, &[Phase::Running]));
        }
        let spawned = act(deeds, &handle, &mut tasks);
        let late: Vec<_> = tasks.iter().filter(|task| task.when != When::Parked).cloned().collect();
        findings.add(inspect(&inspector, &handle), &late, &tasks);
        drop((spawned, end));
        done.send(findings).ok().expect("awaited");
    });
    let findings = findings_done.await.expect("looked");
    // What the tasks wait for goes last, or they would go on.
    std::mem::forget(park);
    findings
}

fn act(
    deeds: Vec<(usize, &'static [Phase], Deed)>,
    handle: &Handle,
    tasks: &mut Vec<Parked>,
) -> Vec<tokio::task::JoinHandle<()>> {
    let mut spawned = Vec::new();
    for (way, phases, deed) in deeds {
        if let Some(task) = deed(handle) {
            tasks.push(parked(way, number(task.id()), true, phases));
            spawned.push(task);
        }
    }
    spawned
}

fn parked(way: usize, id: u64, joined: bool, phases: &'static [Phase]) -> Parked {
    Parked { way, id, joined, spawned_at: None, when: When::Busy(phases) }
}
