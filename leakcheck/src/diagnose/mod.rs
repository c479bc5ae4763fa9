//! From a survivor's state and the shape of its await tree to its cause, and what to do. Pure.
//!
//! `state` has what is true wherever a task waits; `leaves` chooses the leaf that tells most, by
//! what is `around` it;
//! `waits` is the table of what each kind of leaf means, `telling` makes a sentence of it; `roots`
//! leads from a survivor that waits for another to the one that it all hangs on, `circles` says so; `daemons` knows
//! what libraries leave behind.

mod around;
mod cause;
mod circles;
mod daemons;
mod graph;
mod leaves;
mod roots;
mod state;
mod telling;
#[cfg(test)]
mod tests;
mod waits;
mod ways_out;
mod wrappers;

pub use cause::Cause;
pub(crate) use daemons::ends_by_itself;
pub(crate) use roots::roots_first;
pub(crate) use wrappers::is_anybodys;

use leakcheck_inspect::{Hold, HoldKind, Node, NodeKind, WaitKind};

use crate::survivor::{State, Survivor};
use graph::{Graph, Role};
use leaves::Stuck;

const ALONE: &str =
    "await its JoinHandle, abort it, or end what it waits for (drop the sender, cancel the token)";
const LIBRARY: &str = "shut the library's object down the way it offers (close, shutdown, drop of its last \
     handle) and await that";

const WAKER: &str = "find the future that returns `Pending` without keeping the waker, or whose waker \
     was dropped with what it waits for";

/// Said instead where something of the tree was not read: that may be what it waits for.
const CUT: &str = "its await tree is not complete (see there), so look at what it awaits last; or \
     abort the task";

/// What is found out about one survivor.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    cause: Cause,
    /// What the survivor does, as it goes on after "task 7, which ..". The gist ends at "; ".
    why: String,
    help: String,
}

/// Fills in each survivor's cause and help. They are looked at together: some wait for others.
pub(crate) fn diagnose_all(survivors: &mut [Survivor]) {
    let graph = Graph::new(survivors);
    let alone: Vec<Option<Finding>> = survivors.iter().map(alone).collect();
    let together: Vec<Option<Finding>> =
        (0..survivors.len()).map(|at| roots::finding(&graph, at, survivors, &alone)).collect();
    for (at, (survivor, finding)) in survivors.iter_mut().zip(together).enumerate() {
        survivor.cause = finding.as_ref().map(|finding| finding.cause);
        survivor.why = finding.as_ref().map(Finding::sentence);
        let related = !matches!(graph.role(at), Role::Root { .. });
        survivor.help = Some(help(survivor, finding, related));
    }
}

/// What is found out without a look at the other survivors.
fn alone(survivor: &Survivor) -> Option<Finding> {
    if let Some(found) = state::finding(survivor) {
        return Some(found);
    }
    let stuck = stuck(survivor);
    let told = stuck.as_ref().and_then(|stuck| {
        let told = telling::finding(stuck, survivor.polls_in_grace)?;
        Some(taken_before(told, stuck, survivor))
    });
    let proven = survivor.unwakeable == Some(true);
    match told {
        Some(told) if matches!(told.cause, Cause::PendingForever | Cause::EmptyCollection) => {
            Some(told)
        }
        told if proven => Some(unwakeable(told, survivor)),
        told => daemons::finding(survivor).or(told).or_else(|| {
            let woken = survivor.state == Some(State::Notified);
            woken.then(|| state::woken(survivor.polls_in_grace))
        }),
    }
}

/// Whoever took before what it waits for now may wait for itself. Whether it still has it cannot be told: a
/// guard that was dropped by hand looks the same.
fn taken_before(mut told: Finding, stuck: &Stuck<'_>, survivor: &Survivor) -> Finding {
    let own = |hold: &&Hold| Some(hold.of) == stuck.on.wait.of;
    let Some(hold) = survivor.holds.iter().find(own) else { return told };
    let place = circles::variable(hold);
    match (hold.kind, stuck.on.wait.kind) {
        (HoldKind::Guard, _) | (HoldKind::ReadGuard, WaitKind::RwLockWrite) => {
            told.why.push_str(&format!(
                "; it took that itself before ({place}): unless it gave that back, it waits for itself"
            ));
            told.help = "drop the guard that it has before it locks again".to_owned();
        }
        (HoldKind::Receiver, WaitKind::MpscSend) => {
            told.why.push_str(&format!(
                "; it took the channel's receiver itself ({place}): unless it gave that away, nobody \
                 makes room"
            ));
            told.help =
                "read the channel while sending into it (`select!`), or let another task read it"
                    .to_owned();
        }
        _ => {}
    }
    told
}

fn unwakeable(told: Option<Finding>, survivor: &Survivor) -> Finding {
    let is_cut = |tree: &Node| tree.walk().any(|node| node.kind == NodeKind::Cut);
    let help = if survivor.awaits.as_ref().is_some_and(is_cut) { CUT } else { WAKER };
    let waits = told.map(|told| format!("; {}", told.why)).unwrap_or_default();
    Finding {
        cause: Cause::Unwakeable,
        why: format!("can never run again, because nobody holds a waker of it{waits}"),
        help: help.to_owned(),
    }
}

/// What a survivor waits for, if it waits or did until just now, and that could be read.
fn stuck(survivor: &Survivor) -> Option<Stuck<'_>> {
    let waits = matches!(survivor.state, None | Some(State::Waiting | State::Notified));
    Stuck::in_tree(survivor.awaits.as_ref().filter(|_| waits)?, &survivor.own_files)
}

/// What to do: the library's own way where it is a library's task, unless that is in a trouble of
/// its own or hangs on another.
fn help(survivor: &Survivor, finding: Option<Finding>, related: bool) -> String {
    if state::finding(survivor).is_none() && !related {
        if let Some(daemon) = daemons::of(survivor) {
            return daemon.way_out.to_owned();
        }
        if daemons::is_librarys(survivor) {
            return LIBRARY.to_owned();
        }
    }
    finding.map_or_else(|| ALONE.to_owned(), |found| found.help)
}

impl Finding {
    fn sentence(&self) -> String {
        format!("{}: {}", self.cause.label(), self.why)
    }

    /// The root of a knot says how many hang on it.
    fn awaited_by(mut self, waiting: usize, what: &str) -> Self {
        if waiting > 0 {
            let who = telling::counted(waiting as u64, "leaked task");
            let verb = if waiting == 1 { "waits" } else { "wait" };
            self.why.push_str(&format!("; {who} {verb} for {what}"));
        }
        self
    }
}

/// Whether somebody else's code called `spawn`.
pub(crate) fn from_library(survivor: &Survivor) -> bool {
    survivor.spawned_at.as_ref().is_some_and(|place| !place.in_workspace)
}
