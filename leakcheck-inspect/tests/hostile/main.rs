//! Debug info and memory that lie: an answer, part of one or an error; never a panic, never a walk
//! without end, a stack that overflows or memory without bound.
//!
//! `LEAKCHECK_HOSTILE=10000` sets how many cases each test tries.

#![cfg(target_os = "linux")]

mod deep;
mod fixture;
mod memory;

use std::time::Duration;

use leakcheck_inspect::{Image, Inspector, Memory, Process, Task, TaskLayout};
use memory::{Chaos, Flaw, Pages};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// What a thread has at least: half of what the test harness gives its own.
const STACK: usize = 1 << 20;

/// How much more memory a test may have used, at its worst.
const MEMORY: u64 = 512 << 20;

/// Runs the cases on a small stack, and looks at how much memory they took.
fn try_cases<S>(cases: u32, strategy: S, test: impl Fn(S::Value) + Send + 'static)
where
    S: Strategy + Send + 'static,
    S::Value: std::fmt::Debug,
{
    let told =
        std::env::var("LEAKCHECK_HOSTILE").ok().map(|cases| cases.parse().expect("a number"));
    let cases = told.unwrap_or(cases);
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let test = |case| -> Result<(), TestCaseError> {
            test(case);
            Ok(())
        };
        let before = most_memory();
        TestRunner::new(config).run(&strategy, test).unwrap_or_else(|failed| panic!("{failed}"));
        assert!(most_memory() < before + MEMORY, "from {before} to {} bytes", most_memory());
    });
    thread.expect("a thread").join().expect("no case fails");
}

/// The most memory that the process ever had.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a high mark");
    let kib = line.trim().trim_end_matches(" kB");
    kib.parse::<u64>().expect("a number") * 1024
}

/// Asks all that can be asked of an image, about a memory that makes no sense.
fn ask(bytes: &[u8], memory: &(dyn Memory + Sync)) {
    let (Ok(image), Ok(same)) = (Image::parse(bytes), Image::parse(bytes)) else {
        return;
    };
    let _ = image.build_id();
    let _ = TaskLayout::of_image(image);
    let inspector = Inspector::new(same);
    let process = Process { memory, bias: 0, now: Some(Duration::from_secs(1)) };
    let _ = inspector.tasks(process, 64).map(|tasks| show(&tasks));
    for vtable in &fixture::get().vtables {
        if let Ok(tree) = inspector.future(process, 4096, *vtable) {
            let _ = (tree.to_string(), tree.walk().count());
        }
    }
}

fn show(tasks: &[Task]) {
    for task in tasks {
        let _ = task.tree.as_ref().map(ToString::to_string);
    }
}

#[test]
fn an_image_with_any_damage_gives_an_answer_or_an_error() {
    let len = fixture::get().bytes.len();
    let damage = proptest::collection::vec(fixture::damage(), 1..24);
    // One in four is cut off, too.
    let end = prop_oneof![3 => Just(len), 1 => 0..len];
    try_cases(120, (damage, end, any::<u64>()), |(damage, end, seed)| {
        let mut bytes = fixture::get().bytes.clone();
        for damage in &damage {
            damage.inflict(&mut bytes);
        }
        bytes.truncate(end);
        ask(&bytes, &Chaos::new(seed, &fixture::get().vtables));
    });
}

#[test]
fn a_length_as_large_as_can_be_ends_its_unit() {
    let fixture = fixture::get();
    let memory = Chaos::new(1, &fixture.vtables);
    let info = fixture.info();
    // Over each byte of the fixture's own types: a length that ends where numbers end.
    for at in 0x20..0x220 {
        let mut bytes = fixture.bytes.clone();
        let length = u64::MAX - (at as u64 + 10);
        for (number, byte) in bytes[info.start + at..][..10].iter_mut().enumerate() {
            *byte = (length >> (7 * number)) as u8 | if number < 9 { 0x80 } else { 0 };
        }
        ask(&bytes, &memory);
    }
}

#[test]
fn memory_without_sense_gives_an_answer_or_an_error() {
    let inspector = Inspector::new(Image::parse(&fixture::get().bytes).expect("an image"));
    try_cases(120, any::<u64>(), move |seed| {
        let memory = Chaos::new(seed, &fixture::get().vtables);
        let process = Process { memory: &memory, bias: 0, now: Some(Duration::ZERO) };
        let _ = inspector.tasks(process, 64).map(|tasks| show(&tasks));
        for vtable in &fixture::get().vtables {
            let tree = inspector.future(process, 4096, *vtable);
            let _ = tree.map(|tree| (tree.to_string(), tree.walk().count()));
        }
    });
}

#[test]
fn tasks_in_damaged_memory_give_an_answer_or_an_error() {
    let (inspector, pages, handle) = memory::recorded();
    let count = pages.len();
    let flaws = proptest::collection::vec(Flaw::any(count), 1..12);
    try_cases(150, flaws, move |flaws| {
        let mut damaged: Pages = pages.clone();
        for flaw in &flaws {
            flaw.inflict(&mut damaged);
        }
        let process = Process { memory: &damaged, bias: memory::bias(), now: Some(Duration::ZERO) };
        let _ = inspector.tasks(process, handle).map(|tasks| show(&tasks));
        assert!(damaged.reads() < 1_000_000, "{} readings", damaged.reads());
    });
}
