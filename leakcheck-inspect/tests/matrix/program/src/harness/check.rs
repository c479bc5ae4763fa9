//! Compares what inspection finds with what the sources expect.

use std::collections::{BTreeMap, HashMap};
use std::ptr;

use leakcheck_inspect::{Inspector, Process, Task};
use tokio::runtime::Handle;

use super::expect::{Expectations, rewrite};
use super::normal;
use super::park::{Parked, Root, Way};

/// What was found, way by way.
#[derive(Default)]
pub(crate) struct Findings {
    /// The texts of a way's tasks.
    texts: BTreeMap<usize, Vec<String>>,
    /// What is wrong whatever was expected.
    wrong: BTreeMap<usize, Vec<String>>,
    failed: Option<String>,
}

/// Every task of the runtime that this is the handle of.
pub(crate) fn inspect(inspector: &Inspector, handle: &Handle) -> Result<Vec<Task>, String> {
    let process = Process::own().map_err(|error| error.to_string())?;
    let tasks = inspector.tasks(process, ptr::from_ref(handle) as u64);
    tasks.map_err(|error| error.to_string())
}

impl Findings {
    /// Adds these tasks, as they are now.
    pub(crate) fn add(
        &mut self,
        found: Result<Vec<Task>, String>,
        parked: &[Parked],
        all: &[Parked],
    ) {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                self.failed = Some(error);
                return;
            }
        };
        for parked in parked {
            let ids: Vec<_> =
                all.iter().filter(|other| other.way == parked.way).map(|other| other.id).collect();
            let text = match found.iter().find(|task| task.id == parked.id) {
                Some(task) => {
                    let wrong = self.wrong.entry(parked.way).or_default();
                    wrong.extend(impossible(task, parked));
                    normal::task(task, parked.phases(), &ids)
                }
                None => "(not found)".to_owned(),
            };
            self.texts.entry(parked.way).or_default().push(text);
        }
    }

    /// Adds a future that is no task.
    pub(crate) fn add_root(&mut self, inspector: &Inspector, root: &Root) {
        let future: *const dyn Future<Output = ()> = &*root.future;
        // SAFETY: a pointer to a `dyn` type is two words, its data's address and its vtable's.
        let [data, vtable]: [usize; 2] = unsafe { std::mem::transmute(future) };
        let found = Process::own()
            .and_then(|process| inspector.future(process, data as u64, vtable as u64));
        let text = match found {
            Ok(node) => {
                self.wrong.entry(root.way).or_default().extend(normal::impossible_places(&node));
                normal::node(&node, &[])
            }
            Err(error) => format!("({error})"),
        };
        self.texts.entry(root.way).or_default().push(text);
    }

    /// Prints where findings and expectations differ, and counts the ways.
    pub(crate) fn compare(&self, ways: &[Way]) -> usize {
        if let Some(error) = &self.failed {
            println!("nothing was read: {error}");
            return ways.len();
        }
        let mut files: HashMap<&str, Expectations> = HashMap::new();
        let mut blessed: HashMap<&str, HashMap<String, String>> = HashMap::new();
        let mut differing = 0;
        for (index, way) in ways.iter().enumerate() {
            let file = files.entry(way.file).or_insert_with(|| Expectations::read(way));
            let actual = self.texts.get(&index).map(|texts| texts.join("\n\n")).unwrap_or_default();
            let expected = file.of(way.name);
            let wrong = self.wrong.get(&index).map(Vec::as_slice).unwrap_or_default();
            if actual == expected && wrong.is_empty() {
                continue;
            }
            differing += 1;
            report(way, &expected, &actual, wrong);
            match file.blessed(way.name, &actual) {
                Some(text) if wrong.is_empty() => {
                    blessed.entry(way.file).or_default().insert(way.name.to_owned(), text);
                }
                _ => println!("  (cannot be blessed: the places are not the expected ones)"),
            }
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            bless(ways, &blessed);
        }
        differing
    }
}

/// Expectations whose ways are not in their file's list, so that nobody tries them.
pub(crate) fn unlisted(ways: &[Way]) -> usize {
    let files: HashMap<_, _> = ways.iter().map(|way| (way.file, way)).collect();
    let mut unlisted = 0;
    for (file, way) in files {
        for name in Expectations::read(way).of_ways.keys() {
            if !ways.iter().any(|way| way.file == file && way.name == name) {
                println!("{file} `{name}`: not in the list");
                unlisted += 1;
            }
        }
    }
    unlisted
}

/// What is wrong with a task, beside its text.
fn impossible(task: &Task, parked: &Parked) -> Vec<String> {
    let mut wrong = task.tree.as_ref().map(normal::impossible_places).unwrap_or_default();
    if task.state.join_interest != parked.joined {
        wrong.push(format!("its JoinHandle is kept: {}", parked.joined));
    }
    let phases = parked.phases();
    if !phases.contains(&task.phase) {
        wrong.push(format!("it is {:?}, and should be one of {phases:?}", task.phase));
    }
    let expected = parked.spawned_at.filter(|_| cfg!(tokio_unstable));
    let known = task.spawned_at.as_ref().map(|at| (&*at.file, at.line));
    if let Some((file, line)) = expected {
        let there = known.is_some_and(|(at, at_line)| at.ends_with(file) && at_line == line);
        if !there {
            wrong.push(format!("it was spawned at {file}:{line}, not at {known:?}"));
        }
    }
    wrong
}

fn report(way: &Way, expected: &str, actual: &str, wrong: &[String]) {
    println!("{} `{}`:", way.file, way.name);
    for line in wrong {
        println!("  ! {line}");
    }
    let (expected, actual): (Vec<_>, Vec<_>) =
        (expected.lines().collect(), actual.lines().collect());
    let same = expected.iter().zip(&actual).take_while(|(a, b)| a == b).count();
    expected[..same].iter().for_each(|line| println!("    {line}"));
    expected[same..].iter().for_each(|line| println!("  - {line}"));
    actual[same..].iter().for_each(|line| println!("  + {line}"));
}

fn bless(ways: &[Way], blessed: &HashMap<&str, HashMap<String, String>>) {
    for (file, texts) in blessed {
        let way = ways.iter().find(|way| way.file == *file).expect("a way's file");
        let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
        let written = std::fs::write(&path, rewrite(way.source, texts));
        println!("{file}: {} rewritten: {written:?}", texts.len());
    }
}
