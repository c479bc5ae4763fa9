//! What the tests have in common. They step by poll: every transition of the service is
//! synchronous, so what has not happened when a call returns is not going to happen by itself.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures::FutureExt;

pub(crate) use leakcheck::leak_test;
pub(crate) use permission_core::{
    Ask, Attendance, Closed, DecidedBy, Decision, Event, Notification, Notifications, OfferKind,
    PermissionRequest, PermissionService, RequestError, RequestId, RespondError, Response,
    SessionId, Subscription, ToolCallState, Verdict,
};
pub(crate) use tokio_util::sync::CancellationToken;

/// Runs `future` under a leak check, where an attribute cannot go.
pub(crate) fn leak_check<F: Future>(future: F) -> F::Output {
    leakcheck::run(leakcheck::Options::new(), future)
}

/// A request that somebody waits for.
pub(crate) type Asking = Pin<Box<dyn Future<Output = Result<Decision, RequestError>> + Send>>;

/// A service in `/tmp` which asks for everything.
pub(crate) fn service() -> PermissionService {
    PermissionService::new("/tmp", false, None::<String>)
}

pub(crate) fn subscribe(service: &PermissionService) -> Subscription {
    service.subscribe(CancellationToken::new())
}

pub(crate) fn listen(service: &PermissionService) -> Notifications {
    service.notifications(CancellationToken::new())
}

pub(crate) fn ask(session: &str, tool: &str, action: &str, path: &str) -> Ask {
    Ask::new(session, tool, action).path(path)
}

/// Asks something that has to be put to people, and returns what they see.
#[track_caller]
pub(crate) fn pends(service: &PermissionService, ask: Ask) -> (Asking, Arc<PermissionRequest>) {
    let before = service.pending().len();
    let mut asking: Asking = Box::pin(service.request(ask));
    assert!(waits(&mut asking), "nobody was asked");
    let request = service.pending().pop().expect("it is pending");
    assert_eq!(service.pending().len(), before + 1);
    (asking, request)
}

/// Asks something that is decided without people.
#[track_caller]
pub(crate) fn decided(service: &PermissionService, ask: Ask) -> Decision {
    let opened = service.stats().opened;
    let decision = settled(Box::pin(service.request(ask))).expect("a decision");
    assert_eq!(service.stats().opened, opened, "somebody was asked");
    decision
}

/// Polls once; `true` if there is no answer yet.
pub(crate) fn waits(asking: &mut Asking) -> bool {
    asking.now_or_never().is_none()
}

/// The answer, which is there already.
#[track_caller]
pub(crate) fn settled(asking: Asking) -> Result<Decision, RequestError> {
    asking.now_or_never().expect("the request still waits")
}

#[track_caller]
pub(crate) fn assert_allowed(asking: Asking) {
    let decision = settled(asking).expect("a decision");
    assert!(decision.is_allowed(), "{decision:?}");
}

#[track_caller]
pub(crate) fn assert_denied(asking: Asking) {
    let decision = settled(asking).expect("a decision");
    assert!(!decision.is_allowed(), "{decision:?}");
}

/// The prompt that a subscriber sees next.
#[track_caller]
pub(crate) fn opened(prompts: &mut Subscription) -> Arc<PermissionRequest> {
    match prompts.try_next() {
        Some(Event::Opened(request)) => request,
        other => panic!("expected a prompt, got {other:?}"),
    }
}

/// The prompt that a subscriber sees go next, and how it ended.
#[track_caller]
pub(crate) fn closed(prompts: &mut Subscription) -> (RequestId, Closed) {
    match prompts.try_next() {
        Some(Event::Closed { id, outcome, .. }) => (id, outcome),
        other => panic!("expected the end of a prompt, got {other:?}"),
    }
}

/// The state of a call that a listener hears of next.
#[track_caller]
pub(crate) fn heard(calls: &mut Notifications) -> (String, ToolCallState) {
    let Notification { tool_call_id, state, .. } = calls.try_next().expect("a notification");
    (tool_call_id.to_string(), state)
}

/// The stream has come to its end, with nobody waiting for it.
#[track_caller]
pub(crate) fn assert_ended<T: Debug>(next: impl Future<Output = Option<T>>) {
    let next = next.now_or_never().expect("the stream goes on");
    assert!(next.is_none(), "{next:?}");
}

/// Nothing waits, and nothing was opened that was not closed.
#[track_caller]
pub(crate) fn assert_quiescent(service: &PermissionService) {
    let stats = service.stats();
    assert_eq!(stats.pending, 0, "{stats:?}");
    assert_eq!(stats.opened, stats.closed, "{stats:?}");
}

/// An id that the service never minted.
pub(crate) fn unknown_id() -> RequestId {
    "01890000-0000-7000-8000-000000000000".parse().expect("it has the form of an id")
}
