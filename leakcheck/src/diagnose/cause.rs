//! What kinds of leaks there are.

use serde::Serialize;

use crate::survivor::Survivor;

/// What kind of leak it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// It subscribes to something that is still there, or waits for subscribers to go.
    SubscriberNotClosed,
    /// It waits for an answer that nobody sent.
    ResponseNeverSent,
    /// It waits for somebody to take what it sent, or to lose interest in it.
    ResponseNeverRead,
    /// It waits for its next piece of work, and nothing ever tells it that there is no more.
    WorkerWithoutExit,
    /// It waits for the end of another survivor, whose cause is the one to look for.
    JoinsASurvivor,
    /// It waits for the end of something that is no survivor and did not end.
    JoinedNeverEnded,
    /// It is one of several survivors that wait for each other's end.
    Deadlock,
    /// It is one of several survivors, each of which waits for what another took: a lock, or room in a channel.
    /// It is a deadlock unless one of them has given that back, which cannot be seen.
    LikelyDeadlock,
    /// It waits for a lock or a permit.
    LockNeverReleased,
    /// It waits for parties of a barrier that did not come.
    BarrierIncomplete,
    /// It waits for the cancellation of a token.
    TokenNeverCancelled,
    /// It waits for the tasks of a tracker.
    TrackerNeverDone,
    /// It accepts connections, and nothing tells it to stop.
    AcceptWithoutShutdown,
    /// It drives a connection of a library that is still open, idle or not.
    OpenConnection,
    /// It waits for a peer that neither answers nor closes.
    PeerSilent,
    /// It waits for a child process.
    ChildStillRuns,
    /// It waits for a signal of the system.
    SignalNeverCame,
    /// It waits for work on the blocking pool.
    BlockingWork,
    /// Its timer is due only after the grace.
    SleepsLonger,
    /// It awaits a future that never ends.
    PendingForever,
    /// It awaits a collection of futures that holds none.
    EmptyCollection,
    /// Nobody holds a waker of it: it can never run again.
    Unwakeable,
    /// It could go on, and its runtime had no turn for it.
    NeverGotItsTurn,
    /// It was between two turns when it was read; how many turns it had is not known.
    BetweenTurns,
    /// It was aborted and has not ended.
    IgnoresCancellation,
    /// It was polled over and over while everything else was at rest.
    BusyLoop,
    /// Its poll did not return: it blocks its worker thread.
    BlocksItsWorker,
    /// It never got to run.
    NeverPolled,
}

impl Cause {
    /// The cause in a sentence.
    pub(crate) fn told(self, survivor: &Survivor) -> String {
        survivor.why.clone().unwrap_or_else(|| self.label().to_owned())
    }

    /// The cause in a few words.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::SubscriberNotClosed => "subscriber not closed",
            Self::ResponseNeverSent => "response never sent",
            Self::ResponseNeverRead => "response never read",
            Self::WorkerWithoutExit => "worker without exit",
            Self::JoinsASurvivor => "joins a survivor",
            Self::JoinedNeverEnded => "joined work never ended",
            Self::Deadlock => "deadlock",
            Self::LikelyDeadlock => "likely deadlock",
            Self::LockNeverReleased => "lock never released",
            Self::BarrierIncomplete => "barrier incomplete",
            Self::TokenNeverCancelled => "token never cancelled",
            Self::TrackerNeverDone => "tracker never done",
            Self::AcceptWithoutShutdown => "accept loop without shutdown",
            Self::OpenConnection => "connection still open",
            Self::PeerSilent => "peer silent",
            Self::ChildStillRuns => "child still runs",
            Self::SignalNeverCame => "signal never came",
            Self::BlockingWork => "blocking work",
            Self::SleepsLonger => "sleeps longer than the grace",
            Self::PendingForever => "pending for ever",
            Self::EmptyCollection => "empty collection",
            Self::Unwakeable => "unwakeable",
            Self::NeverGotItsTurn => "never got its turn",
            Self::BetweenTurns => "between two turns",
            Self::IgnoresCancellation => "ignores cancellation",
            Self::BusyLoop => "busy loop",
            Self::BlocksItsWorker => "blocks its worker",
            Self::NeverPolled => "never polled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_written_in_snake_case() {
        let written = |cause: Cause| serde_json::to_value(cause).unwrap();
        assert_eq!(written(Cause::SubscriberNotClosed), "subscriber_not_closed");
        assert_eq!(written(Cause::JoinsASurvivor), "joins_a_survivor");
        assert_eq!(written(Cause::PendingForever), "pending_forever");
    }
}
