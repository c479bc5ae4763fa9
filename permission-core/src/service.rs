//! The handle.

use std::fmt;
use std::future::{Future, pending};
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::shared::Shared;
use crate::waiting;
use crate::{
    Ask, Builder, Decision, Grant, GrantId, Notifications, OfferId, PermissionRequest,
    RequestError, RequestId, RespondError, Response, SessionId, Stats, Subscription, Verdict,
};

/// Asks people whether tool calls may go ahead.
///
/// A handle, cheap to clone: all clones are the same service. When the last one is dropped the
/// service [shuts down](Self::shutdown); request futures and subscriptions do not keep it alive.
///
/// Every method is one step under one lock that is never held across an await: calls from several
/// threads take effect one after the other, and each subscriber hears of them in that order. No
/// open prompt ever blocks another request.
#[derive(Clone)]
pub struct PermissionService {
    owner: Arc<Owner>,
}

struct Owner {
    shared: Arc<Shared>,
}

impl PermissionService {
    /// A service for `working_dir` which allows everything if `skip` is on, and what
    /// `allowed_tools` names (`tool` or `tool:action`) in any case. It waits for people as long as
    /// it takes; see [`builder`](Self::builder) for the rest.
    #[must_use]
    pub fn new(
        working_dir: impl Into<PathBuf>,
        skip: bool,
        allowed_tools: impl IntoIterator<Item: Into<String>>,
    ) -> Self {
        let builder = Self::builder().working_dir(working_dir);
        builder.skip(skip).allow(allowed_tools).build()
    }

    /// Sets up a service step by step.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Asks, and waits for the decision.
    ///
    /// Lazy: nothing happens before the first poll. The future is `'static` and does not keep the
    /// service alive.
    ///
    /// If nobody has to be asked, it is ready at once. In order: skip mode, the allow-list, a hook's
    /// approval, an auto-approved session, an earlier grant. Else, if the service is
    /// [`Unattended`](crate::Attendance::Unattended) and nobody is subscribed, it is denied at once.
    /// Else it is put to the subscribers, and waits. While it waits, a change of the settings that
    /// would have let it through does so.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](RequestError::Cancelled) if the session was cancelled or ended,
    /// [`ShutDown`](RequestError::ShutDown) if the service was, and
    /// [`InvalidAsk`](RequestError::InvalidAsk) if the ask lacks a session, tool or action.
    ///
    /// # Panics
    ///
    /// On a timeout or a grace period, if polled outside a tokio runtime with its timer enabled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future withdraws the request: it is off everybody's screen, and cannot be
    /// answered any more. If it is dropped just after [`respond`](Self::respond) returned `Ok`, the
    /// answer reaches nobody, but what it did (the event, a grant) stands. Use
    /// [`request_until`](Self::request_until) to stop waiting without that gap.
    ///
    /// # Examples
    ///
    /// ```
    /// use permission_core::{Ask, PermissionService};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), permission_core::RequestError> {
    /// let service = PermissionService::new("/repo", false, ["view:read"]);
    /// let decision = service.request(Ask::new("session-1", "view", "read")).await?;
    /// assert!(decision.is_allowed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(
        &self,
        ask: Ask,
    ) -> impl Future<Output = Result<Decision, RequestError>> + Send + use<> {
        waiting::request(Arc::clone(self.shared()), ask, pending())
    }

    /// Asks, and waits for the decision or for `cancel`.
    ///
    /// Like [`request`](Self::request), and what it returns is what took effect: when an answer and
    /// the cancellation race, the first one counts, for the caller, for whoever answered, and for
    /// all subscribers alike. If `cancel` is cancelled before the first poll, nobody is asked.
    ///
    /// # Errors
    ///
    /// As for [`request`](Self::request), and [`Cancelled`](RequestError::Cancelled) if `cancel`
    /// was first.
    ///
    /// # Panics
    ///
    /// As for [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// As for [`request`](Self::request): dropping the future withdraws.
    ///
    /// # Examples
    ///
    /// ```
    /// use permission_core::{Ask, PermissionService, RequestError};
    /// use tokio_util::sync::CancellationToken;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let service = PermissionService::new("/repo", false, ["view"]);
    /// let turn = CancellationToken::new();
    /// let asking = service.request_until(Ask::new("session-1", "bash", "execute"), &turn);
    /// turn.cancel();
    /// assert_eq!(asking.await.unwrap_err(), RequestError::Cancelled);
    /// # }
    /// ```
    pub fn request_until<'a>(
        &self,
        ask: Ask,
        cancel: &'a CancellationToken,
    ) -> impl Future<Output = Result<Decision, RequestError>> + Send + use<'a> {
        let shared = Arc::clone(self.shared());
        async move {
            if cancel.is_cancelled() {
                return Err(RequestError::Cancelled);
            }
            waiting::request(shared, ask, cancel.cancelled()).await
        }
    }

    /// What a request for this would come to right now, without making one.
    ///
    /// By the time of a real request it may be different. What a request would refuse (an invalid
    /// ask, or any after a shutdown) comes out as [`Verdict::Ask`]: it is never allowed.
    #[must_use]
    pub fn check(&self, ask: &Ask) -> Verdict {
        let shared = self.shared();
        if ask.validate().is_err() {
            return Verdict::Ask;
        }
        let mut ask = ask.clone();
        ask.resolve(&shared.working_dir);
        let subjects = ask.subject_set();
        shared.with(|state| state.evaluate(&ask, &subjects))
    }

    /// Answers a request.
    ///
    /// The first answer counts. `Ok` means that this was it: a grant it gives is recorded, the
    /// subscribers are told, and then the requester goes on with it.
    ///
    /// An answer names the request and the offer, nothing else, so that it cannot allow anything
    /// but what was shown.
    ///
    /// # Errors
    ///
    /// [`NotPending`](RespondError::NotPending) if the request is over, its time is up, or it never
    /// was;
    /// [`NoSuchOffer`](RespondError::NoSuchOffer) if it makes another offer, and then it goes on
    /// waiting.
    ///
    /// # Examples
    ///
    /// See the [front page](crate).
    pub fn respond(&self, id: RequestId, response: Response) -> Result<(), RespondError> {
        self.shared().with(|state| state.respond(id, response))
    }

    /// Allows a request, this once. `false` if it is over, or makes no such offer.
    pub fn grant(&self, id: RequestId) -> bool {
        self.accept(id, PermissionRequest::once_allow)
    }

    /// Allows a request and all like it until the session ends. `false` if it is over, or makes no
    /// such offer.
    pub fn grant_persistent(&self, id: RequestId) -> bool {
        self.accept(id, PermissionRequest::session_allow)
    }

    /// Rejects a request, without a word. `false` if it is over.
    pub fn deny(&self, id: RequestId) -> bool {
        self.respond(id, Response::deny()).is_ok()
    }

    /// Opens a stream of prompts, which ends with `scope`.
    ///
    /// Who is subscribed counts as somebody who can answer; see
    /// [`Attendance`](crate::Attendance). What is waiting already comes first, in one step with
    /// the registration: nothing is missed in between, and nothing is seen twice.
    pub fn subscribe(&self, scope: CancellationToken) -> Subscription {
        Subscription::open(self.shared(), &scope)
    }

    /// Opens a stream of the states of tool calls, which ends with `scope`.
    pub fn notifications(&self, scope: CancellationToken) -> Notifications {
        Notifications::open(self.shared(), &scope)
    }

    /// The requests that wait for an answer, by `seq`.
    #[must_use]
    pub fn pending(&self) -> Vec<Arc<PermissionRequest>> {
        self.shared().with(|state| state.pending.snapshot())
    }

    /// Turns skip mode on or off. Turning it on allows all that is waiting.
    pub fn set_skip(&self, on: bool) {
        self.shared().with(|state| state.set_skip(on));
    }

    /// Whether skip mode is on.
    #[must_use]
    pub fn skip(&self) -> bool {
        self.shared().with(|state| state.skip)
    }

    /// Allows everything in a session from now on, what is waiting included.
    pub fn auto_approve_session(&self, session: &SessionId) {
        self.shared().with(|state| state.auto_approve_session(session));
    }

    /// Cancels what is waiting in a session, and says how much that was. The session goes on, with
    /// its grants.
    pub fn cancel_session(&self, session: &SessionId) -> usize {
        self.shared().with(|state| state.cancel_session(session))
    }

    /// Ends a session: forgets its grants and its auto-approval, cancels what is waiting in it, and
    /// says how much that was.
    pub fn end_session(&self, session: &SessionId) -> usize {
        self.shared().with(|state| state.end_session(session))
    }

    /// The grants in force, by session, the oldest first.
    #[must_use]
    pub fn grants(&self) -> Vec<Grant> {
        self.shared().with(|state| state.grants.to_vec())
    }

    /// Takes a grant back. `false` if it is not in force. What it has allowed stays allowed.
    pub fn revoke(&self, id: GrantId) -> bool {
        self.shared().with(|state| state.grants.revoke(id))
    }

    /// Ends the service for all its handles: what is waiting gets
    /// [`ShutDown`](RequestError::ShutDown), and so does every later request; streams end after
    /// what was still to read; grants are forgotten. Doing it twice changes nothing.
    pub fn shutdown(&self) {
        self.shared().with(|state| state.shut_down());
    }

    /// Numbers that say whether anything was left behind.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared().with(|state| state.stats())
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }

    /// Accepts the offer that `choose` picks, in one step with the pick.
    fn accept(
        &self,
        id: RequestId,
        choose: impl FnOnce(&PermissionRequest) -> Option<OfferId>,
    ) -> bool {
        self.shared().with(|state| {
            let offer = state.pending.get(id).and_then(|request| choose(request));
            offer.is_some_and(|offer| state.respond(id, Response::Allow { offer }).is_ok())
        })
    }
}

impl From<Arc<Shared>> for PermissionService {
    fn from(shared: Arc<Shared>) -> Self {
        let owner = Arc::new(Owner { shared });
        Self { owner }
    }
}

impl fmt::Debug for PermissionService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermissionService").finish_non_exhaustive()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.with(|state| state.shut_down());
    }
}
