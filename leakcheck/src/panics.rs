//! Panics of tasks: tokio catches them, and where nobody joins the task nobody ever hears.

use std::panic::PanicHookInfo;
use std::path::PathBuf;
use std::sync::Once;

use tokio::task::Id;

/// A panic seen on its way out of a task's code.
#[derive(Clone, Debug)]
pub(crate) struct TaskPanic {
    pub(crate) task: Id,
    pub(crate) message: String,
    /// The file, line and column that panicked.
    pub(crate) at: Option<(PathBuf, u32, u32)>,
    pub(crate) spawned_at: Option<&'static std::panic::Location<'static>>,
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
            note(info);
            next(info);
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let (Some(task), Some(registry)) = (tokio::task::try_id(), crate::current::registry()) else {
        return;
    };
    let at = info.location().map(|at| (PathBuf::from(at.file()), at.line(), at.column()));
    let spawned_at = registry.with(task, |live| live.spawned_at);
    registry.note_panic(TaskPanic { task, message: message(info.payload()), at, spawned_at });
}

/// The text of a panic's payload.
pub(crate) fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a payload that is not text").to_owned()
}
