//! A response that nobody sends.

use std::time::Duration;

use permission_core::{Ask, Attendance, PermissionService};
use tokio::time::timeout;

/// How long the agent waits for a tool call.
const PATIENCE: Duration = Duration::from_millis(20);

/// An agent runs without a screen, and one of its tool calls asks for permission.
///
/// The request waits for somebody to connect and answer, which nobody will; the agent does stop
/// waiting, but that only drops the call's `JoinHandle`, and a detached task goes on. Told that
/// nobody attends it, the service denies at once, and the call ends.
pub async fn bad() {
    let service = PermissionService::builder().allow(["view"]);
    let call = tokio::spawn(write_file(service.build()));
    let _answer = timeout(PATIENCE, call).await;
}

/// [`bad`], with a service that knows what to say when nobody is there.
pub async fn good() {
    let service = PermissionService::builder().allow(["view"]);
    let service = service.attendance(Attendance::Unattended);
    let call = tokio::spawn(write_file(service.build()));
    let _answer = timeout(PATIENCE, call).await;
}

/// The tool. Says whether it has written.
async fn write_file(service: PermissionService) -> bool {
    let ask = Ask::new("session-1", "edit", "write").path("src/main.rs");
    service.request(ask).await.is_ok_and(|decision| decision.is_allowed())
}
