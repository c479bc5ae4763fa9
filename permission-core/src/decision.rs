//! Answers, what they come to, and what can go wrong.

use std::sync::Arc;

use crate::{GrantId, InvalidAsk, OfferId, PermissionRequest, RequestId};

/// What a person answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Response {
    /// Accept one of the request's offers.
    Allow {
        /// Which one.
        offer: OfferId,
    },
    /// Reject this request, and this one alone.
    Deny {
        /// What the agent should do instead, handed to it verbatim.
        feedback: Option<String>,
        /// Whether the agent should stop here and wait for the person.
        interrupt: bool,
    },
    /// Close the dialog without a word. It denies, like [`Deny`](Self::Deny) without feedback.
    Dismiss,
}

impl Response {
    /// A rejection without a word of explanation.
    #[must_use]
    pub fn deny() -> Self {
        Self::Deny { feedback: None, interrupt: false }
    }
}

/// What a request came to.
#[derive(Clone, Debug)]
#[must_use = "a call may go ahead only if its decision is `Allowed`"]
#[non_exhaustive]
pub enum Decision {
    /// The call may go ahead.
    #[non_exhaustive]
    Allowed {
        /// What exactly was allowed: execute this, not what the model says by now.
        request: Arc<PermissionRequest>,
        /// Who or what allowed it.
        by: DecidedBy,
    },
    /// The call must not go ahead.
    #[non_exhaustive]
    Denied {
        /// Who or what denied it.
        by: DecidedBy,
        /// What the person wants instead, verbatim.
        feedback: Option<String>,
        /// Whether the agent should stop here and wait for the person.
        interrupt: bool,
    },
}

impl Decision {
    /// Whether the call may go ahead.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }

    /// Who or what decided.
    #[must_use]
    pub fn by(&self) -> &DecidedBy {
        match self {
            Self::Allowed { by, .. } | Self::Denied { by, .. } => by,
        }
    }

    pub(crate) fn allowed(request: Arc<PermissionRequest>, by: DecidedBy) -> Self {
        Self::Allowed { request, by }
    }

    pub(crate) fn denied(by: DecidedBy) -> Self {
        Self::Denied { by, feedback: None, interrupt: false }
    }
}

/// Who or what decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecidedBy {
    /// Skip mode is on: everything is allowed.
    Skip,
    /// The configured allow-list names the tool, or the tool and its action.
    AllowList,
    /// A hook approved this very call.
    Hook,
    /// The session approves everything.
    SessionAuto,
    /// A person granted this earlier.
    Grant(GrantId),
    /// A person answered this request.
    #[non_exhaustive]
    User {},
    /// Nobody was connected who could have answered; see [`Attendance`](crate::Attendance).
    Unattended,
    /// Nobody answered in time.
    Timeout,
}

impl DecidedBy {
    /// Whether [`Notifications`](crate::Notifications) tell of it, although nobody was asked.
    /// What the configuration allows once and for all is not worth a word for each call.
    pub(crate) fn is_news(&self) -> bool {
        !matches!(self, Self::Skip | Self::AllowList)
    }
}

/// What [`check`](crate::PermissionService::check) would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Allowed, without asking anybody.
    #[non_exhaustive]
    Allow {
        /// Who or what allows it.
        by: DecidedBy,
    },
    /// Denied, without asking anybody.
    #[non_exhaustive]
    Deny {
        /// Who or what denies it.
        by: DecidedBy,
    },
    /// People have to be asked.
    Ask,
}

/// Why a request ended without a decision. Nothing was allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Its token was cancelled, or its session was cancelled or ended.
    #[error("the request was cancelled before anybody decided")]
    Cancelled,
    /// The service was shut down.
    #[error("the permission service has shut down")]
    ShutDown,
    /// The ask cannot be put to anybody.
    #[error(transparent)]
    InvalidAsk(#[from] InvalidAsk),
}

/// Why an answer took no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RespondError {
    /// No such request is waiting: it was decided, cancelled or withdrawn, or never was.
    #[error("request `{0}` is not pending")]
    NotPending(RequestId),
    /// The request makes no such offer, and goes on waiting.
    #[error("request `{request}` makes no offer `{offer}`")]
    NoSuchOffer {
        /// The request that was answered.
        request: RequestId,
        /// What the answer named.
        offer: OfferId,
    },
}
