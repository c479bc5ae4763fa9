//! Libraries that leave tasks behind when they are not closed, and the way each offers. Nothing is
//! forgiven here: the table only feeds the report's help.

use crate::survivor::Survivor;

/// The crate whose code called `spawn`, and what its user has to do.
const WAYS_OUT: [(&str, &str); 9] = [
    (
        "axum",
        "serve with_graceful_shutdown, fire its signal, then await the server; do not abort it",
    ),
    ("hyper-util", "drop every clone of the client (reqwest, tonic); a static one never ends"),
    ("tonic", "use serve_with_shutdown and await the server; drop every clone of a channel"),
    ("tower", "drop every clone of the buffered service"),
    ("sqlx-core", "call `pool.close().await`, or drop every clone of the pool"),
    (
        "bb8",
        "set a short `reaper_rate`: the reaper ends at its first tick after the pool is dropped",
    ),
    ("redis", "drop every clone of the connection"),
    ("quinn", "call `endpoint.close(..)`, await `wait_idle()`, then drop the endpoint"),
    ("async-nats", "await `client.drain()` and drop every clone of the client"),
];

/// How the library that spawned a survivor wants to be closed.
pub(crate) fn way_out(survivor: &Survivor) -> Option<&'static str> {
    let file = &survivor.spawned_at.as_ref()?.file;
    let package = file.split('/').next()?;
    WAYS_OUT.iter().find(|(name, _)| is_package(package, name)).map(|(_, way)| *way)
}

/// Whether a folder such as `axum-0.8.9` is a version of the package.
fn is_package(folder: &str, name: &str) -> bool {
    let version = folder.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
    version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_told_by_its_whole_name() {
        assert!(is_package("axum-0.8.9", "axum"));
        assert!(!is_package("axum-core-0.5.6", "axum"));
        assert!(!is_package("axum", "axum"));
    }
}
