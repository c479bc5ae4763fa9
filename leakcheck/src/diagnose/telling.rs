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
        WaitKind::Sleep if again && stuck.others.is_empty() => Some(&waits::TIMER_LOOP),
        WaitKind::Sleep | WaitKind::Timeout if wait.remaining_ms.is_some_and(|ms| ms < 0) => {
            Some(if polls_in_grace.is_some() { &waits::OVERDUE } else { &waits::DUE })
        }
        WaitKind::Yield if polls_in_grace.is_none() => Some(&waits::BETWEEN_TURNS),
        WaitKind::Read | WaitKind::Ready if stuck.on.datagrams => Some(&waits::DATAGRAM),
        WaitKind::Write if stuck.on.datagrams => Some(&waits::DATAGRAM_OUT),
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
    let why = match others(stuck) {
        Some(others) => format!("waits for {others}, and for a token that nobody cancelled"),
        None => row.why.to_owned(),
    };
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
        _ => told.extend(peers(leaf).map(|peers| format!(", and {peers}"))),
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

/// Who is left on the other side of a channel.
fn peers(leaf: &Leaf<'_>) -> Option<String> {
    let noun = match leaf.wait.kind {
        WaitKind::OneshotReceive
        | WaitKind::MpscReceive
        | WaitKind::BroadcastReceive
        | WaitKind::WatchChanged => "sender",
        WaitKind::OneshotClosed
        | WaitKind::MpscSend
        | WaitKind::MpscClosed
        | WaitKind::BroadcastClosed
        | WaitKind::WatchClosed => "receiver",
        _ => return None,
    };
    let peers = leaf.wait.peers.filter(|peers| *peers > 0)?;
    let are = if peers == 1 { "is" } else { "are" };
    Some(format!("{} {are} still alive", counted(peers, noun)))
}

/// What else it waits for: that may be another way on.
fn also(stuck: &Stuck<'_>) -> String {
    let alike = stuck.others.iter().filter(|leaf| leaf.wait.kind == stuck.on.wait.kind).count();
    let alike = if alike > 0 { format!(" (one of {} such)", alike + 1) } else { String::new() };
    let others = others(stuck).map(|others| format!("; beside that, for {others}"));
    alike + &others.unwrap_or_default()
}

/// The other kinds of leaves, the more telling by name. What cannot happen is none.
fn others(stuck: &Stuck<'_>) -> Option<String> {
    let mut named: Vec<String> = Vec::new();
    for leaf in stuck.others.iter().filter(|leaf| !leaf.is_over()) {
        let kind = leaf.wait.kind;
        let told = other(leaf);
        if kind != stuck.on.wait.kind && kind != WaitKind::Pending && !named.contains(&told) {
            named.push(told);
        }
    }
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    match (named.as_slice(), more) {
        ([], _) => None,
        (_, 0) if stuck.complete => Some(named.join(" and ")),
        (_, 0) => Some(format!("{} and more", named.join(", "))),
        (_, more) => Some(format!("{} and {more} more", named.join(", "))),
    }
}

fn other(leaf: &Leaf<'_>) -> String {
    let told = leaf.wait.kind.told();
    match peers(leaf) {
        Some(peers) => format!("{told} ({peers})"),
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
