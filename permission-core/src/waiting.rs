//! The requester's side of a request.

use std::future::{Future, pending};
use std::sync::Arc;

use tokio::time::sleep_until;

use crate::pending::Answer;
use crate::shared::Shared;
use crate::state::{Admission, Company};
use crate::{Ask, Closed, DecidedBy, PermissionRequest};

/// Asks, and waits until the request is closed by whoever is first: an answer, a change of the
/// settings, the clock, or `cancelled`.
pub(crate) async fn request(
    shared: Arc<Shared>,
    ask: Ask,
    cancelled: impl Future<Output = ()>,
) -> Answer {
    let (request, mut answer) = match shared.open(ask)? {
        Admission::Settled(decision) => return Ok(decision),
        Admission::Waiting(request, answer) => (request, answer),
    };
    let waiting = Waiting { shared, request };
    let received = tokio::select! {
        biased;
        received = &mut answer => received,
        // Either this closes the request, and the outcome comes back as its answer, or somebody was
        // quicker, and theirs is the answer. All sides agree on it, in both cases.
        () = waiting.end(cancelled) => (&mut answer).await,
    };
    // Only a transition that panicked drops a sender. It has allowed nothing.
    received.unwrap_or_else(|_| Closed::ShutDown.into_answer())
}

/// A request that somebody waits for. Dropping it withdraws the request, if it is still open.
struct Waiting {
    shared: Arc<Shared>,
    request: Arc<PermissionRequest>,
}

impl Waiting {
    /// Ends the wait, in time, without an answer.
    async fn end(&self, cancelled: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = cancelled => self.close(Closed::Cancelled),
            () = self.expiry() => self.close(Closed::denied(DecidedBy::Timeout)),
            () = self.left_alone() => {}
        }
    }

    async fn expiry(&self) {
        match self.request.expires_at {
            Some(deadline) => sleep_until(deadline).await,
            None => pending().await,
        }
    }

    /// Waits until nobody has been there for too long, and then has denied the request.
    async fn left_alone(&self) {
        loop {
            // Made before the look, it misses nobody who comes right after.
            let arrival = self.shared.arrivals.notified();
            match self.shared.with(|state| state.keep_company(&self.request)) {
                None => return,
                Some(Company::NotNeeded) => pending().await,
                Some(Company::Present(scope)) => scope.cancelled().await,
                Some(Company::AbsentUntil(deadline)) => tokio::select! {
                    biased;
                    () = arrival => {}
                    () = sleep_until(deadline) => {}
                },
            }
        }
    }

    fn close(&self, outcome: Closed) {
        let id = self.request.id;
        self.shared.with(|state| state.close(id, outcome));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.close(Closed::Withdrawn);
    }
}
