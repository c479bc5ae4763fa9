//! A request as people see it, with the answers it offers.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{Ask, Grant, OfferId, RequestId, Subject};

/// One question to the people at the screen.
///
/// It never changes: what was shown is what an allowed call must execute, which is why
/// [`Decision::Allowed`](crate::Decision::Allowed) hands it back.
#[derive(Debug)]
#[non_exhaustive]
pub struct PermissionRequest {
    /// Its identity, never used twice.
    pub id: RequestId,
    /// Its place in the order of all requests of this service. Show prompts by it.
    pub seq: u64,
    /// What is asked, with relative paths made absolute.
    pub ask: Ask,
    /// When it was opened.
    pub opened_at: Instant,
    /// When it is denied if nobody has answered, or `None` if it waits for ever. From then on it is
    /// never allowed, whether its requester is polled or not.
    pub expires_at: Option<Instant>,
    /// The ways to allow it. Empty if nobody had to be asked.
    pub offers: Vec<Offer>,
}

impl PermissionRequest {
    /// The offer to allow this request and nothing else, if there is one.
    #[must_use]
    pub fn once_allow(&self) -> Option<OfferId> {
        self.offer_of(|kind| matches!(kind, OfferKind::OnceAllow))
    }

    /// The offer to allow this request and all like it for the rest of the session, if there is
    /// one.
    #[must_use]
    pub fn session_allow(&self) -> Option<OfferId> {
        self.offer_of(|kind| matches!(kind, OfferKind::SessionAllow(_)))
    }

    /// Whether its time is up, be it that its requester has not noticed yet.
    pub(crate) fn is_overdue(&self) -> bool {
        self.expires_at.is_some_and(|deadline| deadline <= Instant::now())
    }

    pub(crate) fn offer(&self, id: OfferId) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.id == id)
    }

    pub(crate) fn mint_offers(&mut self, subjects: Arc<[Subject]>) {
        let kinds = [OfferKind::OnceAllow, OfferKind::SessionAllow(Grant::of(&self.ask, subjects))];
        self.offers = (0..)
            .zip(kinds)
            .map(|(index, kind)| Offer { id: OfferId::new(self.id, index), kind })
            .collect();
    }

    fn offer_of(&self, wanted: impl Fn(&OfferKind) -> bool) -> Option<OfferId> {
        let offer = self.offers.iter().find(|offer| wanted(&offer.kind))?;
        Some(offer.id)
    }
}

/// A way to allow a request. Only the service makes offers, so no answer can allow more than what
/// was shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Offer {
    /// What an answer names.
    pub id: OfferId,
    /// What accepting it means.
    pub kind: OfferKind,
}

/// What accepting an [`Offer`] means.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OfferKind {
    /// Allow this request and nothing else.
    OnceAllow,
    /// Allow this request and record the grant, which lasts until the session ends.
    ///
    /// If a grant of the same scope is in force by then (two requests for the same may wait at
    /// once), that one stands for both, and the id of this one is never in force. What is in force
    /// is in [`grants`](crate::PermissionService::grants).
    SessionAllow(Grant),
}
