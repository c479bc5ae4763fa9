//! What subscribers are told.

use std::sync::Arc;

use crate::decision::{DecidedBy, Decision, RequestError};
use crate::{PermissionRequest, RequestId, ToolCallState};

/// What a [`Subscription`](crate::Subscription) yields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Somebody has to decide this: show it.
    Opened(Arc<PermissionRequest>),
    /// This is over: take it off the screen.
    #[non_exhaustive]
    Closed {
        /// The request that is over.
        id: RequestId,
        /// How it ended.
        outcome: Closed,
    },
    /// The subscriber was too slow and its backlog is gone. These, by `seq`, are all the requests
    /// that still wait: show them, and take every other one off the screen.
    Resync(Arc<[Arc<PermissionRequest>]>),
}

/// How a request ended that people were asked about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Closed {
    /// It was decided: by a person, or by what let it go on or stopped it without one.
    Decided(Decision),
    /// Its caller dropped it.
    Withdrawn,
    /// Its token was cancelled, or its session was cancelled or ended.
    Cancelled,
    /// The service was shut down.
    ShutDown,
}

impl Closed {
    /// Denied, without a word of anybody.
    pub(crate) fn denied(by: DecidedBy) -> Self {
        Self::Decided(Decision::denied(by))
    }

    pub(crate) fn tool_call_state(&self) -> ToolCallState {
        match self {
            Self::Decided(decision) => decision.into(),
            Self::Withdrawn | Self::Cancelled | Self::ShutDown => ToolCallState::Cancelled,
        }
    }

    /// The same outcome, as its requester gets it.
    pub(crate) fn into_answer(self) -> Result<Decision, RequestError> {
        match self {
            Self::Decided(decision) => Ok(decision),
            Self::Withdrawn | Self::Cancelled => Err(RequestError::Cancelled),
            Self::ShutDown => Err(RequestError::ShutDown),
        }
    }
}
