//! Standing permissions.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Ask, GrantId, SessionId, Subject};

/// A standing permission that a person gave.
///
/// It is a conjunction: it covers an ask of the same session, tool and action which names exactly
/// the same subjects, all of them together, in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// Its identity, for [`revoke`](crate::PermissionService::revoke).
    pub id: GrantId,
    /// The tool that may act.
    pub tool: Arc<str>,
    /// What the tool may do.
    pub action: Arc<str>,
    session: SessionId,
    /// A set: see [`Ask::subject_set`].
    subjects: Arc<[Subject]>,
}

impl Grant {
    /// The grant that covers `ask`, whose set of subjects is `subjects`, and no more than that.
    pub(crate) fn of(ask: &Ask, subjects: Arc<[Subject]>) -> Self {
        Self {
            id: GrantId::mint(),
            session: ask.session.clone(),
            tool: Arc::clone(&ask.tool),
            action: Arc::clone(&ask.action),
            subjects,
        }
    }

    /// The session it holds in and ends with. A grant that outlives its session would have none.
    #[must_use]
    pub fn session(&self) -> Option<&SessionId> {
        Some(&self.session)
    }

    /// What the tool may do it to: all of these together, in order, and each of them once.
    #[must_use]
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// Whether the grant allows `ask`, whose paths are to be absolute.
    #[must_use]
    pub fn covers(&self, ask: &Ask) -> bool {
        self.session == ask.session && self.permits(&ask.tool, &ask.action, &ask.subject_set())
    }

    fn permits(&self, tool: &str, action: &str, subjects: &[Subject]) -> bool {
        *self.tool == *tool && *self.action == *action && *self.subjects == *subjects
    }
}

/// All recorded grants, by session, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    by_session: BTreeMap<SessionId, Vec<Grant>>,
}

impl Grants {
    /// The grant that covers `ask`, whose set of subjects is `subjects`.
    pub(crate) fn covering(&self, ask: &Ask, subjects: &[Subject]) -> Option<GrantId> {
        let grants = self.by_session.get(&ask.session)?;
        let grant = grants.iter().find(|grant| grant.permits(&ask.tool, &ask.action, subjects))?;
        Some(grant.id)
    }

    /// Records `grant`, unless one of the same scope is there: then revoking that one revokes all.
    pub(crate) fn record(&mut self, grant: &Grant) {
        let grants = self.by_session.entry(grant.session.clone()).or_default();
        let known = |it: &Grant| it.permits(&grant.tool, &grant.action, &grant.subjects);
        if !grants.iter().any(known) {
            grants.push(grant.clone());
        }
    }

    pub(crate) fn revoke(&mut self, id: GrantId) -> bool {
        let before = self.len();
        self.by_session.retain(|_, grants| {
            grants.retain(|grant| grant.id != id);
            !grants.is_empty()
        });
        self.len() < before
    }

    pub(crate) fn end_session(&mut self, session: &SessionId) {
        self.by_session.remove(session);
    }

    pub(crate) fn to_vec(&self) -> Vec<Grant> {
        self.by_session.values().flatten().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_session.values().map(Vec::len).sum()
    }
}
