//! What each kind of leaf tells of the cause, and what to do about it.

use leakcheck_inspect::WaitKind;

use super::cause::Cause;

/// What is said of one or several kinds of leaves.
#[derive(Debug)]
pub(super) struct Row {
    kinds: &'static [WaitKind],
    pub(super) cause: Cause,
    /// What the task does, beginning with the verb.
    pub(super) why: &'static str,
    pub(super) help: &'static str,
}

/// What is said of a kind. `None` where nothing is known but that it waits.
pub(super) fn row(kind: WaitKind) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.kinds.contains(&kind))
}

/// Said of a channel that is read through a subscription or a stream.
pub(super) const SUBSCRIPTION: Row = Row {
    kinds: &[WaitKind::MpscReceive],
    cause: Cause::SubscriberNotClosed,
    why: "waits for the next message of its subscription",
    help: "close or drop the subscription, or drop every sender behind it, before the test ends",
};

/// Said of a socket that has no other side which closes.
pub(super) const DATAGRAM: Row = Row {
    kinds: &[WaitKind::Read, WaitKind::Ready],
    cause: Cause::PeerSilent,
    why: "waits for a datagram, or for its socket to be ready",
    help: "select! it against a CancellationToken that the test cancels, or put a timeout around it",
};

/// The same, of one that sends.
pub(super) const DATAGRAM_OUT: Row = Row {
    kinds: &[WaitKind::Write],
    cause: Cause::PeerSilent,
    why: "waits until its socket has room for a datagram",
    help: "put a timeout around the send",
};

/// Said of a receiver whose senders are all gone.
pub(super) const OVER: Row = Row {
    kinds: &[],
    cause: Cause::NeverGotItsTurn,
    why: "waits for a message, but no sender is left: its wait is over, and it has not run since",
    help: "find what keeps it from being polled: a thread that is busy, or an outer future that is \
           woken and does not poll it",
};

/// Said of a timer that is due and did not fire.
pub(super) const OVERDUE: Row = Row {
    kinds: &[],
    cause: Cause::NeverGotItsTurn,
    why: "sleeps",
    help: "find what keeps the runtime's threads busy",
};

/// Said of a timer that is due where nobody counts polls: its task may be about to run again.
pub(super) const DUE: Row =
    Row { kinds: &[], cause: Cause::BetweenTurns, why: "sleeps", help: BETWEEN_TURNS.help };

/// Said of a task that is to run again where nobody counts polls.
pub(super) const BETWEEN_TURNS: Row = Row {
    kinds: &[],
    cause: Cause::BetweenTurns,
    why: "was to run again when it was read, perhaps in a busy loop",
    help: "give its loop an exit (a CancellationToken, a closed channel) and await its end",
};

/// Said of a timer that woke its task again and again.
pub(super) const TIMER_LOOP: Row = Row {
    kinds: &[],
    cause: Cause::WorkerWithoutExit,
    why: "sleeps again and again",
    help: "give its loop an exit: select! the sleep against a CancellationToken, and cancel that \
           before the test ends",
};

const ROWS: [Row; 31] = [
    Row {
        kinds: &[WaitKind::Cancelled],
        cause: Cause::TokenNeverCancelled,
        why: "waits for the cancellation of a token that nobody cancelled",
        help: "cancel the CancellationToken before the test ends (a `drop_guard()` cannot forget it)",
    },
    Row {
        kinds: &[WaitKind::BroadcastReceive],
        cause: Cause::SubscriberNotClosed,
        why: "waits for the next message of a broadcast channel",
        help: "drop the subscription, or every Sender of the channel, before the test ends",
    },
    Row {
        kinds: &[WaitKind::WatchChanged],
        cause: Cause::SubscriberNotClosed,
        why: "waits for a change of a watch channel's value",
        help: "send the value that ends it, or drop the watch Sender, before the test ends",
    },
    Row {
        kinds: &[WaitKind::MpscClosed, WaitKind::BroadcastClosed, WaitKind::WatchClosed],
        cause: Cause::SubscriberNotClosed,
        why: "waits until every receiver of its channel is dropped",
        help: "drop the receivers (the subscriptions) before the test ends",
    },
    Row {
        kinds: &[WaitKind::OneshotReceive],
        cause: Cause::ResponseNeverSent,
        why: "waits for a oneshot channel's answer, which nobody sent",
        help: "send the answer, or drop its oneshot Sender (look for it in a map of pending requests)",
    },
    Row {
        kinds: &[WaitKind::OneshotClosed],
        cause: Cause::ResponseNeverRead,
        why: "waits until the receiver of its answer is dropped",
        help: "read the answer, or drop its oneshot Receiver, before the test ends",
    },
    Row {
        kinds: &[WaitKind::MpscSend],
        cause: Cause::ResponseNeverRead,
        why: "waits for room in a channel, and got none",
        help: "read the channel until it is empty, or drop its Receiver, before the test ends",
    },
    Row {
        kinds: &[WaitKind::MpscReceive],
        cause: Cause::WorkerWithoutExit,
        why: "waits for the next message of its channel",
        help: "drop every Sender of the channel before the test ends (the worker itself may hold a clone)",
    },
    Row {
        kinds: &[WaitKind::Notified],
        cause: Cause::WorkerWithoutExit,
        why: "waits for a notification, and none came",
        help: "notify it once more with a flag that ends it, or give it a CancellationToken",
    },
    Row {
        kinds: &[WaitKind::Interval],
        cause: Cause::WorkerWithoutExit,
        why: "waits for the next tick of an interval, which never runs out",
        help: "give its loop an exit: select! the tick against a CancellationToken, and cancel that \
               before the test ends",
    },
    Row {
        kinds: &[WaitKind::Mutex],
        cause: Cause::LockNeverReleased,
        why: "waits for a Mutex that was not released",
        help: "find the guard that is held across an `.await`, and drop it before",
    },
    Row {
        kinds: &[WaitKind::RwLockRead],
        cause: Cause::LockNeverReleased,
        why: "waits to read what an RwLock guards, and it was not released",
        help: "find the write guard that is held across an `.await`, and drop it before",
    },
    Row {
        kinds: &[WaitKind::RwLockWrite],
        cause: Cause::LockNeverReleased,
        why: "waits to write what an RwLock guards, and it was not released",
        help: "find the guard that is held across an `.await`, and drop it before",
    },
    Row {
        kinds: &[WaitKind::Semaphore],
        cause: Cause::LockNeverReleased,
        why: "waits for a permit of a Semaphore",
        help: "drop the permits that are held, or close the Semaphore, before the test ends",
    },
    Row {
        kinds: &[WaitKind::OnceCell],
        cause: Cause::LockNeverReleased,
        why: "waits for a OnceCell whose initialisation has not ended",
        help: "let the initialisation end, or put a timeout around it",
    },
    Row {
        kinds: &[WaitKind::Barrier],
        cause: Cause::BarrierIncomplete,
        why: "waits for parties of a Barrier that did not come",
        help: "let as many tasks wait at the Barrier as it was made for",
    },
    Row {
        kinds: &[WaitKind::TaskTracker],
        cause: Cause::TrackerNeverDone,
        why: "waits for a TaskTracker that is not closed, or has tasks left",
        help: "call `close()` on the TaskTracker and end its tasks before the test ends",
    },
    Row {
        kinds: &[WaitKind::Join],
        cause: Cause::JoinedNeverEnded,
        why: "waits for the end of a task or of blocking work",
        help: "end what it joins, or abort that, before the test ends",
    },
    Row {
        kinds: &[WaitKind::JoinSet],
        cause: Cause::JoinedNeverEnded,
        why: "waits for a task of its JoinSet to end",
        help: "call `shutdown().await` on the JoinSet, or drop it, before the test ends",
    },
    Row {
        kinds: &[WaitKind::Accept],
        cause: Cause::AcceptWithoutShutdown,
        why: "waits for the next connection to its listener",
        help: "select! the accept against a CancellationToken, cancel that and await the server \
               before the test ends",
    },
    Row {
        kinds: &[WaitKind::Read],
        cause: Cause::PeerSilent,
        why: "waits for more data, or for the other side to close",
        help: "close the other side before the test ends, or put a timeout around the read",
    },
    Row {
        kinds: &[WaitKind::Write],
        cause: Cause::PeerSilent,
        why: "waits for room to write, and the other side took nothing",
        help: "read or close the other side before the test ends, or put a timeout around the write",
    },
    Row {
        kinds: &[WaitKind::Connect],
        cause: Cause::PeerSilent,
        why: "waits for a connection that the peer did not answer",
        help: "put a timeout around the connect",
    },
    Row {
        kinds: &[WaitKind::Ready],
        cause: Cause::PeerSilent,
        why: "waits for the readiness of a socket or descriptor, and nothing happened on it",
        help: "close the other side before the test ends, or put a timeout around the wait",
    },
    Row {
        kinds: &[WaitKind::Signal],
        cause: Cause::SignalNeverCame,
        why: "waits for a signal of the system, and none came",
        help: "select! the signal against a CancellationToken that the test cancels, or abort the task",
    },
    Row {
        kinds: &[WaitKind::Child],
        cause: Cause::ChildStillRuns,
        why: "waits for the end of a child process",
        help: "close the child's stdin or kill it (`kill().await`) before the test ends",
    },
    Row {
        kinds: &[WaitKind::Blocking],
        cause: Cause::BlockingWork,
        why: "waits for work on the blocking pool that has not ended",
        help: "end what that work waits for (a file, a pipe, a lock): it cannot be aborted",
    },
    Row {
        kinds: &[WaitKind::Sleep, WaitKind::Timeout],
        cause: Cause::SleepsLonger,
        why: "sleeps",
        help: "abort it or cut the sleep short with a CancellationToken; if it may end by itself, \
               raise the `grace`",
    },
    Row {
        kinds: &[WaitKind::Yield],
        cause: Cause::NeverGotItsTurn,
        why: "gave up its turn and has not got another",
        help: "find what keeps the runtime's threads busy",
    },
    Row {
        kinds: &[WaitKind::Pending],
        cause: Cause::PendingForever,
        why: "awaits `pending()`, which never ends",
        help: "abort the task, or select! the `pending()` against something that ends",
    },
    Row {
        kinds: &[WaitKind::Empty],
        cause: Cause::EmptyCollection,
        why: "waits for futures of a collection that holds none",
        help: "check the collection with `is_empty()` before it is awaited, or give it an exit",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_is_told_twice() {
        let mut seen = std::collections::HashSet::new();
        let kinds = || ROWS.iter().flat_map(|row| row.kinds);
        assert!(kinds().all(|kind| seen.insert(*kind)));
        assert!(kinds().all(|kind| row(*kind).is_some()));
    }

    #[test]
    fn a_hand_written_future_tells_nothing() {
        assert!(row(WaitKind::Other).is_none());
    }

    #[test]
    fn texts_go_on_in_the_middle_of_a_sentence_and_have_no_full_stop() {
        let extra = [
            &SUBSCRIPTION,
            &DATAGRAM,
            &DATAGRAM_OUT,
            &OVER,
            &OVERDUE,
            &DUE,
            &BETWEEN_TURNS,
            &TIMER_LOOP,
        ];
        for row in ROWS.iter().chain(extra) {
            for text in [row.why, row.help] {
                assert!(text.starts_with(|c: char| c.is_ascii_lowercase()), "{text}");
                assert!(!text.ends_with('.') && !text.contains("  "), "{text}");
            }
            assert!(!row.why.contains("; "), "the gist ends there: {}", row.why);
        }
    }
}
