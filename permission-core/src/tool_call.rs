//! The life of a tool call, as user interfaces show it.

use std::fmt;
use std::str::FromStr;

use crate::Decision;

/// Where a tool call stands.
///
/// The service reports the permission's part of it (`PermissionPending`, `PermissionGranted`,
/// `PermissionDenied`, `Cancelled`); the rest is for the agent to report, in the same words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ToolCallState {
    /// The model asked for it and nothing has happened yet.
    Pending,
    /// Somebody has to decide whether it may go ahead.
    PermissionPending,
    /// It may go ahead.
    PermissionGranted,
    /// It must not go ahead.
    PermissionDenied,
    /// The tool is at work.
    Running,
    /// The tool did its work.
    Completed,
    /// The tool gave up.
    Failed,
    /// Somebody stopped it, before or during its work.
    Cancelled,
}

impl ToolCallState {
    const ALL: [Self; 8] = [
        Self::Pending,
        Self::PermissionPending,
        Self::PermissionGranted,
        Self::PermissionDenied,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Its name on a wire.
    ///
    /// # Examples
    ///
    /// ```
    /// use permission_core::ToolCallState;
    ///
    /// let state = ToolCallState::PermissionDenied;
    /// assert_eq!(state.as_str(), "permission_denied");
    /// assert_eq!("permission_denied".parse(), Ok(state));
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::PermissionPending => "permission_pending",
            Self::PermissionGranted => "permission_granted",
            Self::PermissionDenied => "permission_denied",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the call is over: no other state follows.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled | Self::PermissionDenied => true,
            Self::Pending | Self::PermissionPending | Self::PermissionGranted | Self::Running => {
                false
            }
        }
    }

    /// What the model is told the call came to.
    #[must_use]
    pub fn to_result_state(self) -> ResultState {
        match self {
            Self::Completed => ResultState::Success,
            Self::Failed | Self::Cancelled | Self::PermissionDenied => ResultState::Error,
            Self::Pending | Self::PermissionPending | Self::PermissionGranted | Self::Running => {
                ResultState::Unknown
            }
        }
    }
}

impl fmt::Display for ToolCallState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ToolCallState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        let state = Self::ALL.into_iter().find(|state| state.as_str() == text);
        state.ok_or_else(|| UnknownState(text.into()))
    }
}

impl From<&Decision> for ToolCallState {
    fn from(decision: &Decision) -> Self {
        match decision {
            Decision::Allowed { .. } => Self::PermissionGranted,
            Decision::Denied { .. } => Self::PermissionDenied,
        }
    }
}

/// What a tool call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResultState {
    /// It did its work.
    Success,
    /// It did not, or not all of it.
    Error,
    /// It is not over.
    Unknown,
}

/// The text is not the name of a [`ToolCallState`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the state of a tool call")]
pub struct UnknownState(Box<str>);
