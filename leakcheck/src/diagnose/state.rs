//! What a survivor's state tells of its cause, without a look at where it waits.

use super::Finding;
use super::cause::Cause;
use super::waits::BETWEEN_TURNS;
use crate::survivor::{State, Survivor};

/// Polls during the grace from which on a task counts as busy. Measured on 2,931 published tests:
/// waiting tasks were polled at most twice while settling, busy ones 185,484 times.
const BUSY: u64 = 1_000;

const LET_IT_END: &str =
    "give the loop an exit (a CancellationToken, a closed channel) and await its end";
const LET_IT_RETURN: &str =
    "move blocking work to spawn_blocking, or give the loop an `.await` and an exit";
const LET_IT_RUN: &str =
    "find what keeps the runtime's threads busy; await the task before the test ends";
const LET_IT_DROP: &str =
    "let its poll return (blocking work belongs in spawn_blocking) and await its JoinHandle";

/// What the state alone tells. `None` for a task that waits, and for one that was just woken but had
/// turns before.
pub(super) fn finding(survivor: &Survivor) -> Option<Finding> {
    let polls = survivor.polls_in_grace.filter(|polls| *polls >= BUSY);
    let state = survivor.state?;
    let (cause, why, help) = match (state, polls) {
        // Caught in the middle of one of its many polls or between two.
        (State::Running | State::Waiting | State::Notified, Some(polls)) => {
            let why = format!(
                "was polled {polls} times after the test's body was over: it never waits for long"
            );
            (Cause::BusyLoop, why, LET_IT_END)
        }
        (State::Running, None) if survivor.polls_in_grace.is_none() => {
            let why = "was in a poll when it was read, which lasts, or is one of a busy loop";
            (Cause::BlocksItsWorker, why.to_owned(), LET_IT_RETURN)
        }
        (State::Running, None) => {
            (Cause::BlocksItsWorker, "has not returned from its poll".to_owned(), LET_IT_RETURN)
        }
        (State::NeverPolled, _) => (
            Cause::NeverPolled,
            "did not run: its runtime had no turn for it".to_owned(),
            LET_IT_RUN,
        ),
        (State::Notified, None) if survivor.polls_in_grace == Some(0) => {
            return Some(woken(Some(0)));
        }
        (State::Cancelled, _) => {
            let why = "was aborted, and its future is still not dropped";
            (Cause::IgnoresCancellation, why.to_owned(), LET_IT_DROP)
        }
        (State::Waiting | State::Notified, None) => return None,
    };
    Some(Finding { cause, why, help: help.to_owned() })
}

/// Told of a task that was woken, if it had no turn or nothing better is known. Whether it had turns
/// since the test's body was over is known where its polls are.
pub(super) fn woken(polls_in_grace: Option<u64>) -> Finding {
    let (cause, why, help) = match polls_in_grace {
        Some(_) => (
            Cause::NeverGotItsTurn,
            "was woken, and its runtime had no turn for it yet",
            LET_IT_RUN,
        ),
        None => (Cause::BetweenTurns, BETWEEN_TURNS.why, BETWEEN_TURNS.help),
    };
    Finding { cause, why: why.to_owned(), help: help.to_owned() }
}
