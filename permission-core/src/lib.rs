//! The permission service of an AI coding agent: tool calls ask, people answer, nothing leaks.
//!
//! A tool that wants to act [asks](PermissionService::request) and waits. User interfaces
//! [subscribe](PermissionService::subscribe) to the prompts and [answer](PermissionService::respond)
//! them. The first answer wins, everybody is told of it, and a waiting request always ends: by an
//! answer, by its caller, by the clock, or with its session or the service.
//!
//! ```
//! use permission_core::{Ask, Event, PermissionService, Response};
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = PermissionService::new("/repo", false, ["view"]);
//!
//! // The screen: shows what it is told of, and answers by id.
//! let window = CancellationToken::new();
//! let mut prompts = service.subscribe(window.clone());
//! let screen = async {
//!     while let Some(event) = prompts.next().await {
//!         if let Event::Opened(request) = event {
//!             let offer = request.session_allow().expect("always on offer");
//!             service.respond(request.id, Response::Allow { offer })?;
//!         }
//!     }
//!     Ok::<(), permission_core::RespondError>(())
//! };
//!
//! // The tool: asks, and acts only if it may.
//! let tool = async {
//!     let ask = || Ask::new("session-1", "edit", "write").path("src/main.rs");
//!     assert!(service.request(ask()).await?.is_allowed());
//!     // Granted for the session: nobody is asked again.
//!     assert!(service.request(ask()).await?.is_allowed());
//!     window.cancel();
//!     Ok::<(), permission_core::RequestError>(())
//! };
//!
//! let (shown, acted) = tokio::join!(screen, tool);
//! shown?;
//! acted?;
//! assert_eq!(service.stats().opened, 1);
//! assert_eq!(service.stats().pending, 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//!
//! 1. **One answer.** At most one takes effect. [`respond`](PermissionService::respond) returns `Ok`
//!    to it alone, and the requester, the subscribers and the recorded grants agree with it, also
//!    when it races a cancellation.
//! 2. **No lost prompt.** Who is subscribed at any time while a request waits is told of it, late
//!    subscribers included. One whose backlog overflows gets a [`Resync`](Event::Resync) in its
//!    place, with all that still waits.
//! 3. **Order.** Each subscriber hears of everything in the order in which it happened: opened
//!    before closed, and closed once, unless a resync came between. Backlogs are bounded, and
//!    publishing never waits.
//! 4. **Grants first.** A grant is in force before its request is seen as closed, and that is
//!    published before the requester goes on.
//! 5. **Cancel safe.** Dropping any future of this crate at any point leaves nothing behind. A
//!    request that was never polled has never been.
//! 6. **Fail closed.** Timeouts, a missing audience, a shutdown, a lock poisoned by a panic: nothing
//!    but a rule or a person ever allows.
//! 7. **Nothing lingers.** No task is ever started. A subscriber is freed when it is
//!    dropped, when its scope is cancelled (whether or not it is polled), and by a shutdown.
//! 8. **Denied is not cancelled**, and neither is ever reported as the other.
//! 9. **No I/O**, and no await, under the lock.
//!
//! # Limitations and caveats
//!
//! - Paths are compared part by part, without a look at the disk. A `.` and slashes that are
//!   repeated or trail make no difference. Links are not followed and `..` is not folded: a file
//!   that is named in two such ways is two subjects.
//! - A timeout or a [grace period](Attendance::Grace) needs tokio's timer. Nothing else needs a
//!   runtime: any executor will do.
//! - Answers are not authenticated. Whoever holds a handle can answer.

mod allow_list;
mod ask;
mod builder;
mod decision;
mod event;
mod grant;
mod ids;
mod mailbox;
mod notifications;
mod pending;
mod request;
mod service;
mod shared;
mod state;
mod stats;
mod subscription;
mod sync;
mod tool_call;
mod waiting;

pub use self::ask::{Ask, InvalidAsk, Subject};
pub use self::builder::{Attendance, Builder};
pub use self::decision::{DecidedBy, Decision, RequestError, RespondError, Response, Verdict};
pub use self::event::{Closed, Event};
pub use self::grant::Grant;
pub use self::ids::{GrantId, InvalidId, OfferId, RequestId, SessionId, ToolCallId};
pub use self::notifications::{Notification, Notifications};
pub use self::request::{Offer, OfferKind, PermissionRequest};
pub use self::service::PermissionService;
pub use self::stats::Stats;
pub use self::subscription::Subscription;
pub use self::tool_call::{ResultState, ToolCallState, UnknownState};
