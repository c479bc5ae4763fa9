//! A subscriber that nobody closes.

use permission_core::{Ask, Event, PermissionService, Subscription};
use tokio_util::sync::CancellationToken;

/// A screen shows prompts and answers them, for as long as its window is open.
///
/// The window's token is dropped at the end, and dropping a token cancels nothing; nor does the
/// service end the stream, because the screen itself holds a handle that keeps it alive. A
/// [`DropGuard`](tokio_util::sync::DropGuard) closes the window however the test ends.
pub async fn bad() {
    let service = PermissionService::new("/repo", false, ["view"]);
    let window = CancellationToken::new();
    let prompts = service.subscribe(window.clone());
    tokio::spawn(show(prompts, service.clone()));

    let ask = Ask::new("session-1", "edit", "write").path("src/main.rs");
    assert!(service.request(ask).await.is_ok_and(|decision| decision.is_allowed()));
}

/// [`bad`], with a window that is closed.
pub async fn good() {
    let service = PermissionService::new("/repo", false, ["view"]);
    let window = CancellationToken::new();
    let prompts = service.subscribe(window.clone());
    let _open = window.drop_guard();
    tokio::spawn(show(prompts, service.clone()));

    let ask = Ask::new("session-1", "edit", "write").path("src/main.rs");
    assert!(service.request(ask).await.is_ok_and(|decision| decision.is_allowed()));
}

async fn show(mut prompts: Subscription, service: PermissionService) {
    while let Some(event) = prompts.next().await {
        if let Event::Opened(request) = event {
            service.grant(request.id);
        }
    }
}
