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
    pub(crate) fn new(spawned_at: &Place, frames: Option<&[Frame]>, workspace: &Workspace) -> Self {
        let own_place = spawned_at.in_workspace.then(|| spawned_at.clone());
        let Some(frames) = frames.map(below_capture) else {
            return Self { blame: own_place, function: None, functions: None };
        };
        let place = |frame: &Frame| {
            Some(workspace.place(frame.file.as_deref()?, frame.line?, frame.column))
        };
        let first = |wanted: &dyn Fn(&Place) -> bool| {
            frames.iter().find(|frame| place(frame).is_some_and(|place| wanted(&place)))
        };
        let caller = first(&|at| at.file == spawned_at.file && at.line == spawned_at.line);
        let own = first(&|at| at.in_workspace);
        let by = [caller, own].into_iter().flatten().map(|frame| frame.function.clone());
        Self {
            blame: own_place.or_else(|| own.and_then(place)),
            function: own.map(|frame| frame.function.clone()),
            functions: Some(by.collect()),
        }
    }
}

/// What lies below the capture itself, whose frames are in the workspace when leakcheck tests
/// itself.
fn below_capture(frames: &[Frame]) -> &[Frame] {
    let own = ["leakcheck::backtrace::", "leakcheck::registry::", "leakcheck::hooks::"];
    let is_own = |frame: &Frame| own.iter().any(|module| frame.function.contains(module));
    let last = frames.iter().rposition(is_own);
    &frames[last.map_or(0, |last| last + 1)..]
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
        ]
    }

    #[track_caller]
    fn check(file: &str, line: u32, blame: &str, function: &str, functions: &[&str]) {
        let workspace = Workspace::default();
        let spawned_at = workspace.place(Path::new(file), line, None);
        let origin = SpawnOrigin::new(&spawned_at, Some(&frames()), &workspace);
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
    fn without_a_backtrace_only_an_own_place_can_be_blamed() {
        let workspace = Workspace::default();
        let origin =
            |file| SpawnOrigin::new(&workspace.place(Path::new(file), 1, None), None, &workspace);
        assert_eq!(origin("src/app.rs").blame.unwrap().to_string(), "src/app.rs:1");
        assert_eq!(origin("/elsewhere/lib.rs").blame, None);
    }
}
