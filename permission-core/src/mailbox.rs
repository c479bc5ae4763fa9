//! The fan-out: one bounded backlog per subscriber, all of them behind the service's lock.
//!
//! # Invariants
//!
//! 1. Publishing never waits. A full backlog is the overflow rule's business, not the publisher's.
//! 2. Every mailbox gets the items in the order of publication, which is the order of the lock.
//! 3. A mailbox whose scope is cancelled counts for nothing, and is gone after the next look at the
//!    mailboxes, whether its subscriber ever polls or not.
//! 4. Nobody is woken under the lock: signals go through the [`Outbox`].

use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::shared::{Outbox, Shared};
use crate::state::State;

#[derive(Debug)]
pub(crate) struct Mailboxes<T> {
    capacity: NonZeroUsize,
    boxes: BTreeMap<u64, Mailbox<T>>,
    next_key: u64,
    last_left: Option<Instant>,
    closed: bool,
}

#[derive(Debug)]
struct Mailbox<T> {
    backlog: VecDeque<T>,
    scope: CancellationToken,
    signal: Arc<Notify>,
}

/// What a look into a mailbox finds.
enum Look<T> {
    Item(T),
    Nothing,
    Ended,
}

impl<T: Clone> Mailboxes<T> {
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Self { capacity, boxes: BTreeMap::new(), next_key: 0, last_left: None, closed: false }
    }

    /// Gives `item` to every subscriber. Where the backlog is full, `overflow` does, and makes room.
    pub(crate) fn publish(
        &mut self,
        item: &T,
        outbox: &mut Outbox,
        mut overflow: impl FnMut(&mut VecDeque<T>, T),
    ) {
        self.prune();
        for mailbox in self.boxes.values_mut() {
            if mailbox.backlog.len() < self.capacity.get() {
                mailbox.backlog.push_back(item.clone());
            } else {
                overflow(&mut mailbox.backlog, item.clone());
            }
            outbox.signal(&mailbox.signal);
        }
    }

    /// Lets all subscribers read what they have, and then ends their streams.
    pub(crate) fn close(&mut self, outbox: &mut Outbox) {
        self.closed = true;
        for mailbox in self.boxes.values() {
            outbox.signal(&mailbox.signal);
        }
    }

    /// The scope of some subscriber who is there.
    pub(crate) fn attendant(&mut self) -> Option<&CancellationToken> {
        self.prune();
        let mailbox = self.boxes.values().next()?;
        Some(&mailbox.scope)
    }

    /// When a subscriber was last seen to be gone.
    pub(crate) fn last_left(&self) -> Option<Instant> {
        self.last_left
    }

    pub(crate) fn len(&mut self) -> usize {
        self.prune();
        if self.closed { 0 } else { self.boxes.len() }
    }

    /// How many items would fit into an empty mailbox.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity.get()
    }

    fn insert(&mut self, mailbox: Mailbox<T>) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        if !self.closed && !mailbox.scope.is_cancelled() {
            self.boxes.insert(key, mailbox);
        }
        key
    }

    fn look(&mut self, key: u64) -> Look<T> {
        let Some(mailbox) = self.boxes.get_mut(&key) else {
            return Look::Ended;
        };
        if !mailbox.scope.is_cancelled() {
            if let Some(item) = mailbox.backlog.pop_front() {
                return Look::Item(item);
            }
            if !self.closed {
                return Look::Nothing;
            }
        }
        self.remove(key);
        Look::Ended
    }

    fn remove(&mut self, key: u64) {
        if self.boxes.remove(&key).is_some() {
            self.last_left = Some(Instant::now());
        }
    }

    fn prune(&mut self) {
        let before = self.boxes.len();
        self.boxes.retain(|_, mailbox| !mailbox.scope.is_cancelled());
        if self.boxes.len() < before {
            self.last_left = Some(Instant::now());
        }
    }
}

/// What can be subscribed to: says where in the state its mailboxes are.
pub(crate) trait Item: Clone {
    fn mailboxes(state: &mut State) -> &mut Mailboxes<Self>;
}

/// The reading end of a mailbox.
#[derive(Debug)]
pub(crate) struct Inbox<T: Item> {
    shared: Arc<Shared>,
    key: u64,
    scope: CancellationToken,
    signal: Arc<Notify>,
    _item: PhantomData<fn() -> T>,
}

impl<T: Item> Inbox<T> {
    /// Opens a mailbox with `backlog` in it, in one step with what `backlog` looks at.
    pub(crate) fn open(
        shared: &Arc<Shared>,
        scope: &CancellationToken,
        backlog: impl FnOnce(&mut State) -> VecDeque<T>,
    ) -> Self {
        // A child: it ends with the subscriber's scope, or else with this inbox.
        let scope = scope.child_token();
        let signal = Arc::new(Notify::new());
        let key = shared.with(|state| {
            let mailbox = Mailbox {
                backlog: backlog(state),
                scope: scope.clone(),
                signal: Arc::clone(&signal),
            };
            T::mailboxes(state).insert(mailbox)
        });
        Self { shared: Arc::clone(shared), key, scope, signal, _item: PhantomData }
    }

    /// The next item, or `None` once the stream has ended. Cancel safe: an item is taken and
    /// returned in one poll.
    pub(crate) async fn next(&mut self) -> Option<T> {
        loop {
            match self.look() {
                Look::Item(item) => return Some(item),
                Look::Ended => return None,
                Look::Nothing => {}
            }
            tokio::select! {
                biased;
                () = self.scope.cancelled() => {}
                () = self.signal.notified() => {}
            }
        }
    }

    pub(crate) fn try_next(&mut self) -> Option<T> {
        match self.look() {
            Look::Item(item) => Some(item),
            Look::Nothing | Look::Ended => None,
        }
    }

    fn look(&self) -> Look<T> {
        let key = self.key;
        self.shared.with(|state| T::mailboxes(state).look(key))
    }
}

impl<T: Item> Drop for Inbox<T> {
    fn drop(&mut self) {
        let key = self.key;
        self.shared.with(|state| T::mailboxes(state).remove(key));
        // Whoever counts on this subscriber to be there looks again.
        self.scope.cancel();
    }
}
