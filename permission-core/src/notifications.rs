//! The stream for those who watch.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::mailbox::{Inbox, Item, Mailboxes};
use crate::shared::Shared;
use crate::state::State;
use crate::{ToolCallId, ToolCallState};

/// A tool call has got to another state.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notification {
    /// Which call.
    pub tool_call_id: ToolCallId,
    /// Where it stands now.
    pub state: ToolCallState,
    /// How many notifications this reader has missed right before this one, by being too slow.
    pub missed: u64,
}

impl Notification {
    pub(crate) fn new(tool_call_id: ToolCallId, state: ToolCallState) -> Self {
        Self { tool_call_id, state, missed: 0 }
    }

    /// Makes room in a full backlog by forgetting the oldest one, and leaves a note of that.
    pub(crate) fn displace_oldest(self, backlog: &mut VecDeque<Self>) {
        let oldest = backlog.pop_front();
        backlog.push_back(self);
        if let (Some(lost), Some(next)) = (oldest, backlog.front_mut()) {
            next.missed += lost.missed + 1;
        }
    }
}

impl Item for Notification {
    fn mailboxes(state: &mut State) -> &mut Mailboxes<Self> {
        &mut state.notifications
    }
}

/// How the permissions of tool calls go: what the list of calls on a screen reads.
///
/// A call that people are asked about is [`PermissionPending`], and later granted, denied or
/// cancelled. A call that a hook, its session or an earlier grant lets through is
/// [`PermissionGranted`] straight away. What skip mode and the allow-list let through, and asks
/// without a call id, are not reported.
///
/// Unlike a [`Subscription`], it starts with nothing, and a slow reader misses the oldest
/// notifications, which [`Notification::missed`] counts. It ends, and is freed, like one.
///
/// [`PermissionPending`]: ToolCallState::PermissionPending
/// [`PermissionGranted`]: ToolCallState::PermissionGranted
/// [`Subscription`]: crate::Subscription
#[derive(Debug)]
#[must_use = "a stream that is dropped at once sees nothing"]
pub struct Notifications {
    inbox: Inbox<Notification>,
}

impl Notifications {
    pub(crate) fn open(shared: &Arc<Shared>, scope: &CancellationToken) -> Self {
        let inbox = Inbox::open(shared, scope, |_| VecDeque::new());
        Self { inbox }
    }

    /// Waits for the next notification. `None` is the end: there will never be another one.
    ///
    /// # Cancel safety
    ///
    /// A notification is taken out and returned in one poll, so dropping this future loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use permission_core::{Ask, PermissionService, ToolCallState};
    /// use tokio_util::sync::CancellationToken;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), permission_core::RequestError> {
    /// let service = PermissionService::new("/repo", false, ["view"]);
    /// let mut calls = service.notifications(CancellationToken::new());
    ///
    /// let ask = Ask::new("session-1", "bash", "execute").tool_call("call-1");
    /// let decision = service.request(ask.hook_approval("call-1")).await?;
    /// assert!(decision.is_allowed());
    ///
    /// let first = calls.next().await.expect("the service is running");
    /// assert_eq!(first.state, ToolCallState::PermissionGranted);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<Notification> {
        self.inbox.next().await
    }

    /// The next notification if there is one right now. `None` may be the end, or just a pause.
    pub fn try_next(&mut self) -> Option<Notification> {
        self.inbox.try_next()
    }
}
