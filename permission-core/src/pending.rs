//! The requests that wait for an answer.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::{Decision, PermissionRequest, RequestError, RequestId};

/// What a requester is told in the end.
pub(crate) type Answer = Result<Decision, RequestError>;

/// A request, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) request: Arc<PermissionRequest>,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// All waiting requests. Whoever takes one out decides it, and nobody else can.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    waiters: HashMap<RequestId, Waiter>,
}

impl Pending {
    pub(crate) fn insert(&mut self, request: Arc<PermissionRequest>) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        self.waiters.insert(request.id, Waiter { request, answer });
        receiver
    }

    pub(crate) fn get(&self, id: RequestId) -> Option<&Arc<PermissionRequest>> {
        Some(&self.waiters.get(&id)?.request)
    }

    pub(crate) fn take(&mut self, id: RequestId) -> Option<Waiter> {
        self.waiters.remove(&id)
    }

    /// All of them, by `seq`.
    pub(crate) fn snapshot(&self) -> Vec<Arc<PermissionRequest>> {
        let requests = self.waiters.values().map(|waiter| &waiter.request);
        let mut requests: Vec<_> = requests.cloned().collect();
        requests.sort_unstable_by_key(|request| request.seq);
        requests
    }

    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }
}
