//! A worker without an exit.

use std::time::Duration;

use permission_core::{Ask, Event, PermissionService, Subscription};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

/// How often the screen is drawn.
const FRAME: Duration = Duration::from_millis(16);

/// A screen is redrawn frame by frame, as terminal interfaces do it.
///
/// Its window is closed in the end, and its subscription with it, but the loop never looks at
/// either: to `try_next`, a stream that is over is just another frame without news. A loop that
/// also waits for the token ends with the window.
pub async fn bad() {
    let service = PermissionService::new("/repo", false, ["view"]);
    let window = CancellationToken::new();
    let _open = window.clone().drop_guard();
    let screen = service.clone();
    let redraw = async move {
        let mut prompts = screen.subscribe(window.clone());
        let mut frames = interval(FRAME);
        loop {
            frames.tick().await;
            draw(&mut prompts, &screen);
        }
    };
    tokio::spawn(redraw);

    let ask = Ask::new("session-1", "edit", "write").path("src/main.rs");
    assert!(service.request(ask).await.is_ok_and(|decision| decision.is_allowed()));
}

/// [`bad`], with a loop that ends when the window is closed.
pub async fn good() {
    let service = PermissionService::new("/repo", false, ["view"]);
    let window = CancellationToken::new();
    let _open = window.clone().drop_guard();
    let screen = service.clone();
    let redraw = async move {
        let mut prompts = screen.subscribe(window.clone());
        let mut frames = interval(FRAME);
        while window.run_until_cancelled(frames.tick()).await.is_some() {
            draw(&mut prompts, &screen);
        }
    };
    tokio::spawn(redraw);

    let ask = Ask::new("session-1", "edit", "write").path("src/main.rs");
    assert!(service.request(ask).await.is_ok_and(|decision| decision.is_allowed()));
}

fn draw(prompts: &mut Subscription, service: &PermissionService) {
    while let Some(event) = prompts.try_next() {
        if let Event::Opened(request) = event {
            service.grant(request.id);
        }
    }
}
