//! What leaves wait for, as plain data.

use std::fmt;

use serde::Serialize;

use crate::hold::Resource;

/// What a leaf waits for, with what could be read of it. What is unknown or does not apply is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Wait {
    /// What kind of thing it is.
    pub kind: WaitKind,
    /// Milliseconds until a timer is due; negative where it is overdue.
    pub remaining_ms: Option<i64>,
    /// How many there are on the other side of a channel: senders for a receiver, and the reverse.
    pub peers: Option<u64>,
    /// The tasks whose end is waited for, by tokio's ids.
    pub tasks: Vec<u64>,
    /// How many permits a semaphore has left.
    pub permits: Option<u64>,
    /// Of a lock, a semaphore, or either end of a bounded channel of tokio's: which one.
    #[serde(skip)]
    pub of: Option<Resource>,
}

/// What kind of thing a leaf waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaitKind {
    /// `sleep`, `sleep_until`.
    Sleep,
    /// `Interval::tick`.
    Interval,
    /// The deadline of a `timeout` around other futures.
    Timeout,
    /// The answer of a `oneshot` channel.
    OneshotReceive,
    /// `oneshot::Sender::closed`.
    OneshotClosed,
    /// The next message of an `mpsc` channel.
    MpscReceive,
    /// Room in an `mpsc` channel.
    MpscSend,
    /// `mpsc::Sender::closed`.
    MpscClosed,
    /// The next message of a `broadcast` channel.
    BroadcastReceive,
    /// `broadcast::Sender::closed`.
    BroadcastClosed,
    /// A change of a `watch` channel's value.
    WatchChanged,
    /// `watch::Sender::closed`.
    WatchClosed,
    /// `Notify::notified`.
    Notified,
    /// A `Mutex`.
    Mutex,
    /// Read access to a `RwLock`.
    RwLockRead,
    /// Write access to a `RwLock`.
    RwLockWrite,
    /// A `Semaphore`'s permit.
    Semaphore,
    /// A `Barrier`'s other parties.
    Barrier,
    /// A `OnceCell` that another task initialises.
    OnceCell,
    /// A `CancellationToken`.
    Cancelled,
    /// The tasks of a `TaskTracker`.
    TaskTracker,
    /// The end of a task, or of blocking work.
    Join,
    /// The end of any task of a `JoinSet`.
    JoinSet,
    /// A connection to a listener.
    Accept,
    /// An outgoing connection.
    Connect,
    /// Bytes, or a datagram, from a socket, pipe or file.
    Read,
    /// Room to write to a socket, pipe or file.
    Write,
    /// A socket's or descriptor's readiness.
    Ready,
    /// A signal of the system.
    Signal,
    /// The end of a child process.
    Child,
    /// Work on the blocking pool, such as `tokio::fs`.
    Blocking,
    /// `std::future::pending`: nothing, for ever.
    Pending,
    /// The next turn: `yield_now`, or a used-up budget.
    Yield,
    /// Futures of a collection (`join_all`, `FuturesUnordered`) that holds none.
    Empty,
    /// A hand-written future that nothing is known of.
    Other,
}

impl Wait {
    /// Waiting for this, with nothing else known.
    pub fn new(kind: WaitKind) -> Self {
        Self { kind, remaining_ms: None, peers: None, tasks: Vec::new(), permits: None, of: None }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.told())?;
        match self.remaining_ms {
            Some(ms) if ms >= 0 => write!(f, ", due in {ms} ms")?,
            Some(ms) => write!(f, ", overdue by {} ms", ms.unsigned_abs())?,
            None => {}
        }
        if let Some(peers) = self.peers {
            let peer = self.kind.peer();
            write!(f, ", {peers} {peer}{} left", if peers == 1 { "" } else { "s" })?;
        }
        match self.tasks.as_slice() {
            [] => {}
            [one] => write!(f, ", task {one}")?,
            [first, rest @ ..] => write!(f, ", task {first} and {} more", rest.len())?,
        }
        if let Some(permits) = self.permits {
            write!(f, ", {permits} free")?;
        }
        Ok(())
    }
}

impl WaitKind {
    /// In a few words.
    pub fn told(self) -> &'static str {
        match self {
            Self::Sleep => "a timer",
            Self::Interval => "an interval's tick",
            Self::Timeout => "timeout",
            Self::OneshotReceive => "an answer",
            Self::OneshotClosed => "the receiver to be dropped",
            Self::MpscReceive | Self::BroadcastReceive => "a message",
            Self::MpscSend => "room in the channel",
            Self::MpscClosed | Self::BroadcastClosed | Self::WatchClosed => {
                "the receivers to be dropped"
            }
            Self::WatchChanged => "a change of the value",
            Self::Notified => "a notification",
            Self::Mutex => "the lock",
            Self::RwLockRead => "the lock, to read",
            Self::RwLockWrite => "the lock, to write",
            Self::Semaphore => "a permit",
            Self::Barrier => "the other parties",
            Self::OnceCell => "the cell's initialisation",
            Self::Cancelled => "the token's cancellation",
            Self::TaskTracker => "the tracker's tasks",
            Self::Join => "the end of a task",
            Self::JoinSet => "the end of any task of the set",
            Self::Accept => "a connection",
            Self::Connect => "the peer to answer",
            Self::Read => "data",
            Self::Write => "room to write",
            Self::Ready => "readiness",
            Self::Signal => "a signal",
            Self::Child => "the end of a process",
            Self::Blocking => "blocking work",
            Self::Pending => "nothing: it never ends",
            Self::Yield => "its next turn",
            Self::Empty => "nothing: there are no futures in it",
            Self::Other => "a hand-written future",
        }
    }

    fn peer(self) -> &'static str {
        match self {
            Self::OneshotClosed
            | Self::MpscSend
            | Self::MpscClosed
            | Self::BroadcastClosed
            | Self::WatchClosed => "receiver",
            _ => "sender",
        }
    }
}
