//! The table of libraries: what their tasks run, and how each wants to be closed.

use super::cause::Cause;

/// A library's tasks.
#[derive(Debug)]
pub(super) struct Daemon {
    /// The packages whose code calls `spawn`.
    pub(super) packages: &'static [&'static str],
    /// What the tasks run that it spawns, by the beginning of the future's path.
    pub(super) runs: &'static [&'static str],
    /// What tells a task of it wherever in the await tree it stands: the user spawned it.
    pub(super) drives: &'static [&'static str],
    /// What such a future does, if that is the whole story.
    pub(super) story: Option<(Cause, &'static str)>,
    /// What the library's user has to do.
    pub(super) way_out: &'static str,
}

const DAEMON: Daemon = Daemon { packages: &[], runs: &[], drives: &[], story: None, way_out: "" };

const CLIENT: &str = "drop every clone of the client (reqwest's, tonic's, hyper-util's) before the test ends; one in a \
     static never ends";

/// The more special first: the first that fits is taken.
pub(super) const DAEMONS: [Daemon; 18] = [
    Daemon {
        runs: &["kube_client"],
        packages: &["kube-client"],
        way_out: "drop every clone of the kube `Client` before the test ends",
        ..DAEMON
    },
    Daemon {
        runs: &["tonic::transport::channel"],
        way_out: "drop every clone of the tonic `Channel` and of the clients made of it",
        ..DAEMON
    },
    Daemon {
        runs: &["tonic::transport::server"],
        drives: &["tonic::transport::server::Router", "tonic::transport::server::Server"],
        packages: &["tonic"],
        way_out: "use `serve_with_shutdown`, fire its signal and await the server",
        ..DAEMON
    },
    Daemon {
        runs: &["axum::serve"],
        drives: &["axum::serve"],
        packages: &["axum"],
        way_out: "use `axum::serve(..).with_graceful_shutdown(..)`, fire its signal and await the server; \
                  to abort it leaves its connections",
        ..DAEMON
    },
    Daemon {
        runs: &["hyper_util::client::legacy::pool"],
        story: Some((Cause::OpenConnection, "looks after the pool of a hyper-util client")),
        way_out: CLIENT,
        ..DAEMON
    },
    Daemon {
        runs: &["hyper_util::client", "hyper::client", "hyper::proto::h2::client"],
        drives: &[
            "hyper::client::conn::http1::Connection",
            "hyper::client::conn::http1::upgrades",
            "hyper::client::conn::http2::Connection",
        ],
        story: Some((
            Cause::OpenConnection,
            "drives a connection of an HTTP client, and that is not closed",
        )),
        way_out: CLIENT,
        ..DAEMON
    },
    Daemon {
        runs: &["hyper_util::server", "hyper::server", "hyper::proto::h2::server"],
        way_out: "close the client's side of the connection, or shut the server down gracefully and await it",
        ..DAEMON
    },
    Daemon { packages: &["hyper-util"], way_out: CLIENT, ..DAEMON },
    Daemon {
        runs: &["tower::buffer"],
        packages: &["tower"],
        way_out: "drop every clone of the buffered service before the test ends",
        ..DAEMON
    },
    Daemon {
        runs: &["sqlx_core::pool"],
        packages: &["sqlx-core"],
        way_out: "call `pool.close().await`, or drop every clone of the pool, before the test ends",
        ..DAEMON
    },
    Daemon {
        runs: &["bb8::"],
        packages: &["bb8"],
        way_out: "drop every clone of the pool, and set a short `reaper_rate`: the reaper ends at its first \
                  tick after that",
        ..DAEMON
    },
    Daemon {
        drives: &["tokio_postgres::connection::Connection"],
        story: Some((
            Cause::OpenConnection,
            "drives a connection of a tokio-postgres `Client`, and that is not closed",
        )),
        way_out: "drop the tokio-postgres `Client`, then await the task that drives its connection",
        ..DAEMON
    },
    Daemon {
        runs: &["redis::"],
        packages: &["redis"],
        story: Some((
            Cause::OpenConnection,
            "drives a connection of a redis client, and that is not closed",
        )),
        way_out: "drop every clone of the redis connection (or ConnectionManager) before the test ends",
        ..DAEMON
    },
    Daemon {
        runs: &["hickory_net::", "hickory_proto::", "hickory_resolver::"],
        packages: &["hickory-net", "hickory-proto", "hickory-resolver"],
        way_out: "drop the hickory resolver and every clone of it before the test ends",
        ..DAEMON
    },
    Daemon {
        runs: &["opentelemetry_sdk::"],
        packages: &["opentelemetry_sdk"],
        way_out: "call `shutdown()` on the OpenTelemetry provider before the test ends",
        ..DAEMON
    },
    Daemon {
        runs: &["quinn::connection::ConnectionDriver"],
        story: Some((Cause::OpenConnection, "drives a QUIC connection that is still open")),
        way_out: QUINN,
        ..DAEMON
    },
    Daemon { runs: &["quinn::"], packages: &["quinn"], way_out: QUINN, ..DAEMON },
    Daemon {
        runs: &["async_nats::"],
        packages: &["async-nats"],
        way_out: "await `client.drain()` and drop every clone of the NATS client",
        ..DAEMON
    },
];

const QUINN: &str = "call `endpoint.close(..)`, await `wait_idle()`, then drop the endpoint";
