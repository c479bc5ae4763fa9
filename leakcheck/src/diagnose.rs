//! What a survivor's state tells of its cause, and what to do.

use crate::libraries;
use crate::survivor::{Cause, State, Survivor};

/// Polls during the grace from which on a task counts as busy. Measured on 2,931 published tests:
/// waiting tasks were polled at most twice while settling, busy ones 185,484 times.
const BUSY: u64 = 1_000;

/// Fills in the survivor's cause and help.
pub(crate) fn diagnose(survivor: &mut Survivor) {
    survivor.cause = cause(survivor);
    survivor.help = Some(help(survivor));
}

fn cause(survivor: &Survivor) -> Option<Cause> {
    let busy = survivor.polls_in_grace.is_some_and(|polls| polls >= BUSY);
    match survivor.state? {
        // Caught in the middle of one of its many polls or between two.
        State::Running | State::Waiting | State::Notified if busy => Some(Cause::BusyLoop),
        State::Running => Some(Cause::BlocksItsWorker),
        State::NeverPolled => Some(Cause::NeverPolled),
        State::Waiting | State::Notified | State::Cancelled => None,
    }
}

impl Cause {
    /// The cause in a sentence.
    pub(crate) fn told(self, survivor: &Survivor) -> String {
        match self {
            Self::BusyLoop => {
                let polls = survivor.polls_in_grace.unwrap_or_default();
                format!(
                    "busy loop: polled {polls} times while everything was over, it never waits for long"
                )
            }
            Self::BlocksItsWorker => "blocks its worker: its poll has not returned".to_owned(),
            Self::NeverPolled => "never polled: its runtime had no turn for it".to_owned(),
        }
    }
}

fn help(survivor: &Survivor) -> String {
    let advice = match survivor.cause {
        Some(Cause::BusyLoop) => {
            "give the loop an exit (a CancellationToken, a closed channel) and await its end"
        }
        Some(Cause::BlocksItsWorker) => {
            "move blocking work to spawn_blocking, or give the loop an `.await` and an exit"
        }
        Some(Cause::NeverPolled) => {
            "find what keeps the runtime's threads busy; await the task before the test ends"
        }
        None if from_library(survivor) => libraries::way_out(survivor).unwrap_or(
            "shut the library's object down the way it offers (close, shutdown, drop of its last \
             handle) and await that",
        ),
        None => {
            "await its JoinHandle, abort it, or end what it waits for (drop the sender, cancel the token)"
        }
    };
    advice.to_owned()
}

/// Whether somebody else's code called `spawn`.
pub(crate) fn from_library(survivor: &Survivor) -> bool {
    survivor.spawned_at.as_ref().is_some_and(|place| !place.in_workspace)
}
