//! Where the user's own code asked for a task, when a library called `spawn` for it.

use crate::backtrace::Frame;
use crate::place::{Place, Workspace};

/// The spawn side of a task, as far as its place and backtrace tell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SpawnOrigin {
    /// The first place in the workspace.
    pub(crate) blame: Option<Place>,
    /// The function around it.
    pub(crate) function: Option<String>,
    /// The functions that count as having spawned it: the one that called `spawn`, and the
    /// workspace's first. `None` without a backtrace.
    pub(crate) functions: Option<Vec<String>>,
}

impl SpawnOrigin {
    /// `above` are the places that spawned the tasks above, parent first: the last resort where
    /// neither the place nor the backtrace lead into the workspace.
    pub(crate) fn new<'a>(
        spawned_at: &Place,
        frames: Option<&[Frame]>,
        mut above: impl Iterator<Item = &'a Place>,
        workspace: &Workspace,
    ) -> Self {
        let frames = frames.map(spawn_side);
        let first = |wanted: &dyn Fn(&Place) -> bool| {
            frames?.iter().find(|frame| place(frame, workspace).is_some_and(|at| wanted(&at)))
        };
        let caller = first(&|at| at.file == spawned_at.file && at.line == spawned_at.line);
        let own = first(&|at| at.in_workspace);
        let by = [caller, own].into_iter().flatten().map(|frame| frame.function.clone());
        let own_place = spawned_at.in_workspace.then(|| spawned_at.clone());
        Self {
            blame: own_place
                .or_else(|| own.and_then(|frame| place(frame, workspace)))
                .or_else(|| above.find(|place| place.in_workspace).cloned()),
            function: own.map(|frame| frame.function.clone()),
            functions: frames.map(|_| by.collect()),
        }
    }
}

fn place(frame: &Frame, workspace: &Workspace) -> Option<Place> {
    Some(workspace.place_in_debug_info(frame.file.as_deref()?, frame.line?, frame.column))
}

/// The frames between the capture and whoever runs the spawning task or the test's body: what is
/// further out asked for nothing. The capture itself is in the workspace when leakcheck tests
/// itself.
fn spawn_side(frames: &[Frame]) -> &[Frame] {
    let any_of = |names: &'static [&'static str]| {
        move |frame: &Frame| names.iter().any(|name| frame.function.contains(name))
    };
    let capture =
        any_of(&["leakcheck::backtrace::", "leakcheck::registry::", "leakcheck::hooks::"]);
    let runner = any_of(&["tokio::runtime::task::", "tokio::runtime::context::runtime::"]);
    let from = frames.iter().rposition(capture).map_or(0, |last| last + 1);
    let spawned = &frames[from..];
    let until = spawned.iter().position(runner).unwrap_or(spawned.len());
    &spawned[..until]
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn frame(function: &str, file: &str, line: u32) -> Frame {
        let (file, line) = (Some(PathBuf::from(file)), Some(line));
        Frame { function: function.to_owned(), file, line, column: None }
    }

    fn frames() -> Vec<Frame> {
        vec![
            frame("leakcheck::registry::Registry::spawned", "leakcheck/src/registry.rs", 1),
            frame("tokio::task::spawn::spawn", "/c/registry/src/i/tokio-1.54.1/src/spawn.rs", 2),
            frame("pool::run", "/c/registry/src/i/pool-1.0.0/src/lib.rs", 3),
            frame("app::connect", "src/app.rs", 4),
            frame("app::main", "src/main.rs", 5),
            frame(
                "tokio::runtime::task::raw::poll",
                "/c/registry/src/i/tokio-1.54.1/src/raw.rs",
                6,
            ),
            frame("app::outer", "src/outer.rs", 7),
        ]
    }

    #[track_caller]
    fn check(file: &str, line: u32, blame: &str, function: &str, functions: &[&str]) {
        let workspace = Workspace::without_root();
        let spawned_at = workspace.place(Path::new(file), line, None);
        let none = std::iter::empty();
        let origin = SpawnOrigin::new(&spawned_at, Some(&frames()), none, &workspace);
        assert_eq!(origin.blame.unwrap().to_string(), blame);
        assert_eq!(origin.function.as_deref(), Some(function));
        assert_eq!(origin.functions.unwrap(), functions);
    }

    #[test]
    fn a_librarys_spawn_is_traced_to_the_first_line_of_the_workspace() {
        let file = "/c/registry/src/i/pool-1.0.0/src/lib.rs";
        check(file, 3, "src/app.rs:4", "app::connect", &["pool::run", "app::connect"]);
    }

    #[test]
    fn the_users_own_spawn_is_blamed_itself() {
        check("src/app.rs", 4, "src/app.rs:4", "app::connect", &["app::connect", "app::connect"]);
    }

    #[test]
    fn whoever_runs_the_spawning_task_is_not_to_blame() {
        let workspace = Workspace::without_root();
        let shim = workspace.place(Path::new("/c/registry/src/i/pool-1.0.0/src/lib.rs"), 3, None);
        let frames: Vec<_> =
            frames().into_iter().filter(|f| !f.function.contains("app::m")).collect();
        let frames: Vec<_> =
            frames.into_iter().filter(|frame| frame.function != "app::connect").collect();
        let parent = workspace.place(Path::new("src/parent.rs"), 9, None);
        let blame = |above: &[Place]| {
            SpawnOrigin::new(&shim, Some(&frames), above.iter(), &workspace).blame
        };
        assert_eq!(blame(&[]), None);
        assert_eq!(blame(&[shim.clone(), parent.clone()]), Some(parent));
    }

    #[test]
    fn without_a_backtrace_an_own_place_is_blamed_or_that_of_a_task_above() {
        let workspace = Workspace::without_root();
        let place = |file| workspace.place(Path::new(file), 1, None);
        let origin = |file, above: &[Place]| {
            SpawnOrigin::new(&place(file), None, above.iter(), &workspace).blame
        };
        assert_eq!(origin("src/app.rs", &[]), Some(place("src/app.rs")));
        assert_eq!(origin("/elsewhere/lib.rs", &[]), None);
        assert_eq!(origin("/elsewhere/lib.rs", &[place("src/a.rs")]), Some(place("src/a.rs")));
    }
}
