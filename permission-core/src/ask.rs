//! What a tool wants to do.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::{SessionId, ToolCallId};

/// What a tool wants to do, in its own words: the question of a request.
///
/// Name what the call touches: a grant covers exactly the subjects of the ask that it was given
/// for, so an ask without any is granted for *every* later ask of that session, tool and action
/// which names none.
///
/// # Examples
///
/// ```
/// use permission_core::Ask;
///
/// let ask = Ask::new("session-1", "edit", "write")
///     .tool_call("call-7")
///     .path("src/main.rs")
///     .description("replace the greeting");
/// assert_eq!(&*ask.tool, "edit");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ask {
    /// The conversation that the call belongs to.
    pub session: SessionId,
    /// The tool's name.
    pub tool: Arc<str>,
    /// What the tool would do: `execute`, `read`, `write`, …
    pub action: Arc<str>,
    /// The call this asks for. Without one, nobody is told of it by [`Notifications`].
    ///
    /// [`Notifications`]: crate::Notifications
    pub tool_call: Option<ToolCallId>,
    /// What the call touches. A grant covers all of them together, never some of them.
    pub subjects: Vec<Subject>,
    /// The call's parameters, verbatim, for people to look at.
    pub params: Option<Arc<RawValue>>,
    /// A sentence for people. It is written by the model: show it, never decide by it.
    pub description: Option<Arc<str>>,
    /// The call that a hook has approved: it lets through that very call and no other.
    pub hook_approval: Option<ToolCallId>,
    /// How long people may take to answer, in place of the service's own timeout.
    pub timeout: Option<Duration>,
}

impl Ask {
    /// An ask by `tool`, in `session`, to do `action`. All three must be non-empty.
    pub fn new(
        session: impl Into<SessionId>,
        tool: impl Into<Arc<str>>,
        action: impl Into<Arc<str>>,
    ) -> Self {
        Self {
            session: session.into(),
            tool: tool.into(),
            action: action.into(),
            tool_call: None,
            subjects: Vec::new(),
            params: None,
            description: None,
            hook_approval: None,
            timeout: None,
        }
    }

    /// Says which call this asks for.
    #[must_use]
    pub fn tool_call(mut self, call: impl Into<ToolCallId>) -> Self {
        self.tool_call = Some(call.into());
        self
    }

    /// Adds a file or a directory to the subjects; the service takes a relative path to start at
    /// its working directory.
    #[must_use]
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.subjects.push(Subject::path(path));
        self
    }

    /// Attaches the call's parameters, verbatim.
    #[must_use]
    pub fn params(mut self, params: impl Into<Arc<RawValue>>) -> Self {
        self.params = Some(params.into());
        self
    }

    /// Describes the call to people.
    #[must_use]
    pub fn description(mut self, text: impl Into<Arc<str>>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Passes on that a hook has approved `call`. It counts only if `call` is the
    /// [`tool_call`](Self::tool_call) of this ask, and not empty.
    #[must_use]
    pub fn hook_approval(mut self, call: impl Into<ToolCallId>) -> Self {
        self.hook_approval = Some(call.into());
        self
    }

    /// Denies this ask if nobody has answered it after `timeout`.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    pub(crate) fn validate(&self) -> Result<(), InvalidAsk> {
        let parts =
            [("session", self.session.as_str()), ("tool", &*self.tool), ("action", &*self.action)];
        match parts.into_iter().find(|(_, text)| text.is_empty()) {
            Some((part, _)) => Err(InvalidAsk { part }),
            None => Ok(()),
        }
    }

    pub(crate) fn resolve(&mut self, working_dir: &Path) {
        for subject in &mut self.subjects {
            subject.resolve(working_dir);
        }
    }

    /// The subjects as a set, which is in order and has each of them once. Most are that as they are.
    pub(crate) fn subject_set(&self) -> Cow<'_, [Subject]> {
        if self.subjects.is_sorted_by(|left, right| left < right) {
            return Cow::Borrowed(&self.subjects);
        }
        let mut subjects = self.subjects.clone();
        subjects.sort_unstable();
        subjects.dedup();
        Cow::Owned(subjects)
    }

    /// The call to report on, if the ask names one.
    pub(crate) fn reported_call(&self) -> Option<&ToolCallId> {
        self.tool_call.as_ref().filter(|call| !call.is_empty())
    }

    pub(crate) fn is_approved_by_hook(&self) -> bool {
        self.reported_call().is_some_and(|call| self.hook_approval.as_ref() == Some(call))
    }
}

/// Something that a call touches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// A file or a directory, whether it exists or not.
    #[non_exhaustive]
    Path {
        /// The path as spelled, from the working directory on if it was relative.
        ///
        /// It is compared part by part: a `.` and slashes that are repeated or trail make no
        /// difference. Links are not followed and `..` is not folded, since both need a look at the
        /// disk: a file that is named in two such ways is two subjects, which costs a prompt and
        /// grants nothing.
        lexical: PathBuf,
    },
}

impl Subject {
    /// A file or a directory.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::Path { lexical: path.into() }
    }

    fn resolve(&mut self, working_dir: &Path) {
        match self {
            Self::Path { lexical } if lexical.is_absolute() => {}
            Self::Path { lexical } => *lexical = working_dir.join(&*lexical),
        }
    }
}

/// The ask does not say who wants to do what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an ask needs a `{part}` that is not empty")]
pub struct InvalidAsk {
    part: &'static str,
}
