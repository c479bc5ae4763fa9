//! How long reports take, with what they are to take: `scripts/bench-inspect` runs it both ways.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gimli::{EndianSlice, LittleEndian};
use leakcheck_inspect::{Image, Inspector, Process, Task};
use object::{Object as _, ObjectSection as _};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

/// How often what is short is repeated; told is the median.
const TIMES: usize = 51;

async fn request(answer: oneshot::Receiver<u64>) -> u64 {
    answer.await.unwrap_or_default()
}

async fn handler(answer: oneshot::Receiver<u64>) -> u64 {
    request(answer).await + 1
}

async fn subscriber(mut events: mpsc::Receiver<u64>) {
    while events.recv().await.is_some() {}
}

/// Whatever the tasks wait for is kept from coming.
#[derive(Default)]
struct Kept {
    answers: Vec<oneshot::Sender<u64>>,
    events: Vec<mpsc::Sender<u64>>,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Parks so many tasks of three kinds.
fn park(runtime: &Runtime, count: usize) -> Kept {
    let mut kept = Kept::default();
    for number in 0..count {
        match number % 3 {
            0 => {
                let (sender, receiver) = oneshot::channel();
                kept.answers.push(sender);
                runtime.spawn(handler(receiver));
            }
            1 => {
                let (sender, receiver) = mpsc::channel(1);
                kept.events.push(sender);
                runtime.spawn(subscriber(receiver));
            }
            _ => {
                let (sender, receiver) = oneshot::channel();
                kept.answers.push(sender);
                let boxed: std::pin::Pin<Box<dyn Future<Output = u64> + Send>> =
                    Box::pin(request(receiver));
                runtime.spawn(boxed);
            }
        }
    }
    // Each is polled once: a runtime takes what comes from outside in the order it came.
    let (sender, receiver) = oneshot::channel();
    runtime.spawn(async move { sender.send(()) });
    runtime.block_on(receiver).expect("the last task");
    kept
}

fn tasks(inspector: &Inspector, runtime: &Runtime) -> Vec<Task> {
    let process = Process::own().expect("this process");
    let handle = std::ptr::from_ref(runtime.handle()) as u64;
    inspector.tasks(process, handle).expect("tasks")
}

/// A child's whole work: the first report of a process, and then the next. With a folder, what the process
/// before it has learnt is in there.
fn first(cache: Option<&Path>) {
    let runtime = runtime();
    let _kept = park(&runtime, 12);
    let start = Instant::now();
    let image = Image::current().expect("an executable");
    let inspector = match cache {
        Some(folder) => Inspector::with_cache(image, folder),
        None => Inspector::new(image),
    };
    let suspended = |task: &Task| task.tree.as_ref().is_some_and(|tree| !tree.children.is_empty());
    assert!(tasks(&inspector, &runtime).iter().all(suspended));
    let first = start.elapsed();
    let next = median(|| {
        let start = Instant::now();
        assert_eq!(tasks(&inspector, &runtime).len(), 12);
        start.elapsed()
    });
    println!("{} {}", first.as_micros(), next.as_micros());
    inspector.save().expect("a folder to write to");
}

/// Medians of several children's first and next reports, in microseconds.
fn reports(arguments: &[&OsStr]) -> (u64, u64) {
    let own = std::env::current_exe().expect("this program");
    let report = || {
        let output = Command::new(&own).args(arguments).output().expect("a child");
        let text = String::from_utf8(output.stdout).expect("numbers");
        let (first, next) = text.trim().split_once(' ').expect("two numbers");
        (first.parse().expect("a number"), next.parse().expect("a number"))
    };
    // The first one may be the one that learns.
    report();
    let mut reports: Vec<(u64, u64)> = (0..7).map(|_| report()).collect();
    reports.sort_unstable();
    reports[reports.len() / 2]
}

fn median(mut measure: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..TIMES).map(|_| measure()).collect();
    times.sort_unstable();
    times[TIMES / 2]
}

/// How many entries the debug info of this program has.
fn entries() -> f64 {
    let bytes = std::fs::read("/proc/self/exe").expect("an executable");
    let elf = object::File::parse(&*bytes).expect("an executable");
    let section = |id: gimli::SectionId| -> Result<_, gimli::Error> {
        let data = elf.section_by_name(id.name()).and_then(|section| section.data().ok());
        Ok(EndianSlice::new(data.unwrap_or_default(), LittleEndian))
    };
    let dwarf = gimli::Dwarf::load(section).expect("debug info");
    let (mut units, mut count) = (dwarf.units(), 0_u64);
    while let Some(header) = units.next().expect("a unit") {
        let unit = dwarf.unit(header).expect("a unit");
        let mut entries = unit.entries();
        while entries.next_dfs().expect("an entry").is_some() {
            count += 1;
        }
    }
    count as f64
}

/// What the process has in memory, in bytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") * 1024.0
}

fn row(what: &str, measured: f64, unit: &str, aim: f64) {
    let verdict = if measured <= aim { "ok" } else { "MISSED" };
    println!("{what:<44} {measured:>10.3} {unit:<14} aim {aim:<8} {verdict}");
}

fn dump(count: usize, aim: f64) {
    let inspector = Inspector::new(Image::current().expect("an executable"));
    // What is learnt once is measured elsewhere.
    let few = runtime();
    let kept_few = park(&few, 12);
    drop((tasks(&inspector, &few), kept_few));
    let runtime = runtime();
    let _kept = park(&runtime, count);
    let before = resident();
    let told = tasks(&inspector, &runtime);
    let grown = resident() - before;
    let took = (0..3).map(|_| {
        let start = Instant::now();
        let again = tasks(&inspector, &runtime);
        let took = start.elapsed();
        assert_eq!(again.len(), told.len());
        took
    });
    let took = took.min().unwrap_or_default();
    assert_eq!(told.iter().filter(|task| task.tree.is_some()).count(), count);
    row(&format!("dump of {count} parked tasks"), took.as_secs_f64() * 1e3, "ms", aim);
    println!("{:<44} {:>10.0} bytes", "  resident memory for each", grown / count as f64);
    let nodes: usize =
        told.iter().flat_map(|task| &task.tree).map(|tree| tree.walk().count()).sum();
    let size = size_of::<Task>() * count + size_of::<leakcheck_inspect::Node>() * (nodes - count);
    println!("{:<44} {:>10} bytes", "  size of each in the result", size / count);
}

/// What another thread writes might be what is read, so all that is read has to be compared.
fn beside_a_busy_thread(measure: impl FnOnce()) {
    println!("beside a busy thread:");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        measure();
        stop.store(true, Ordering::Relaxed);
    });
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--first") {
        return first(arguments.get(at + 1).map(Path::new));
    }
    if std::env::args().any(|argument| argument == "--dump") {
        return dump(100_000, 150.0);
    }
    let optimised = !cfg!(debug_assertions);
    println!("optimised: {optimised}");
    let (first, next) = reports(&["--first".as_ref()]);
    let folder = tempfile::tempdir().expect("a folder");
    let (warm, _) = reports(&["--first".as_ref(), folder.path().as_os_str()]);
    let millions = entries() / 1e6;
    let seconds = first as f64 / 1e6;
    println!("{:<44} {millions:>10.3} million", "entries of debug info");
    println!("{:<44} {seconds:>10.3} s", "first report of a process");
    let aim = if optimised { 0.06 } else { 0.5 };
    row("  per million entries", seconds / millions, "s", aim);
    row("next report, of 12 tasks", next as f64 / 1e3, "ms", 5.0);
    row("first report of a process that starts warm", warm as f64 / 1e3, "ms", 20.0);
    dump(100_000, if optimised { 150.0 } else { f64::INFINITY });
    if optimised {
        beside_a_busy_thread(|| dump(100_000, f64::INFINITY));
        dump(1_000_000, 1500.0);
    }
}
