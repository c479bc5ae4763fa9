//! Where the user's own code asked for a task, when a library called `spawn` for it.

use serde::Serialize;

use crate::backtrace::Frame;
use crate::place::{Place, Workspace};

/// How far past the workspace's first frame the one that called `spawn` is looked for.
const FARTHEST_CALLER: usize = 8;

/// The spawn side of a task, as far as its place and backtrace tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SpawnOrigin {
    /// The first place in the workspace.
    pub(crate) blame: Option<Place>,
    /// The function around it.
    pub(crate) function: Option<String>,
    /// The functions that count as having spawned it: the one that called `spawn`, and the
    /// workspace's first. `None` without a backtrace that names either.
    pub(crate) functions: Option<Vec<String>>,
    /// The workspace's functions on the way to `spawn`, where all of them were asked for.
    pub(crate) stack: Option<Vec<StackFrame>>,
}

/// A function of the workspace on the way to `spawn`, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StackFrame {
    /// The function's path.
    pub function: String,
    /// The place of the call.
    #[serde(flatten)]
    pub at: Place,
}

impl SpawnOrigin {
    /// `above` are the places that spawned the tasks above, parent first: the last resort where
    /// neither the place nor the backtrace lead into the workspace. Frames are taken only until
    /// enough is known, unless the `whole` stack is wanted.
    pub(crate) fn new<'a>(
        spawned_at: &Place,
        frames: Option<impl Iterator<Item = Frame>>,
        mut above: impl Iterator<Item = &'a Place>,
        workspace: &Workspace,
        whole: bool,
    ) -> Self {
        let walk = frames.map(|frames| Walk::new(frames, spawned_at, workspace, whole));
        let own = walk.as_ref().and_then(|walk| walk.own.first());
        let own_place = spawned_at.in_workspace.then(|| spawned_at.clone());
        let blame = own_place
            .or_else(|| own.map(|frame| frame.at.clone()))
            .or_else(|| above.find(|place| place.in_workspace).cloned());
        let function = own.map(|frame| frame.function.clone());
        let by = |walk: &Walk| walk.caller.iter().chain(&function).cloned().collect();
        // A stack without any names, as a stripped program has, tells nobody.
        let functions =
            walk.as_ref().map(by).filter(|functions: &Vec<String>| !functions.is_empty());
        let stack = walk.filter(|_| whole).map(|walk| walk.own);
        Self { blame, function, functions, stack }
    }
}

/// What a walk from the capture outwards came across.
#[derive(Default)]
struct Walk {
    /// The function that called `spawn`.
    caller: Option<String>,
    /// The workspace's frames, or only the first one.
    own: Vec<StackFrame>,
}

impl Walk {
    fn new(
        frames: impl Iterator<Item = Frame>,
        spawned_at: &Place,
        workspace: &Workspace,
        whole: bool,
    ) -> Self {
        let mut walk = Self::default();
        let mut past = 0;
        for frame in frames.filter(|frame| !is_capture(frame)).take_while(|frame| !is_runner(frame))
        {
            if let Some(at) = place(&frame, workspace) {
                walk.note(frame.function, at, spawned_at);
            }
            past += usize::from(!walk.own.is_empty());
            let known = walk.caller.is_some() || past > FARTHEST_CALLER;
            if !whole && known && !walk.own.is_empty() {
                break;
            }
        }
        walk
    }

    fn note(&mut self, function: String, at: Place, spawned_at: &Place) {
        let calls = at.file == spawned_at.file && at.line == spawned_at.line;
        if calls && self.caller.is_none() {
            self.caller = Some(function.clone());
        }
        if at.in_workspace {
            self.own.push(StackFrame { function, at });
        }
    }
}

fn place(frame: &Frame, workspace: &Workspace) -> Option<Place> {
    Some(workspace.place_in_debug_info(frame.file.as_deref()?, frame.line?, frame.column))
}

/// The capture itself, which lies in the workspace when leakcheck tests itself.
fn is_capture(frame: &Frame) -> bool {
    let rooms = ["leakcheck::backtrace::", "leakcheck::registry::", "leakcheck::hooks::"];
    rooms.iter().any(|room| frame.function.contains(room))
}

/// Whoever runs the spawning task or the test's body: what is further out asked for nothing.
fn is_runner(frame: &Frame) -> bool {
    let runners =
        ["tokio::runtime::task::", "tokio::runtime::context::runtime::", "leakcheck::body::"];
    runners.iter().any(|runner| frame.function.contains(runner))
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
        let origin =
            SpawnOrigin::new(&spawned_at, Some(frames().into_iter()), none, &workspace, false);
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
    fn frames_are_looked_up_until_the_first_of_the_workspace() {
        let workspace = Workspace::without_root();
        let spawned_at =
            workspace.place(Path::new("/c/registry/src/i/pool-1.0.0/src/lib.rs"), 3, None);
        let looked_up = std::cell::Cell::new(0);
        let frames = || Some(frames().into_iter().inspect(|_| looked_up.set(looked_up.get() + 1)));
        let none = std::iter::empty;
        let origin = SpawnOrigin::new(&spawned_at, frames(), none(), &workspace, false);
        assert_eq!((looked_up.get(), origin.stack), (4, None));
        let origin = SpawnOrigin::new(&spawned_at, frames(), none(), &workspace, true);
        let stack = origin.stack.unwrap();
        let functions: Vec<_> = stack.iter().map(|frame| frame.function.as_str()).collect();
        assert_eq!(functions, ["app::connect", "app::main"]);
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
            let frames = Some(frames.clone().into_iter());
            SpawnOrigin::new(&shim, frames, above.iter(), &workspace, false).blame
        };
        assert_eq!(blame(&[]), None);
        assert_eq!(blame(&[shim.clone(), parent.clone()]), Some(parent));
    }

    #[test]
    fn without_a_backtrace_an_own_place_is_blamed_or_that_of_a_task_above() {
        let workspace = Workspace::without_root();
        let place = |file| workspace.place(Path::new(file), 1, None);
        let origin = |file, above: &[Place]| {
            let none = None::<std::iter::Empty<Frame>>;
            SpawnOrigin::new(&place(file), none, above.iter(), &workspace, false).blame
        };
        assert_eq!(origin("src/app.rs", &[]), Some(place("src/app.rs")));
        assert_eq!(origin("/elsewhere/lib.rs", &[]), None);
        assert_eq!(origin("/elsewhere/lib.rs", &[place("src/a.rs")]), Some(place("src/a.rs")));
    }
}
