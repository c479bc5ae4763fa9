//! Libraries that leave tasks behind when they are not closed, and the way each offers.
//!
//! A task is a library's by the future it runs, or else by the package whose code called `spawn`.
//! Only one is forgiven, because it ends by itself: see [`ends_by_itself`].

use leakcheck_inspect::Node;

use super::Finding;
use super::ways_out::{DAEMONS, Daemon};
use super::wrappers::{begins, is_wrapper};
use crate::place::Place;
use crate::survivor::{State, Survivor};

/// Whose functions call `spawn` for somebody else: a runtime's and a language's own.
const SHIMS: [&str; 6] =
    ["tokio", "tokio-util", "futures-util", "futures", "tracing", "async-compat"];
const LANGUAGE: [&str; 3] = ["core", "alloc", "std"];

/// Wrappers that are looked through, at most.
const WRAPPED: usize = 32;

/// The library that a survivor belongs to, if its way out is known.
pub(super) fn of(survivor: &Survivor) -> Option<&'static Daemon> {
    driven(survivor).or_else(|| run(survivor)).or_else(|| {
        let package = package(survivor.spawned_at.as_ref()?)?;
        DAEMONS.iter().find(|daemon| daemon.packages.contains(&package))
    })
}

/// What the future alone tells, where that is the whole story.
pub(super) fn finding(survivor: &Survivor) -> Option<Finding> {
    let spawned = || run(survivor).filter(|_| is_librarys(survivor));
    let daemon = driven(survivor).or_else(spawned)?;
    let (cause, why) = daemon.story?;
    Some(Finding { cause, why: why.to_owned(), help: daemon.way_out.to_owned() })
}

/// Whether a library spawned it for its own ends.
pub(super) fn is_librarys(survivor: &Survivor) -> bool {
    let Some(place) = survivor.spawned_at.as_ref().filter(|place| !place.in_workspace) else {
        return false;
    };
    let folder = place.file.split('/').next().unwrap_or_default();
    let shim = package(place).is_some_and(|name| SHIMS.contains(&name));
    !shim && !LANGUAGE.contains(&folder)
}

/// Why a survivor may stay: it ends by itself, only later.
///
/// bb8's reaper holds its pool weakly and looks at it on an interval, every 30 s unless told
/// otherwise. Nothing else is forgiven.
pub(crate) fn ends_by_itself(survivor: &Survivor) -> Option<&'static str> {
    let waits = !matches!(survivor.state, Some(State::Running));
    let (spawned_at, future) = (survivor.spawned_at.as_ref(), survivor.future.as_deref());
    reaper(spawned_at, future, survivor.awaits.as_ref()).filter(|_| waits)
}

/// The same, of a task that is not yet made a survivor.
pub(crate) fn reaper(
    spawned_at: Option<&Place>,
    future: Option<&str>,
    tree: Option<&Node>,
) -> Option<&'static str> {
    const REAPER: [&str; 2] = ["bb8::inner::Reaper", "bb8::inner::schedule_reaping"];
    /// The other `spawn` in that file stands far behind the constructor, which has this one.
    const CONSTRUCTOR: u32 = 40;
    let in_constructor = |place: &Place| {
        let there = place.file.ends_with("/src/inner.rs") && place.line < CONSTRUCTOR;
        there && package(place) == Some("bb8")
    };
    let is_it = match path(future, tree) {
        Some(path) if !path.contains("{impl#") => REAPER.iter().any(|name| begins(path, name)),
        _ => spawned_at.is_some_and(in_constructor),
    };
    is_it.then_some(
        "bb8's reaper keeps nothing alive, and ends at its first tick after its pool is dropped",
    )
}

/// The library whose future the task drives, whoever spawned it.
fn driven(survivor: &Survivor) -> Option<&'static Daemon> {
    let nodes = || survivor.awaits.iter().flat_map(Node::walk).take(WRAPPED);
    let drives = |path: &&str| nodes().any(|node| begins(&node.name, path));
    DAEMONS.iter().find(|daemon| daemon.drives.iter().any(drives))
}

/// The library whose future the task is, unless the user spawned it.
fn run(survivor: &Survivor) -> Option<&'static Daemon> {
    let users_own = survivor.spawned_at.as_ref().is_some_and(|place| place.in_workspace);
    let name = path(survivor.future.as_deref(), survivor.awaits.as_ref()).filter(|_| !users_own)?;
    DAEMONS.iter().find(|daemon| daemon.runs.iter().any(|path| begins(name, path)))
}

/// The path of the future that a task is about, wrappers taken off.
fn path<'a>(future: Option<&'a str>, tree: Option<&'a Node>) -> Option<&'a str> {
    let mut node = tree;
    for _ in 0..WRAPPED {
        match node {
            Some(wrapper) if is_wrapper(&wrapper.name) => {
                node = wrapper.children.first();
            }
            Some(node) => return Some(&node.name),
            None => break,
        }
    }
    future
}

/// The package whose code called `spawn`: `axum` of `axum-0.8.9/src/serve.rs`.
fn package(place: &Place) -> Option<&str> {
    let folder = place.file.split('/').next().filter(|_| !place.in_workspace)?;
    let versions = folder.match_indices('-').map(|(at, _)| folder.split_at(at));
    let is_version = |rest: &str| rest[1..].starts_with(|c: char| c.is_ascii_digit());
    versions.filter(|(_, rest)| is_version(rest)).map(|(name, _)| name).next()
}

#[cfg(test)]
mod tests {
    use leakcheck_inspect::{NodeKind, WaitKind};

    use super::*;
    use crate::diagnose::cause::Cause;
    use crate::diagnose::tests::{diagnosed, leaf, survivor, with};

    fn spawned_in(file: &str, line: u32) -> Survivor {
        let mut survivor = survivor(1);
        let mut place = Place::test(file, line);
        place.in_workspace = false;
        survivor.spawned_at = Some(place);
        survivor
    }

    fn running(names: &[&str], kind: WaitKind) -> Survivor {
        let tree = names.iter().rev().fold(leaf(kind), |child, name| {
            let mut node = Node::new(NodeKind::Function, *name);
            node.children.push(child);
            node
        });
        with(1, tree)
    }

    fn check(survivor: Survivor, cause: Option<Cause>, help: &str) {
        let found = diagnosed(vec![survivor]).remove(0);
        assert_eq!(found.cause, cause);
        assert!(found.help.as_deref().unwrap_or_default().contains(help), "{:?}", found.help);
    }

    #[test]
    fn a_package_is_told_by_its_whole_name() {
        let told =
            |file| package(spawned_in(file, 1).spawned_at.as_ref().unwrap()).map(ToOwned::to_owned);
        assert_eq!(told("axum-0.8.9/src/serve.rs").as_deref(), Some("axum"));
        assert_eq!(told("axum-core-0.5.6/src/lib.rs").as_deref(), Some("axum-core"));
        assert_eq!(told("axum/src/lib.rs"), None);
    }

    #[test]
    fn a_spawn_place_alone_tells_the_way_out_and_no_cause() {
        check(spawned_in("sqlx-core-0.9.0/src/rt/mod.rs", 77), None, "pool.close().await");
        check(spawned_in("unheard-of-1.0.0/src/lib.rs", 7), None, "the way it offers");
    }

    #[test]
    fn a_spawn_through_the_language_or_the_runtime_is_the_users() {
        check(spawned_in("core/src/ops/function.rs", 250), None, "await its JoinHandle");
        check(spawned_in("tokio-1.54.1/src/task/join_set.rs", 646), None, "await its JoinHandle");
    }

    #[test]
    fn a_pooled_connection_is_told_by_its_future() {
        let wrapped = ["Pin<Box<dyn Future>>", "hyper::client::conn::http1::upgrades::U"];
        let client = || running(&wrapped, WaitKind::Read);
        check(client(), Some(Cause::OpenConnection), "drop every clone of the client");
        let server = running(&["<hyper::server::conn::http1::C as F>::poll"], WaitKind::Read);
        check(server, Some(Cause::PeerSilent), "shut the server down gracefully");
    }

    #[test]
    fn a_users_task_that_uses_a_library_is_the_users() {
        let request = running(&["app::fetch", "hyper_util::client::legacy::C"], WaitKind::Read);
        check(request, Some(Cause::PeerSilent), "put a timeout around the read");
    }

    #[test]
    fn what_a_library_runs_is_the_users_where_the_user_spawned_it() {
        let mut task = running(&["redis::aio::Connection::query"], WaitKind::Read);
        check(task.clone(), Some(Cause::PeerSilent), "every clone of the redis connection");
        task.spawned_at = spawned_in("redis-1.8.1/src/aio/tokio.rs", 163).spawned_at;
        check(task.clone(), Some(Cause::OpenConnection), "every clone of the redis connection");
        task.spawned_at = Some(Place::test("src/app.rs", 3));
        check(task, Some(Cause::PeerSilent), "put a timeout around the read");
    }

    #[test]
    fn a_users_task_that_drives_a_library_is_closed_the_librarys_way() {
        let postgres = ["app::{async block}", "tokio_postgres::connection::Connection<S, T>"];
        check(
            running(&postgres, WaitKind::Read),
            Some(Cause::OpenConnection),
            "drop the tokio-postgres",
        );
        let axum = running(&["app::main", "axum::serve::Serve<L>::run"], WaitKind::Accept);
        check(axum, Some(Cause::AcceptWithoutShutdown), "with_graceful_shutdown");
    }

    #[test]
    fn only_the_reaper_of_bb8_ends_by_itself() {
        let ends = |survivor: Survivor| ends_by_itself(&survivor).is_some();
        assert!(ends(spawned_in("bb8-0.9.1/src/inner.rs", 28)));
        assert!(!ends(spawned_in("bb8-0.9.1/src/inner.rs", 62)), "the pool's new connections");
        assert!(!ends(spawned_in("sqlx-core-0.9.0/src/inner.rs", 28)));
        assert!(ends(running(&["bb8::inner::Reaper<M>::run"], WaitKind::Interval)));
        assert!(!ends(running(&["bb8::inner::PoolInner<M>::spawn"], WaitKind::Interval)));
        assert!(!ends(Survivor::counted(1)));
    }

    #[test]
    fn a_reaper_that_never_lets_go_of_its_thread_is_not_forgiven() {
        let mut busy = spawned_in("bb8-0.9.1/src/inner.rs", 28);
        busy.state = Some(State::Running);
        assert_eq!(ends_by_itself(&busy), None);
    }
}
