//! Panics of tasks: tokio catches them, and where nobody joins the task nobody ever hears.
//!
//! A panic counts as unheard if it left the task's code and nobody can join the task any more. Both
//! are read, not guessed: the first from the stack at the panic, the second from tokio's own state
//! of the task at that moment. What happens to a `JoinHandle` that is still held cannot be known:
//! such a panic is noted, and fails nothing.

use std::panic::{Location, PanicHookInfo};
use std::path::PathBuf;
use std::sync::Once;
use std::time::{Duration, Instant};

use tokio::task::Id;

use crate::backtrace::{Frame, RawBacktrace};
use crate::inspect::Look;
use crate::survivor::number;

/// How long a handle has to be held for that to be believed.
const BELIEVED: Duration = Duration::from_millis(20);

/// A panic seen inside a task.
#[derive(Clone, Debug)]
pub(crate) struct TaskPanic {
    pub(crate) task: Id,
    pub(crate) message: String,
    /// The file, line and column that panicked.
    pub(crate) at: Option<(PathBuf, u32, u32)>,
    pub(crate) spawned_at: Option<&'static Location<'static>>,
    pub(crate) joinable: Joinable,
    backtrace: RawBacktrace,
}

/// Whether anybody could still join the task when it panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Joinable {
    /// Its `JoinHandle` was gone.
    No,
    /// Its `JoinHandle` was held; whether anybody will look at it cannot be seen.
    Held,
    /// Somebody waited for its end.
    Awaited,
    /// It could not be read, for this reason.
    Unknown(String),
}

impl TaskPanic {
    /// Whether the task's own code caught the panic, before tokio could. Slow: symbols are looked
    /// up.
    pub(crate) fn was_caught(&self) -> bool {
        caught_inside(self.backtrace.frames())
    }
}

/// Walking out from the panic, does somebody catch it before tokio does?
fn caught_inside(frames: impl IntoIterator<Item = Frame>) -> bool {
    let catches = ["catch_unwind", "__rust_try", "panicking::try"];
    for frame in frames {
        if frame.function.contains("tokio::runtime::task::") {
            return false;
        }
        if catches.iter().any(|name| frame.function.contains(name)) {
            return true;
        }
    }
    false
}

/// Puts a hook before the process's own, once. It keeps no state: a panic goes to the registry of
/// the thread that panics, and threads of no leak test have none.
pub(crate) fn watch() {
    static WATCHED: Once = Once::new();
    if std::thread::panicking() {
        // Hooks cannot be changed now: whoever builds a runtime next will.
        return;
    }
    WATCHED.call_once(|| {
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            next(info);
            note(info);
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let (Some(task), Some(registry)) = (tokio::task::try_id(), crate::current::registry()) else {
        return;
    };
    if !registry.is_of_current_runtime() {
        // A runtime of the test's own making: its tasks are not this one's.
        return;
    }
    registry.note_panic(|| TaskPanic {
        task,
        message: message(info.payload()),
        at: info.location().map(|at| (PathBuf::from(at.file()), at.line(), at.column())),
        spawned_at: registry.with(task, |live| live.spawned_at),
        backtrace: RawBacktrace::capture(),
        joinable: settled_joinable(task),
    });
}

/// On another thread the spawner may be about to drop the handle that its `spawn` has just
/// returned: a handle that nobody waits on is believed in only after a moment.
fn settled_joinable(task: Id) -> Joinable {
    let began = Instant::now();
    loop {
        let joinable = joinable(task);
        let may_change = joinable == Joinable::Held && !crate::current::runs_body();
        if !may_change || began.elapsed() > BELIEVED {
            return joinable;
        }
        std::thread::yield_now();
    }
}

/// The state of the task that this thread runs. The executable is read on the first panic of a
/// task in a process, unless an earlier one has.
fn joinable(task: Id) -> Joinable {
    let task = number(task);
    let stack = std::ptr::from_ref(&task) as u64;
    match Look::new().and_then(|look| look.find_running(stack, task)) {
        Ok(Some(state)) if state.join_interest && state.join_waker => Joinable::Awaited,
        Ok(Some(state)) if state.join_interest => Joinable::Held,
        Ok(Some(_)) => Joinable::No,
        Ok(None) => Joinable::Unknown("the task was not found on its thread's stack".to_owned()),
        Err(why) => Joinable::Unknown(why),
    }
}

/// The text of a panic's payload.
pub(crate) fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a payload that is not text").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(functions: &[&str], caught: bool) {
        let frame = |function: &&str| Frame {
            function: (*function).to_owned(),
            file: None,
            line: None,
            column: None,
        };
        assert_eq!(caught_inside(functions.iter().map(frame)), caught);
    }

    #[test]
    fn who_catches_first_decides() {
        let tokio = "tokio::runtime::task::harness::poll_future";
        check(&["app::work", tokio, "std::panicking::catch_unwind"], false);
        check(&["app::work", "std::panic::catch_unwind", "app::task", tokio], true);
        check(&["app::work", "__rust_try", tokio], true);
        check(&["app::work"], false);
    }
}
