//! Which registry the current thread belongs to: the test's own thread while its body runs, and
//! the threads that its runtime starts.

use std::cell::RefCell;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::ids::Polling;
use crate::registry::Registry;

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

#[derive(Debug)]
struct Current {
    registry: Arc<Registry>,
    #[cfg_attr(not(tokio_unstable), expect(dead_code, reason = "only the task hooks ask"))]
    polling: Arc<Polling>,
    runs_body: bool,
}

/// What lives now may live: tasks of the current leak test that are alive at this moment are not
/// reported as leaked by it (goleak's `IgnoreCurrent`).
///
/// Call it in the test's body, or in a task or blocking closure of its runtime. A task that is
/// being spawned by another thread at the same moment may be on either side.
///
/// In the plain tier it takes inspection to tell tasks apart: where that cannot be had and any are
/// alive at the end, the test fails and says so.
///
/// # Panics
///
/// Outside of a leak test. [`try_ignore_current`] gives an error instead.
///
/// # Examples
///
/// ```
/// use leakcheck::leak_test;
///
/// #[leak_test]
/// async fn only_what_the_request_starts_counts() {
///     tokio::spawn(std::future::pending::<()>()); // lives as long as the process
///     leakcheck::ignore_current();
///     tokio::spawn(async {}).await.unwrap();
/// }
/// ```
#[track_caller]
pub fn ignore_current() {
    if let Err(error) = try_ignore_current() {
        panic!("{error}");
    }
}

/// As [`ignore_current`], with an error instead of the panic.
///
/// # Errors
///
/// Outside of a leak test.
pub fn try_ignore_current() -> Result<(), Error> {
    let registry = registry().ok_or(ErrorKind::NotInATest)?;
    registry.ignore_current();
    Ok(())
}

/// The registry of the current thread's runtime.
pub(crate) fn registry() -> Option<Arc<Registry>> {
    look(|current| Arc::clone(&current.registry))
}

/// Whether the current thread runs a test's body.
pub(crate) fn runs_body() -> bool {
    look(|current| current.runs_body).unwrap_or(false)
}

/// Looks at what the current thread polls; `None` on a thread of no leak test.
#[cfg(tokio_unstable)]
pub(crate) fn with_polling<R>(tell: impl FnOnce(&Polling) -> R) -> Option<R> {
    look(|current| tell(&current.polling))
}

/// `None` too while thread-locals are torn down, or this one is borrowed: hooks and panics come at
/// any time.
fn look<R>(at: impl FnOnce(&Current) -> R) -> Option<R> {
    let looked = CURRENT.try_with(|current| current.try_borrow().ok()?.as_ref().map(at));
    looked.ok().flatten()
}

/// Makes this thread one of the registry's runtime, for good: it is one that the runtime started.
pub(crate) fn adopt_thread(registry: &Arc<Registry>) {
    let (registry, polling) = (Arc::clone(registry), registry.add_thread());
    CURRENT.set(Some(Current { registry, polling, runs_body: false }));
}

/// Makes this thread the registry's until the guard is dropped.
pub(crate) fn enter(registry: &Arc<Registry>) -> Entered {
    let (registry, polling) = (Arc::clone(registry), registry.own_thread());
    Entered { before: CURRENT.replace(Some(Current { registry, polling, runs_body: true })) }
}

/// Gives the thread back to whose it was: runtimes may be used in turns.
#[must_use = "the thread is given back when this is dropped"]
pub(crate) struct Entered {
    before: Option<Current>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}
