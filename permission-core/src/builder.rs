//! How a service is set up.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::PermissionService;
use crate::allow_list::AllowList;
use crate::shared::Shared;
use crate::state::State;
use crate::sync::Mutex;

const DEFAULT_QUEUE_CAPACITY: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Sets up a [`PermissionService`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use permission_core::{Attendance, PermissionService};
///
/// let service = PermissionService::builder()
///     .working_dir("/repo")
///     .allow(["view", "bash:list"])
///     .attendance(Attendance::Grace(Duration::from_secs(30)))
///     .timeout(Duration::from_secs(600))
///     .build();
/// assert!(!service.skip());
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    working_dir: PathBuf,
    skip: bool,
    allow_list: AllowList,
    attendance: Attendance,
    timeout: Option<Duration>,
    queue_capacity: NonZeroUsize,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            working_dir: PathBuf::new(),
            skip: false,
            allow_list: AllowList::default(),
            attendance: Attendance::Attended,
            timeout: None,
            queue_capacity: DEFAULT_QUEUE_CAPACITY,
        }
    }

    /// Where relative paths of asks start; an absolute path. Without it they stay as they are.
    pub fn working_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.working_dir = path.into();
        self
    }

    /// Starts in skip mode, in which everything is allowed. Off by default.
    pub fn skip(mut self, on: bool) -> Self {
        self.skip = on;
        self
    }

    /// Adds to what is allowed without asking: `tool` for all that a tool does, `tool:action` for
    /// one thing. Both halves must match in full; an entry with an empty one matches nothing.
    pub fn allow(mut self, entries: impl IntoIterator<Item: Into<String>>) -> Self {
        for entry in entries {
            self.allow_list.insert(&entry.into());
        }
        self
    }

    /// What becomes of a request when nobody is connected. It waits, by default.
    pub fn attendance(mut self, attendance: Attendance) -> Self {
        self.attendance = attendance;
        self
    }

    /// How long people may take to answer until a request is denied. For ever, by default. An ask
    /// may bring its own, [`Ask::timeout`](crate::Ask::timeout).
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// How many events are kept for a subscriber who does not read them, 256 by default. What
    /// happens beyond that is said at [`Event::Resync`](crate::Event::Resync) and
    /// [`Notification::missed`](crate::Notification::missed).
    pub fn queue_capacity(mut self, capacity: NonZeroUsize) -> Self {
        self.queue_capacity = capacity;
        self
    }

    /// The service. It starts nothing in the background and needs no runtime by itself.
    #[must_use]
    pub fn build(self) -> PermissionService {
        let grace = self.attendance.grace();
        let state = State::new(self.skip, self.allow_list, grace, self.queue_capacity);
        PermissionService::from(Arc::new(Shared {
            working_dir: self.working_dir,
            timeout: self.timeout,
            arrivals: Notify::new(),
            state: Mutex::new(state),
        }))
    }
}

/// What becomes of a request while nobody is [subscribed](PermissionService::subscribe) who could
/// answer it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attendance {
    /// It waits: people come back, and are then shown what they missed.
    #[default]
    Attended,
    /// It is denied at once, also if the last subscriber leaves while it waits.
    Unattended,
    /// It is denied once nobody has been there for so long.
    Grace(Duration),
}

impl Attendance {
    /// How long a request may wait alone; `None` is for ever.
    pub(crate) fn grace(self) -> Option<Duration> {
        match self {
            Self::Attended => None,
            Self::Unattended => Some(Duration::ZERO),
            Self::Grace(grace) => Some(grace),
        }
    }
}
