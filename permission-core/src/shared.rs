//! The lock, and what happens right after it is let go.
//!
//! # Invariants
//!
//! 1. The lock is taken in [`Shared::step`] and nowhere else, and let go before that returns: it is
//!    never held across an await, I/O, or a call of anybody else's code, wakers included.
//! 2. What a transition leaves to tell is told right after, by whoever ran it. So a request that is
//!    no longer pending has its answer, or will have it without further ado.
//! 3. Events are signalled before answers are sent.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::pending::Answer;
use crate::state::{Admission, State};
use crate::sync::Mutex;
use crate::{Ask, PermissionRequest, RequestError, RequestId, Subject};

/// What handles, subscriptions and request futures have in common.
pub(crate) struct Shared {
    pub(crate) working_dir: PathBuf,
    pub(crate) timeout: Option<Duration>,
    /// Told, after the fact, that somebody subscribed.
    pub(crate) arrivals: Notify,
    pub(crate) state: Mutex<State>,
}

impl Shared {
    /// Runs one transition under the lock and, once it is released, tells those it concerns.
    ///
    /// A poisoned lock is taken over. The worst that a transition which panicked midway leaves is a
    /// grant that a person did give, and a requester whose answer was lost: nothing is allowed.
    pub(crate) fn with<R>(&self, transition: impl FnOnce(&mut State) -> R) -> R {
        let (result, outbox) = self.step(transition);
        // A request may be decided here and its requester not know it yet: the model checks look in.
        #[cfg(loom)]
        loom::thread::yield_now();
        outbox.deliver();
        result
    }

    /// Runs one transition under the lock, and hands back what is left to tell.
    fn step<R>(&self, transition: impl FnOnce(&mut State) -> R) -> (R, Outbox) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = transition(&mut state);
        (result, std::mem::take(&mut state.outbox))
    }

    /// Puts `ask` to the rules and, if they do not settle it, to people.
    pub(crate) fn open(&self, ask: Ask) -> Result<Admission, RequestError> {
        ask.validate()?;
        let draft = self.draft(ask);
        // Sorted out here: there may be thousands of them, and the lock is everybody's.
        let subjects: Arc<[Subject]> = draft.ask.subject_set().into();
        match self.with(|state| state.settle(draft, &subjects))? {
            Ok(decision) => Ok(Admission::Settled(decision)),
            Err(mut draft) => {
                // Minted out here too: that asks the system for random numbers.
                draft.mint_offers(Arc::clone(&subjects));
                self.with(|state| state.open(draft, &subjects))
            }
        }
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
    use std::pin::pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Wake, Waker};

    use futures::FutureExt;
    use tokio_util::sync::CancellationToken;

    use super::Shared;
    use crate::{Ask, PermissionService, RequestError, Response};

    fn service() -> PermissionService {
        PermissionService::new("/tmp", false, ["view"])
    }

    fn bash() -> Ask {
        Ask::new("s", "bash", "execute")
    }

    /// G6: whatever a poisoned lock means, it neither allows a request nor stops the service.
    #[test]
    fn a_poisoned_lock_is_taken_over_and_allows_nothing() {
        let service = service();
        let shared = service.shared();
        let panicked = catch_unwind(AssertUnwindSafe(|| shared.with(|_| panic!("on purpose"))));
        assert!(panicked.is_err());
        assert!(shared.state.is_poisoned());

        let verdict = |tool| service.check(&Ask::new("s", tool, "execute"));
        assert_eq!(verdict("bash"), crate::Verdict::Ask);
        assert_ne!(verdict("view"), crate::Verdict::Ask);
    }
    /// X7: a request that is decided stays so, even if its requester is not told of it yet.
    #[test]
    fn a_cancellation_between_an_answer_and_its_delivery_waits_for_that_answer() {
        let service = service();
        let token = CancellationToken::new();
        let mut asking = pin!(service.request_until(bash(), &token));
        assert!(asking.as_mut().now_or_never().is_none());
        let id = service.pending()[0].id;

        let offer = service.pending()[0].once_allow().expect("it is on offer");
        let allow = Response::Allow { offer };
        let (answered, outbox) = service.shared().step(|state| state.respond(id, allow));
        assert_eq!(answered, Ok(()));
        token.cancel();
        assert!(asking.as_mut().now_or_never().is_none(), "its answer is on the way");
        outbox.deliver();
        let decision = asking.now_or_never().expect("it is here").expect("a decision");
        assert!(decision.is_allowed());
    }
    /// G6: a requester whose answer is lost is told of the end, and is not allowed.
    #[test]
    fn a_request_that_a_panicked_transition_lost_ends_without_a_decision() {
        let service = service();
        let mut asking = pin!(service.request(bash()));
        assert!(asking.as_mut().now_or_never().is_none());
        let id = service.pending()[0].id;
        drop(service.shared().with(|state| state.pending.take(id)));
        let result = asking.now_or_never().expect("it is over");
        assert_eq!(result.expect_err("nobody decided"), RequestError::ShutDown);
    }

    /// A waker that looks whether the lock is free when it is woken, as it must be.
    struct LooksAtLock {
        shared: Arc<Shared>,
        found: Mutex<Vec<bool>>,
    }

    impl Wake for LooksAtLock {
        fn wake(self: Arc<Self>) {
            let free = self.shared.state.try_lock().is_ok();
            self.found.try_lock().expect("it is woken by one thread").push(free);
        }
    }

    #[test]
    fn a_waker_finds_the_lock_free() {
        let service = service();
        let shared = Arc::clone(service.shared());
        let looks = Arc::new(LooksAtLock { shared, found: Mutex::default() });
        let waker = Waker::from(Arc::clone(&looks));
        let mut context = Context::from_waker(&waker);

        let mut prompts = service.subscribe(CancellationToken::new());
        let mut reading = pin!(prompts.next());
        assert!(reading.as_mut().poll(&mut context).is_pending());
        let mut asking = pin!(service.request(bash()));
        assert!(asking.as_mut().poll(&mut context).is_pending());
        assert!(service.grant(service.pending()[0].id));
        let found = looks.found.try_lock().expect("nobody else looks").clone();
        assert_eq!(found, [true, true], "by the prompt, and by the answer");
    }
}
