//! The check: settle, look at who is left, let the ignores judge. Plain data comes out.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use tokio::task::Id;

use crate::diagnose::{diagnose_all, roots_first};
use crate::judge::{self, Judged};
use crate::panics::{Joinable, TaskPanic};
use crate::place::Workspace;
use crate::report::{LeakReport, Panicked, Tier, Verdict};
use crate::runtime::Runtime;
use crate::settings::Origin;
use crate::settle::{Left, Unsettled, settle};
use crate::survivor::{Identified, group, number};

/// Waits for the runtime's tasks and reports on those that are left. The verdict is not yet
/// decided on.
pub(crate) fn check(runtime: &Runtime) -> LeakReport {
    let mut watch = Watch::new(runtime);
    let (waited, fault) = watch.settle();
    let judged = watch.judge();
    let mut report = report(runtime, judged, waited);
    report.undecided.extend(fault);
    report.notes = notes(runtime, !report.survivors.is_empty());
    hear_panics(&mut report, runtime);
    report
}

/// The report on what was judged; its verdict is still to come.
pub(crate) fn report(runtime: &Runtime, judged: Judged, waited: Duration) -> LeakReport {
    let mut survivors = judged.reported;
    diagnose_all(&mut survivors);
    LeakReport {
        test: runtime.subject.test.clone(),
        package: runtime.subject.package.map(ToOwned::to_owned),
        verdict: Verdict::Clean,
        tier: Tier::current(),
        waited,
        survivors: group(roots_first(survivors)),
        ignored: judged.ignored,
        stale_ignores: judged.stale,
        panics: Vec::new(),
        undecided: judged.undecided,
        faults: Vec::new(),
        notes: Vec::new(),
    }
}

/// What was said about this check, where that matters to its outcome.
fn notes(runtime: &Runtime, leaks: bool) -> Vec<String> {
    let known = runtime.options.known_leak.as_ref().map(|reason| format!("known leak: {reason}"));
    let grace = runtime.settings.grace;
    let from_outside = leaks && matches!(grace.origin, Origin::Variable(_));
    let grace = from_outside.then(|| format!("the grace of {:?} is {}", grace.value, grace.origin));
    known.into_iter().chain(grace).collect()
}

/// Fills in the verdict. `known` is whether the test is marked as leaking.
pub(crate) fn judged(mut report: LeakReport, known: bool) -> LeakReport {
    report.verdict = if !report.panics.is_empty() {
        Verdict::Leaked
    } else if !report.undecided.is_empty() {
        Verdict::Unverified
    } else {
        match (known, report.survivors.is_empty()) {
            (true, true) => Verdict::FixedKnownLeak,
            (true, false) => Verdict::KnownLeak,
            (false, true) => Verdict::Clean,
            (false, false) => Verdict::Leaked,
        }
    };
    report
}

/// How long a difference between two counts has to last.
const BELIEVED: Duration = Duration::from_millis(50);

/// Who is left on a runtime, and who of them may stay. Each task is looked up once.
struct Watch<'a> {
    runtime: &'a Runtime,
    workspace: Option<Workspace>,
    known: HashMap<Id, Identified>,
}

impl<'a> Watch<'a> {
    fn new(runtime: &'a Runtime) -> Self {
        Self { runtime, workspace: None, known: HashMap::new() }
    }

    /// How long it took, and what went wrong.
    fn settle(&mut self) -> (Duration, Option<String>) {
        if self.left().tasks == 0 {
            return (Duration::ZERO, None);
        }
        let runtime = self.runtime;
        let grace = runtime.settings.grace.value;
        let began = Instant::now();
        runtime.registry.set_settling(true);
        // A runtime that shuts down on a task's panic panics in whoever blocks on it next.
        let settled = std::panic::catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let virtually = tokio::time::Instant::now();
                settle(self, &runtime.registry, grace).await;
                virtually.elapsed()
            })
        }));
        runtime.registry.set_settling(false);
        match settled {
            // A paused clock tells the grace as the test's tasks saw it.
            Ok(virtually) => (virtually.max(began.elapsed()), None),
            Err(payload) => {
                let message = crate::panics::message(&*payload);
                (began.elapsed(), Some(format!("waiting for survivors panicked: {message}")))
            }
        }
    }

    fn workspace(&mut self) -> &Workspace {
        let subject = &self.runtime.subject;
        self.workspace.get_or_insert_with(|| subject.workspace())
    }

    fn judge(&mut self) -> Judged {
        let runtime = self.runtime;
        match Tier::current() {
            // As most tests end: nobody is left, and both counts say so.
            Tier::Hooks if runtime.registry.len() + runtime.alive() == 0 => {
                judge::identified(&runtime.options.ignores, Vec::new())
            }
            Tier::Hooks => {
                let identified = self.identify();
                let mut judged = judge::identified(&runtime.options.ignores, identified);
                let (told, alive) = counts(runtime);
                judge::reconcile(&mut judged, told, alive);
                judged
            }
            Tier::Plain => {
                let ignored_current = runtime.registry.has_ignored_current();
                judge::counted(&runtime.options.ignores, ignored_current, runtime.alive())
            }
        }
    }

    /// The live tasks as they are now, oldest first.
    fn identify(&mut self) -> Vec<Identified> {
        let live = self.runtime.registry.snapshot();
        let registry = &self.runtime.registry;
        let workspace = self.workspace();
        live.iter().map(|(id, live)| Identified::new(*id, live, registry, workspace)).collect()
    }

    /// How many of the live tasks no ignore covers.
    fn uncovered(&mut self) -> usize {
        let runtime = self.runtime;
        let live = runtime.registry.ids();
        if live.is_empty() {
            return 0;
        }
        let workspace = self.workspace().clone();
        for id in &live {
            if !self.known.contains_key(id) {
                let found = runtime.registry.with(*id, Clone::clone);
                self.known.extend(
                    found.map(|live| {
                        (*id, Identified::new(*id, &live, &runtime.registry, &workspace))
                    }),
                );
            }
        }
        let mut identified: Vec<_> =
            live.iter().filter_map(|id| self.known.get(id).cloned()).collect();
        identified.sort_by_key(|identified| identified.survivor.id);
        judge::identified(&runtime.options.ignores, identified).reported.len()
    }
}

impl Unsettled for Watch<'_> {
    fn left(&mut self) -> Left {
        let runtime = self.runtime;
        let options = &runtime.options;
        let alive = runtime.alive();
        if Tier::current() == Tier::Plain {
            let judged = judge::counted(&options.ignores, false, alive);
            let tasks = judged.reported.iter().map(|survivor| survivor.count).sum();
            return Left { tasks, told: false };
        }
        let told = runtime.registry.len();
        // A task's end is told a moment before tokio forgets the task: no leak yet.
        let untold = alive.abs_diff(told);
        let tolerant = !options.ignores.is_empty() || runtime.registry.has_ignored_current();
        let waited_for = if tolerant { self.uncovered() } else { told };
        Left { tasks: waited_for + untold, told: waited_for > 0 }
    }

    fn ended(&self) -> Option<usize> {
        (Tier::current() == Tier::Hooks).then(|| self.runtime.registry.ended())
    }
}

/// How many tasks the hooks told of, and how many tokio counts. The two are read one after the
/// other while tasks may come and go, so only a difference that lasts is believed.
fn counts(runtime: &Runtime) -> (usize, usize) {
    let began = Instant::now();
    loop {
        let (told, alive) = (runtime.registry.len(), runtime.alive());
        if told == alive || began.elapsed() > BELIEVED {
            return (told, alive);
        }
        std::thread::yield_now();
    }
}

/// Sorts the panics of tasks: unheard ones fail the test, and those that nobody can know about are
/// noted.
pub(crate) fn hear_panics(report: &mut LeakReport, runtime: &Runtime) {
    for panic in runtime.registry.take_panics() {
        let id = number(panic.task);
        match &panic.joinable {
            Joinable::Awaited => {}
            Joinable::No if panic.was_caught() => {}
            Joinable::No => report.panics.push(panicked(panic, &runtime.subject.workspace())),
            Joinable::Held => report.notes.push(format!(
                "task {id} panicked while its JoinHandle was held: whether anybody looked at it \
                 cannot be seen"
            )),
            Joinable::Unknown(why) => report
                .notes
                .push(format!("task {id} panicked: whether anybody can join it is unknown: {why}")),
        }
    }
}

fn panicked(panic: TaskPanic, workspace: &Workspace) -> Panicked {
    Panicked {
        id: number(panic.task),
        message: panic.message,
        at: panic.at.map(|(file, line, column)| workspace.place(&file, line, Some(column))),
        spawned_at: panic.spawned_at.map(|location| workspace.place_of(location)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survivor::Survivor;

    fn bare(survivors: Vec<Survivor>, undecided: Vec<String>) -> LeakReport {
        LeakReport {
            test: "t".to_owned(),
            package: None,
            verdict: Verdict::Off,
            tier: Tier::Hooks,
            waited: Duration::ZERO,
            survivors,
            ignored: Vec::new(),
            stale_ignores: Vec::new(),
            panics: Vec::new(),
            undecided,
            faults: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_known_leak_turns_the_verdict_round() {
        let verdict = |survivors, known| judged(bare(survivors, Vec::new()), known).verdict;
        assert_eq!(verdict(vec![Survivor::counted(1)], false), Verdict::Leaked);
        assert_eq!(verdict(vec![Survivor::counted(1)], true), Verdict::KnownLeak);
        assert_eq!(verdict(Vec::new(), true), Verdict::FixedKnownLeak);
        assert_eq!(verdict(Vec::new(), false), Verdict::Clean);
    }

    #[test]
    fn what_is_undecided_is_never_clean() {
        let undecided = vec!["why".to_owned()];
        assert_eq!(judged(bare(Vec::new(), undecided.clone()), false).verdict, Verdict::Unverified);
        assert_eq!(judged(bare(Vec::new(), undecided), true).verdict, Verdict::Unverified);
    }
}
