//! Every task of a runtime, and where it waits, at any time.

use std::fmt;

use leakcheck_inspect::Node;
use serde::Serialize;
use tokio::runtime::Handle;

use crate::awaits::{self, OwnFiles};
use crate::body::Seen;
use crate::error::{Error, ErrorKind};
use crate::identify::{Origin, Site};
use crate::inspect::{Inspected, Look};
use crate::place::{Place, Workspace};
use crate::report::{candidates, tree_lines};
use crate::runtime::Subject;
use crate::survivor::State;

/// Every task of a runtime, and where it waits.
///
/// `Display` shows them as a report does.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TaskDump {
    /// What the runtime of a leak test blocks on: the test's body. Known to the test's own threads,
    /// for the test's own runtime.
    pub body: Option<DumpedBody>,
    /// The tasks, oldest first.
    pub tasks: Vec<DumpedTask>,
}

/// The body of a leak test.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DumpedBody {
    /// [`State::Running`], for instance because it is the body that asks; or [`State::Waiting`].
    pub state: State,
    /// Where it waits. Its files are written as in a [`Place`]. As JSON a flat list.
    #[serde(serialize_with = "awaits::serialize")]
    pub awaits: Option<Node>,
    /// Why there is no await tree.
    pub uninspected: Option<String>,
    #[serde(skip)]
    own_files: OwnFiles,
}

/// A task.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DumpedTask {
    /// tokio's id.
    pub id: u64,
    /// What it was doing.
    pub state: Option<State>,
    /// The type of its future, readable.
    pub future: Option<String>,
    /// The place that spawned it, where that can be told.
    pub spawned_at: Option<Place>,
    /// Where it cannot: the places in the program that spawn such a future, one of which it was.
    pub spawn_candidates: Vec<Place>,
    /// Where it waits. Its files are written as in a [`Place`]. As JSON a flat list.
    #[serde(serialize_with = "awaits::serialize")]
    pub awaits: Option<Node>,
    /// Nobody holds a waker of it: it can never run again.
    pub unwakeable: bool,
    /// Why there is no await tree, or not all of it.
    pub uninspected: Option<String>,
    #[serde(skip)]
    own_files: OwnFiles,
}

/// Dumps all tasks of a runtime: what each awaits, down to what all of it waits for.
///
/// Reads memory and changes nothing, so it may be called for any runtime of the process, from inside
/// or outside of it, from a thread that watches a hung one too. Nothing is locked or stopped: each task
/// is told as it was at some moment of the call, one that comes or goes meanwhile may be missing, and
/// one that runs, such as the one that calls, has no tree.
///
/// # Panics
///
/// Where [`try_dump`] gives an error.
///
/// # Examples
///
/// ```
/// use leakcheck::{Options, Runtime};
/// # if !cfg!(target_os = "linux") { return Ok(()); }
///
/// let runtime = Runtime::new(Options::new())?;
/// let worker = runtime.block_on(async { tokio::spawn(std::future::pending::<()>()) });
/// let dump = leakcheck::dump(runtime.handle());
/// println!("{dump}");
/// assert_eq!(dump.tasks.len(), 1);
/// # worker.abort();
/// # Ok::<(), leakcheck::Error>(())
/// ```
#[track_caller]
pub fn dump(runtime: &Handle) -> TaskDump {
    match try_dump(runtime) {
        Ok(dump) => dump,
        Err(error) => panic!("{error}"),
    }
}

/// As [`dump`], with an error instead of the panic.
///
/// # Errors
///
/// On systems other than 64-bit Linux, where the executable has no debug info about tokio's types,
/// and where tasks come and go so fast that their list cannot be followed.
pub fn try_dump(runtime: &Handle) -> Result<TaskDump, Error> {
    let look = Look::new().map_err(ErrorKind::Dump)?;
    let workspace = Subject::default().workspace();
    let tasks = look.tasks(runtime).map_err(ErrorKind::Dump)?;
    let tasks = tasks.into_iter().map(|task| DumpedTask::new(task, look, &workspace)).collect();
    Ok(TaskDump { body: body(runtime, look, &workspace), tasks })
}

fn body(runtime: &Handle, look: Look, workspace: &Workspace) -> Option<DumpedBody> {
    let registry = crate::current::registry().filter(|registry| registry.is_of(runtime))?;
    let mut body = DumpedBody {
        state: State::Running,
        awaits: None,
        uninspected: None,
        own_files: OwnFiles::default(),
    };
    match registry.body().look(|pointer| look.future(pointer)) {
        Seen::Nothing => return None,
        Seen::Running => {}
        Seen::Waiting(tree) => {
            body.state = State::Waiting;
            match tree {
                Ok(mut tree) => {
                    body.own_files = awaits::localise(&mut tree, workspace);
                    body.awaits = Some(tree);
                }
                Err(why) => body.uninspected = Some(why),
            }
        }
    }
    Some(body)
}

impl DumpedTask {
    fn new(mut task: Inspected, look: Look, workspace: &Workspace) -> Self {
        let sites = task.type_id.map(|id| look.spawn_sites(id)).unwrap_or_default().into_iter();
        let sites: Vec<_> = sites.map(|site| Site::new(site, workspace)).collect();
        let origin = Origin::of_task(&task, &sites, workspace);
        let localise = |tree| awaits::localise(tree, workspace);
        let own_files = task.tree.as_mut().map(localise).unwrap_or_default();
        Self {
            id: task.id,
            state: task.state(),
            future: task.future.as_deref().map(ToOwned::to_owned),
            spawned_at: origin.spawned_at,
            spawn_candidates: origin.candidates,
            awaits: task.tree,
            unwakeable: task.unwakeable,
            uninspected: task.unknown,
            own_files,
        }
    }
}

impl fmt::Display for TaskDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tasks.len() {
            1 => f.write_str("1 task\n")?,
            tasks => writeln!(f, "{tasks} tasks")?,
        }
        if let Some(body) = &self.body {
            let asks =
                if body.state == State::Running { ", perhaps it made this dump" } else { "" };
            writeln!(f, "\nthe test's body: {}{asks}", body.state.told())?;
            write_tree(f, body.awaits.as_ref(), &body.own_files, body.uninspected.as_deref())?;
        }
        for task in &self.tasks {
            let state = task.state.map_or("state unknown", State::told);
            let future = task.future.as_deref().unwrap_or("a future of an unknown type");
            writeln!(f, "\ntask {}: {state}, {future}", task.id)?;
            if let Some(place) = &task.spawned_at {
                writeln!(f, "  spawned at {place}")?;
            } else if let Some(places) = candidates(&task.spawn_candidates) {
                writeln!(f, "  spawned at {places}")?;
            }
            write_tree(f, task.awaits.as_ref(), &task.own_files, task.uninspected.as_deref())?;
            if task.unwakeable {
                writeln!(f, "  nobody holds a waker: it can never run again")?;
            }
        }
        Ok(())
    }
}

fn write_tree(
    f: &mut fmt::Formatter<'_>,
    tree: Option<&Node>,
    own: &OwnFiles,
    uninspected: Option<&str>,
) -> fmt::Result {
    for line in tree.iter().flat_map(|tree| tree_lines(tree, own)) {
        writeln!(f, "  {line}")?;
    }
    match uninspected {
        Some(why) => {
            writeln!(f, "  {}: {why}", if tree.is_some() { "not all of it" } else { "unknown" })
        }
        None => Ok(()),
    }
}
