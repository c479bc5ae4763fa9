//! A task of somebody else's crate.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use permission_core::PermissionService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A server tells how many prompts are open, and is aborted when the test has what it wants.
///
/// For a graceful shutdown axum spawns a task of its own that waits for the signal; aborting the
/// server does not reach that one, and the signal never comes. Giving the signal ends both.
///
/// # Errors
///
/// If there is no port to listen on, or the server does not answer.
pub async fn bad() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let signal = stop.clone().cancelled_owned();
    let server = tokio::spawn(async move {
        axum::serve(listener, routes()).with_graceful_shutdown(signal).await
    });

    assert!(fetch(address, "/pending").await?.ends_with("0 open prompts"));
    server.abort();
    let _ended = server.await;
    Ok(())
}

/// [`bad`], with a server that is told to stop.
///
/// # Errors
///
/// As for [`bad`].
pub async fn good() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let signal = stop.clone().cancelled_owned();
    let server = tokio::spawn(async move {
        axum::serve(listener, routes()).with_graceful_shutdown(signal).await
    });

    assert!(fetch(address, "/pending").await?.ends_with("0 open prompts"));
    stop.cancel();
    let _ended = server.await;
    Ok(())
}

fn routes() -> Router {
    let service = PermissionService::new("/repo", false, ["view"]);
    Router::new().route("/pending", get(pending)).with_state(service)
}

async fn pending(State(service): State<PermissionService>) -> String {
    format!("{} open prompts", service.pending().len())
}

/// The response to a GET, headers and all.
async fn fetch(server: SocketAddr, path: &str) -> io::Result<String> {
    let mut connection = TcpStream::connect(server).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    connection.read_to_string(&mut response).await?;
    Ok(response)
}
