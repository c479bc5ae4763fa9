//! Numbers that say whether anything was left behind.

/// What a service holds and what it has done, all of it as of one moment.
///
/// A service at rest has `pending == 0` and `opened == closed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests that wait for an answer.
    pub pending: usize,
    /// Live [`Subscription`](crate::Subscription)s.
    pub subscribers: usize,
    /// Live [`Notifications`](crate::Notifications) streams.
    pub listeners: usize,
    /// Grants in force.
    pub grants: usize,
    /// Requests that people were asked about, so far.
    pub opened: u64,
    /// Those of them that are over.
    pub closed: u64,
    /// Backlogs that were replaced by an [`Event::Resync`](crate::Event::Resync).
    pub resyncs: u64,
}
