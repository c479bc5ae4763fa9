//! The state machine: plain data and its transitions, all of them synchronous.
//!
//! # Invariants
//!
//! 1. A request is decided by whoever takes it out of [`Pending`], in [`State::close`] and nowhere
//!    else. So it is decided once, and every side hears of the same outcome.
//! 2. What an answer changes (a grant) is recorded before [`Event::Closed`] is published, and the
//!    requester is told after both.
//! 3. The pending requests are up to date before an event is published, so that a snapshot taken
//!    for a slow subscriber agrees with the event it stands for.
//! 4. A request whose time is up is never allowed, even if the timer of its requester, which is the
//!    one that counts the time, has not been polled.
//! 5. No transition waits, does I/O, or wakes anybody: see [`Outbox`].

use std::collections::{BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::allow_list::AllowList;
use crate::grant::Grants;
use crate::mailbox::Mailboxes;
use crate::pending::{Answer, Pending};
use crate::request::OfferKind;
use crate::shared::Outbox;
use crate::{
    Ask, Closed, DecidedBy, Decision, Event, Notification, PermissionRequest, RequestError,
    RequestId, RespondError, Response, SessionId, Stats, Subject, ToolCallState, Verdict,
};

/// Longer than anybody waits, and short enough to add to any instant.
const A_LIFETIME: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) skip: bool,
    pub(crate) allow_list: AllowList,
    /// How long a request may wait with nobody there; `None` is for ever.
    pub(crate) grace: Option<Duration>,
    pub(crate) grants: Grants,
    pub(crate) pending: Pending,
    pub(crate) events: Mailboxes<Event>,
    pub(crate) notifications: Mailboxes<Notification>,
    pub(crate) outbox: Outbox,
    auto_approved: BTreeSet<SessionId>,
    shut_down: bool,
    seq: u64,
    opened: u64,
    closed: u64,
    resyncs: u64,
}

/// What comes of a request when it arrives.
#[derive(Debug)]
pub(crate) enum Admission {
    Settled(Decision),
    Waiting(Arc<PermissionRequest>, oneshot::Receiver<Answer>),
}

/// Whether anybody is there for a request that waits.
#[derive(Debug)]
pub(crate) enum Company {
    /// It does not matter.
    NotNeeded,
    /// Somebody is there until this token is cancelled.
    Present(CancellationToken),
    /// Nobody is there, which is fine until then.
    AbsentUntil(Instant),
}

impl State {
    pub(crate) fn new(
        skip: bool,
        allow_list: AllowList,
        grace: Option<Duration>,
        capacity: NonZeroUsize,
    ) -> Self {
        Self {
            skip,
            allow_list,
            grace,
            grants: Grants::default(),
            pending: Pending::default(),
            events: Mailboxes::new(capacity),
            notifications: Mailboxes::new(capacity),
            outbox: Outbox::default(),
            auto_approved: BTreeSet::new(),
            shut_down: false,
            seq: 0,
            opened: 0,
            closed: 0,
            resyncs: 0,
        }
    }

    /// Puts `draft`, which has its offers by now, to people, if the rules still leave it to them.
    pub(crate) fn open(
        &mut self,
        draft: PermissionRequest,
        subjects: &[Subject],
    ) -> Result<Admission, RequestError> {
        Ok(match self.settle(draft, subjects)? {
            Ok(decision) => Admission::Settled(decision),
            Err(draft) => self.prompt(draft),
        })
    }

    /// Lets the rules decide about `draft`, whose set of subjects is `subjects`, or hands it back.
    pub(crate) fn settle(
        &mut self,
        mut draft: PermissionRequest,
        subjects: &[Subject],
    ) -> Result<Result<Decision, PermissionRequest>, RequestError> {
        if self.shut_down {
            return Err(RequestError::ShutDown);
        }
        let decision = match self.evaluate(&draft.ask, subjects) {
            Verdict::Ask => return Ok(Err(draft)),
            Verdict::Deny { by } => {
                self.notify(&draft.ask, ToolCallState::PermissionDenied);
                Decision::denied(by)
            }
            Verdict::Allow { by } => {
                if by.is_news() {
                    self.notify(&draft.ask, ToolCallState::PermissionGranted);
                }
                draft.seq = self.next_seq();
                draft.offers.clear();
                Decision::allowed(Arc::new(draft), by)
            }
        };
        Ok(Ok(decision))
    }

    /// What the rules say about `ask`, whose set of subjects is `subjects`, without asking anybody.
    pub(crate) fn evaluate(&mut self, ask: &Ask, subjects: &[Subject]) -> Verdict {
        let allow = |by| Verdict::Allow { by };
        if self.shut_down {
            Verdict::Ask
        } else if self.skip {
            allow(DecidedBy::Skip)
        } else if self.allow_list.covers(&ask.tool, &ask.action) {
            allow(DecidedBy::AllowList)
        } else if ask.is_approved_by_hook() {
            allow(DecidedBy::Hook)
        } else if self.auto_approved.contains(&ask.session) {
            allow(DecidedBy::SessionAuto)
        } else if let Some(grant) = self.grants.covering(ask, subjects) {
            allow(DecidedBy::Grant(grant))
        } else if self.grace == Some(Duration::ZERO) && self.events.attendant().is_none() {
            let by = DecidedBy::Unattended;
            Verdict::Deny { by }
        } else {
            Verdict::Ask
        }
    }

    fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    fn prompt(&mut self, mut draft: PermissionRequest) -> Admission {
        draft.seq = self.next_seq();
        let request = Arc::new(draft);
        let answer = self.pending.insert(Arc::clone(&request));
        self.opened += 1;
        self.notify(&request.ask, ToolCallState::PermissionPending);
        self.publish(Event::Opened(Arc::clone(&request)));
        Admission::Waiting(request, answer)
    }

    pub(crate) fn respond(
        &mut self,
        id: RequestId,
        response: Response,
    ) -> Result<(), RespondError> {
        let request = self.pending.get(id).ok_or(RespondError::NotPending(id))?;
        if request.is_overdue() {
            self.close(id, Closed::denied(DecidedBy::Timeout));
            return Err(RespondError::NotPending(id));
        }
        let by = DecidedBy::User {};
        let decision = match response {
            Response::Allow { offer: chosen } => {
                let missing = RespondError::NoSuchOffer { request: id, offer: chosen };
                let offer = request.offer(chosen).ok_or(missing)?;
                match &offer.kind {
                    OfferKind::OnceAllow => {}
                    OfferKind::SessionAllow(grant) => self.grants.record(grant),
                }
                Decision::allowed(Arc::clone(request), by)
            }
            Response::Deny { feedback, interrupt } => Decision::Denied { by, feedback, interrupt },
            Response::Dismiss => Decision::denied(by),
        };
        self.close(id, Closed::Decided(decision));
        Ok(())
    }

    /// Ends a waiting request; `false` if somebody else has, and then nothing happens.
    pub(crate) fn close(&mut self, id: RequestId, outcome: Closed) -> bool {
        let Some(waiter) = self.pending.take(id) else {
            return false;
        };
        self.closed += 1;
        self.notify(&waiter.request.ask, outcome.tool_call_state());
        let answer = outcome.clone().into_answer();
        self.publish(Event::Closed { id, outcome });
        self.outbox.answer(waiter.answer, answer);
        true
    }

    /// Ends the waiting requests that `which` picks, the oldest first, and counts them.
    fn close_all(
        &mut self,
        which: impl Fn(&Ask) -> bool,
        outcome: impl Fn(Arc<PermissionRequest>) -> Closed,
    ) -> usize {
        let mut requests = self.pending.snapshot();
        requests.retain(|request| which(&request.ask));
        let count = requests.len();
        for request in requests {
            self.close(request.id, outcome(request));
        }
        count
    }

    /// Lets the waiting requests go on that `which` picks, unless their time is up.
    fn allow_all(&mut self, which: impl Fn(&Ask) -> bool, by: DecidedBy) {
        self.close_all(which, |request| {
            if request.is_overdue() {
                return Closed::denied(DecidedBy::Timeout);
            }
            Closed::Decided(Decision::allowed(request, by.clone()))
        });
    }

    pub(crate) fn set_skip(&mut self, on: bool) {
        self.skip = on;
        if on {
            self.allow_all(|_| true, DecidedBy::Skip);
        }
    }

    pub(crate) fn auto_approve_session(&mut self, session: &SessionId) {
        if self.shut_down {
            return;
        }
        self.auto_approved.insert(session.clone());
        self.allow_all(|ask| ask.session == *session, DecidedBy::SessionAuto);
    }

    pub(crate) fn cancel_session(&mut self, session: &SessionId) -> usize {
        self.close_all(|ask| ask.session == *session, |_| Closed::Cancelled)
    }

    pub(crate) fn end_session(&mut self, session: &SessionId) -> usize {
        self.auto_approved.remove(session);
        self.grants.end_session(session);
        self.cancel_session(session)
    }

    /// Denies `request` if it has been left alone for too long, or else says how it stands.
    pub(crate) fn keep_company(&mut self, request: &PermissionRequest) -> Option<Company> {
        let Some(grace) = self.grace else {
            return Some(Company::NotNeeded);
        };
        if let Some(scope) = self.events.attendant() {
            return Some(Company::Present(scope.clone()));
        }
        let opened_at = request.opened_at;
        let alone_since = self.events.last_left().map_or(opened_at, |left| left.max(opened_at));
        let deadline = alone_since + grace.min(A_LIFETIME);
        if Instant::now() < deadline {
            return Some(Company::AbsentUntil(deadline));
        }
        self.close(request.id, Closed::denied(DecidedBy::Unattended));
        None
    }

    pub(crate) fn shut_down(&mut self) {
        self.shut_down = true;
        self.close_all(|_| true, |_| Closed::ShutDown);
        self.auto_approved.clear();
        self.grants = Grants::default();
        self.events.close(&mut self.outbox);
        self.notifications.close(&mut self.outbox);
    }

    /// What a new subscriber finds: the same that it would have been told by now.
    pub(crate) fn backlog(&self) -> VecDeque<Event> {
        let pending = self.pending.snapshot();
        if pending.len() > self.events.capacity() {
            return VecDeque::from([Event::Resync(pending.into())]);
        }
        pending.into_iter().map(Event::Opened).collect()
    }

    pub(crate) fn stats(&mut self) -> Stats {
        Stats {
            pending: self.pending.len(),
            subscribers: self.events.len(),
            listeners: self.notifications.len(),
            grants: self.grants.len(),
            opened: self.opened,
            closed: self.closed,
            resyncs: self.resyncs,
        }
    }

    fn publish(&mut self, event: Event) {
        let (pending, resyncs) = (&self.pending, &mut self.resyncs);
        self.events.publish(&event, &mut self.outbox, |backlog, _| {
            *resyncs += 1;
            backlog.clear();
            backlog.push_back(Event::Resync(pending.snapshot().into()));
        });
    }

    fn notify(&mut self, ask: &Ask, state: ToolCallState) {
        if let Some(call) = ask.reported_call() {
            let notification = Notification::new(call.clone(), state);
            self.notifications.publish(&notification, &mut self.outbox, |backlog, newest| {
                newest.displace_oldest(backlog);
            });
        }
    }
}
