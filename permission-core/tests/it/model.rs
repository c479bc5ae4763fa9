//! The model of SequentialProperties: the service without ids, locks, futures and streams.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) session: u8,
    pub(crate) tool: u8,
    pub(crate) path: u8,
}

impl Key {
    pub(crate) fn session(session: u8) -> SessionId {
        SessionId::from(format!("session-{session}"))
    }

    pub(crate) fn ask(self, call: usize) -> Ask {
        Ask::new(Self::session(self.session), format!("tool-{}", self.tool), "act")
            .path(format!("/tmp/{}", self.path))
            .tool_call(call.to_string())
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Once,
    Session,
    Deny,
    Dismiss,
}

/// How a call ends, with as much of the reason as the model knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Skip,
    SessionAuto,
    Grant,
    Allowed,
    Denied,
    Cancelled,
    Withdrawn,
}

impl End {
    pub(crate) fn of_decision(decision: &Decision) -> Self {
        match (decision.is_allowed(), decision.by()) {
            (true, DecidedBy::Skip) => Self::Skip,
            (true, DecidedBy::SessionAuto) => Self::SessionAuto,
            (true, DecidedBy::Grant(_)) => Self::Grant,
            (true, DecidedBy::User { .. }) => Self::Allowed,
            (false, DecidedBy::User { .. }) => Self::Denied,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn of_outcome(outcome: &Closed) -> Self {
        match outcome {
            Closed::Decided(decision) => Self::of_decision(decision),
            Closed::Cancelled => Self::Cancelled,
            Closed::Withdrawn => Self::Withdrawn,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn of_result(result: &Result<Decision, RequestError>) -> Self {
        match result {
            Ok(decision) => Self::of_decision(decision),
            Err(RequestError::Cancelled) => Self::Cancelled,
            Err(other) => panic!("{other:?}"),
        }
    }

    pub(crate) fn state(self) -> ToolCallState {
        match self {
            Self::Skip | Self::SessionAuto | Self::Grant | Self::Allowed => {
                ToolCallState::PermissionGranted
            }
            Self::Denied => ToolCallState::PermissionDenied,
            Self::Cancelled | Self::Withdrawn => ToolCallState::Cancelled,
        }
    }
}

/// What subscribers are told of the call of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Opened(usize),
    Closed(usize, End),
}

/// The service in a few lines: calls are numbered as they are asked.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) skip: bool,
    pub(crate) auto_approved: BTreeSet<u8>,
    pub(crate) grants: BTreeSet<Key>,
    pub(crate) open: BTreeMap<usize, Key>,
    pub(crate) told: Vec<Told>,
    pub(crate) heard: Vec<(usize, ToolCallState)>,
}

impl Model {
    /// How it ends at once, or `None` if people are asked.
    pub(crate) fn ask(&mut self, call: usize, key: Key) -> Option<End> {
        if self.skip {
            return Some(End::Skip);
        }
        let end = if self.auto_approved.contains(&key.session) {
            End::SessionAuto
        } else if self.grants.contains(&key) {
            End::Grant
        } else {
            self.open.insert(call, key);
            self.told.push(Told::Opened(call));
            self.heard.push((call, ToolCallState::PermissionPending));
            return None;
        };
        self.heard.push((call, end.state()));
        Some(end)
    }

    pub(crate) fn answer(&mut self, call: usize, answer: Answer) {
        match answer {
            Answer::Once => self.close(call, End::Allowed),
            Answer::Session => {
                self.grants.insert(self.open[&call]);
                self.close(call, End::Allowed);
            }
            Answer::Deny | Answer::Dismiss => self.close(call, End::Denied),
        }
    }

    pub(crate) fn close(&mut self, call: usize, end: End) {
        self.open.remove(&call).expect("it is open");
        self.told.push(Told::Closed(call, end));
        self.heard.push((call, end.state()));
    }

    pub(crate) fn close_where(&mut self, which: impl Fn(Key) -> bool, end: End) -> usize {
        let open = self.open.iter();
        let calls: Vec<_> = open.filter(|(_, key)| which(**key)).map(|(call, _)| *call).collect();
        calls.iter().for_each(|call| self.close(*call, end));
        calls.len()
    }

    pub(crate) fn set_skip(&mut self, on: bool) {
        self.skip = on;
        if on {
            self.close_where(|_| true, End::Skip);
        }
    }

    pub(crate) fn auto_approve(&mut self, session: u8) {
        self.auto_approved.insert(session);
        self.close_where(|key| key.session == session, End::SessionAuto);
    }

    pub(crate) fn cancel_session(&mut self, session: u8) -> usize {
        self.close_where(|key| key.session == session, End::Cancelled)
    }

    pub(crate) fn end_session(&mut self, session: u8) -> usize {
        self.auto_approved.remove(&session);
        self.grants.retain(|key| key.session != session);
        self.cancel_session(session)
    }
}
