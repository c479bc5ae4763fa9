//! From what a survivor is stuck on to a sentence: the row of its most telling leaf, and what is
//! known of that leaf.

use std::fmt::Write;

use leakcheck_inspect::WaitKind;

use super::Finding;
use super::cause::Cause;
use super::leaves::{Leaf, Stuck};
use super::waits::{self, Row};

/// Polls during the grace from which on a sleeper is called a loop.
const AGAIN_AND_AGAIN: u64 = 3;
/// The other leaves that are named.
const NAMED: usize = 2;

/// What the leaves tell. `None` where all that is known is that the task waits.
pub(super) fn finding(stuck: &Stuck<'_>, polls_in_grace: Option<u64>) -> Option<Finding> {
    if stuck.on.wait.kind == WaitKind::Cancelled {
        return with_token(stuck);
    }
    let row = row(stuck, polls_in_grace)?;
    let mut why = row.why.to_owned();
    why.push_str(&details(row.cause, &stuck.on));
    if row.cause == Cause::WorkerWithoutExit && is_timer(stuck.on.wait.kind) {
        why.push_str(&woke(polls_in_grace));
    }
    why.push_str(&also(stuck));
    Some(Finding { cause: row.cause, why, help: row.help.to_owned() })
}

fn row(stuck: &Stuck<'_>, polls_in_grace: Option<u64>) -> Option<&'static Row> {
    let wait = stuck.on.wait;
    let again = polls_in_grace.is_some_and(|polls| polls >= AGAIN_AND_AGAIN);
    match wait.kind {
        _ if stuck.on.is_over() => Some(&waits::OVER),
        WaitKind::MpscReceive if stuck.on.subscribed => Some(&waits::SUBSCRIPTION),
        WaitKind::Sleep | WaitKind::Timeout if wait.remaining_ms.is_some_and(|ms| ms < 0) => {
            Some(&waits::OVERDUE)
        }
        WaitKind::Sleep if again && stuck.others.is_empty() => Some(&waits::TIMER_LOOP),
        kind => waits::row(kind),
    }
}

/// A token that nobody cancelled, and what goes on until somebody does.
fn with_token(stuck: &Stuck<'_>) -> Option<Finding> {
    let row = waits::row(WaitKind::Cancelled)?;
    let subscription = |leaf: &&Leaf<'_>| {
        let kind = leaf.wait.kind;
        matches!(kind, WaitKind::BroadcastReceive | WaitKind::WatchChanged)
            || kind == WaitKind::MpscReceive && leaf.subscribed
    };
    let subscriber = stuck.others.iter().filter(|leaf| !leaf.is_over()).find(subscription);
    let cause = subscriber.map_or(row.cause, |_| Cause::SubscriberNotClosed);
    let why = format!("{}{}", row.why, also(stuck));
    Some(Finding { cause, why, help: row.help.to_owned() })
}

/// What is known of a leaf, as it goes on after what the task does.
fn details(cause: Cause, leaf: &Leaf<'_>) -> String {
    let wait = leaf.wait;
    let mut told = String::new();
    // Writing to a String does not fail.
    match (wait.kind, wait.remaining_ms) {
        (WaitKind::Sleep | WaitKind::Timeout, Some(ms @ ..0)) => {
            let _ = write!(told, ", and its timer is overdue by {}", duration(ms));
        }
        (_, Some(ms)) if cause == Cause::SleepsLonger => {
            let _ = write!(told, " for another {} beyond the grace", duration(ms));
        }
        (WaitKind::Sleep | WaitKind::Timeout | WaitKind::Interval, Some(ms @ 0..)) => {
            let _ = write!(told, " (due in {})", duration(ms));
        }
        _ => told.push_str(&peers(leaf)),
    }
    if let (WaitKind::Semaphore, Some(permits)) = (wait.kind, wait.permits) {
        let _ = write!(told, ", which has {} left", counted(permits, "permit"));
    }
    if let (WaitKind::Join, Some(task)) = (wait.kind, wait.tasks.first()) {
        let _ = write!(told, ", task {task}");
    }
    if let Some(ms @ 0..) = leaf.deadline_ms {
        let _ = write!(told, ", until a timeout ends that in {}", duration(ms));
    }
    told
}

fn peers(leaf: &Leaf<'_>) -> String {
    let noun = match leaf.wait.kind {
        WaitKind::OneshotClosed
        | WaitKind::MpscSend
        | WaitKind::MpscClosed
        | WaitKind::BroadcastClosed
        | WaitKind::WatchClosed => "receiver",
        _ => "sender",
    };
    match leaf.wait.peers {
        None | Some(0) => String::new(),
        Some(1) => format!(", and 1 {noun} is still alive"),
        Some(peers) => format!(", and {peers} {noun}s are still alive"),
    }
}

/// What else it waits for: that may be another way on.
fn also(stuck: &Stuck<'_>) -> String {
    let (mut alike, mut named) = (1, Vec::new());
    for leaf in stuck.others.iter().filter(|leaf| !leaf.is_over()) {
        let told = other(leaf);
        match leaf.wait.kind {
            WaitKind::Pending => {}
            kind if kind == stuck.on.wait.kind => alike += 1,
            _ if named.contains(&told) => {}
            _ => named.push(told),
        }
    }
    let alike = if alike > 1 { format!(" (one of {alike} such)") } else { String::new() };
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    let named = match (named.as_slice(), more) {
        ([], _) => String::new(),
        (_, 0) if stuck.complete => format!("; beside that, for {}", named.join(" and ")),
        (_, 0) => format!("; beside that, for {} and more", named.join(", ")),
        (_, more) => format!("; beside that, for {} and {more} more", named.join(", ")),
    };
    alike + &named
}

fn other(leaf: &Leaf<'_>) -> String {
    let told = leaf.wait.kind.told();
    match leaf.wait.peers {
        Some(_) => format!("{told} ({})", peers(leaf).trim_start_matches(", and ")),
        None => told.to_owned(),
    }
}

fn is_timer(kind: WaitKind) -> bool {
    matches!(kind, WaitKind::Sleep | WaitKind::Interval)
}

fn woke(polls_in_grace: Option<u64>) -> String {
    match polls_in_grace {
        Some(polls) if polls >= AGAIN_AND_AGAIN => format!("; it ran {polls} times in the grace"),
        _ => String::new(),
    }
}

pub(super) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn duration(ms: i64) -> String {
    let ms = ms.unsigned_abs();
    match ms {
        0..10_000 => format!("{ms} ms"),
        10_000..120_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min", ms / 60_000),
    }
}
