//! The stream for those who answer.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::Event;
use crate::mailbox::{Inbox, Item, Mailboxes};
use crate::shared::Shared;
use crate::state::State;

impl Item for Event {
    fn mailboxes(state: &mut State) -> &mut Mailboxes<Self> {
        &mut state.events
    }
}

/// The prompts to show and to take away again, in order: what a user interface reads.
///
/// It starts with what is waiting already. Then, for each request, [`Event::Opened`] comes before
/// the one [`Event::Closed`], unless an [`Event::Resync`] came between. Requests that nobody has to
/// decide do not show up at all.
///
/// The stream ends when its scope is cancelled (at once) or the service shuts down (after what was
/// still to read). Dropping it frees its place; so does cancelling its scope, with nobody polling.
/// It does not keep the service alive.
#[derive(Debug)]
#[must_use = "a subscription that is dropped at once sees nothing"]
pub struct Subscription {
    inbox: Inbox<Event>,
}

impl Subscription {
    pub(crate) fn open(shared: &Arc<Shared>, scope: &CancellationToken) -> Self {
        let inbox = Inbox::open(shared, scope, |state| state.backlog());
        // Requests that waited for somebody to come now see to it that somebody stays.
        shared.arrivals.notify_waiters();
        Self { inbox }
    }

    /// Waits for the next event. `None` is the end: there will never be another one.
    ///
    /// # Cancel safety
    ///
    /// An event is taken out and returned in one poll, so dropping this future loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use permission_core::PermissionService;
    /// use tokio_util::sync::CancellationToken;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let service = PermissionService::new("/repo", false, ["view"]);
    /// let mut prompts = service.subscribe(CancellationToken::new());
    /// service.shutdown();
    /// assert!(prompts.next().await.is_none());
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<Event> {
        self.inbox.next().await
    }

    /// The next event if there is one right now. `None` may be the end, or just a pause.
    pub fn try_next(&mut self) -> Option<Event> {
        self.inbox.try_next()
    }
}
