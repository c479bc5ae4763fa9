//! The lock, and what happens right after it is let go.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::pending::Answer;
use crate::state::{Admission, State};
use crate::sync::Mutex;
use crate::{Ask, PermissionRequest, RequestError, RequestId};

/// What handles, subscriptions and request futures have in common.
pub(crate) struct Shared {
    pub(crate) working_dir: PathBuf,
    pub(crate) timeout: Option<Duration>,
    pub(crate) state: Mutex<State>,
}

impl Shared {
    /// Runs one transition under the lock and, once it is released, tells those it concerns.
    ///
    /// A poisoned lock is taken over. The worst that a transition which panicked midway leaves is a
    /// grant that a person did give, and a requester whose answer was lost: nothing is allowed.
    pub(crate) fn with<R>(&self, transition: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = transition(&mut state);
        let outbox = std::mem::take(&mut state.outbox);
        drop(state);
        outbox.deliver();
        result
    }

    /// Puts `ask` to the rules and, if they do not settle it, to people.
    pub(crate) fn open(&self, ask: Ask) -> Result<Admission, RequestError> {
        ask.validate()?;
        let request = self.draft(ask);
        self.with(|state| state.open(request))
    }

    fn draft(&self, mut ask: Ask) -> PermissionRequest {
        ask.resolve(&self.working_dir);
        let opened_at = Instant::now();
        let timeout = ask.timeout.or(self.timeout);
        PermissionRequest {
            id: RequestId::mint(),
            seq: 0,
            ask,
            opened_at,
            expires_at: timeout.and_then(|timeout| opened_at.checked_add(timeout)),
            offers: Vec::new(),
        }
    }
}

/// Without the state: it holds what tools want to do, which is nothing for logs.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Messages that a transition leaves behind, to be sent when the lock is free: a waker may run any
/// code, and all of it may call back into the service.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    answers: Vec<(oneshot::Sender<Answer>, Answer)>,
    signals: Vec<Arc<Notify>>,
}

impl Outbox {
    pub(crate) fn answer(&mut self, to: oneshot::Sender<Answer>, answer: Answer) {
        self.answers.push((to, answer));
    }

    pub(crate) fn signal(&mut self, to: &Arc<Notify>) {
        self.signals.push(Arc::clone(to));
    }

    fn deliver(self) {
        for signal in self.signals {
            signal.notify_one();
        }
        for (to, answer) in self.answers {
            // A requester that has gone meanwhile needs no answer.
            let _ = to.send(answer);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::{Ask, PermissionService};

    /// G6: whatever a poisoned lock means, it neither allows a request nor stops the service.
    #[test]
    fn a_poisoned_lock_is_taken_over_and_allows_nothing() {
        let service = PermissionService::new("/tmp", false, ["view"]);
        let shared = service.shared();
        let panicked = catch_unwind(AssertUnwindSafe(|| shared.with(|_| panic!("on purpose"))));
        assert!(panicked.is_err());
        assert!(shared.state.is_poisoned());

        let verdict = |tool| service.check(&Ask::new("s", tool, "execute"));
        assert_eq!(verdict("bash"), crate::Verdict::Ask);
        assert_ne!(verdict("view"), crate::Verdict::Ask);
    }
}
