//! The check: settle, look at who is left, let the ignores judge. Plain data comes out.

use std::time::Duration;

use crate::diagnose::{diagnose_all, roots_first};
use crate::group::group;
use crate::judge::Judged;
use crate::panics::{Joinable, TaskPanic};
use crate::place::Workspace;
use crate::report::{LeakReport, Panicked, Tier, Verdict};
use crate::runtime::Runtime;
use crate::settings::Origin;
use crate::survivor::number;
use crate::watch::Watch;

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
    crate::inspect::keep();
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
    let backtrace = runtime.settings.backtrace;
    let unkept = leaks && backtrace.value && Tier::current() == Tier::Plain;
    let backtrace = unkept.then(|| {
        format!(
            "the stacks of spawns ({}) are kept in the hooks tier only: build with \
             `--cfg tokio_unstable`",
            backtrace.origin
        )
    });
    known.into_iter().chain(grace).chain(backtrace).collect()
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
        LeakReport { survivors, undecided, ..LeakReport::test() }
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
