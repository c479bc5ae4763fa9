//! Survivors made readable: what the hooks told of a task, what inspection found, or both.

use std::path::Path;
use std::time::Instant;

use leakcheck_inspect::{Node, NodeKind, SpawnSite};

use crate::awaits;
use crate::backtrace::readable;
use crate::blame::{SpawnOrigin, StackFrame};
use crate::group::signature;
use crate::ignore::Facts;
use crate::inspect::Inspected;
use crate::place::{Place, Workspace};
use crate::registry::{Live, Registry, Spawner};
use crate::survivor::{Ancestor, SpawnedBy, State, Survivor, ms, number};

/// Where a task comes from, as far as that can be told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) spawned_at: Option<Place>,
    /// One of these spawned it, where it is not known which.
    pub(crate) candidates: Vec<Place>,
    pub(crate) spawned_by: Option<String>,
    pub(crate) blame: Option<Place>,
    pub(crate) stack: Option<Vec<StackFrame>>,
    /// The functions that count as having spawned it, or those of all candidates.
    spawners: Option<Vec<String>>,
}

impl Origin {
    /// What the hooks told. Slow if a backtrace has to be looked up.
    pub(crate) fn of_live(live: &Live, workspace: &Workspace, whole_stack: bool) -> Self {
        let spawned_at = workspace.place_of(live.spawned_at);
        let frames = live.backtrace.as_ref().map(|raw| raw.frames());
        let above: Vec<_> = live.ancestors.iter().map(|(_, at)| workspace.place_of(at)).collect();
        let origin = SpawnOrigin::new(&spawned_at, frames, above.iter(), workspace, whole_stack);
        Self {
            spawned_at: Some(spawned_at),
            candidates: Vec::new(),
            spawned_by: origin.function,
            blame: origin.blame,
            stack: origin.stack,
            spawners: origin.functions,
        }
    }

    /// What inspection tells of a task, and the program's code of its future.
    pub(crate) fn of_task(task: &Inspected, sites: &[Site], workspace: &Workspace) -> Self {
        match &task.spawned_at {
            Some(at) => {
                let file = Path::new(&*at.file);
                Self::at(workspace.place_in_debug_info(file, at.line, None))
            }
            None => Self::of_sites(sites),
        }
    }

    /// What the program's code tells of the places that spawn such a future.
    fn of_sites(sites: &[Site]) -> Self {
        let spawners = sites.iter().map(|site| site.function.clone()).collect();
        match sites {
            [] => Self::default(),
            [site] => {
                Self { spawned_by: site.function.clone(), spawners, ..Self::at(site.at.clone()) }
            }
            several => Self {
                candidates: distinct(several.iter().map(|site| &site.at)),
                spawners,
                ..Self::default()
            },
        }
    }

    fn at(place: Place) -> Self {
        let blame = place.in_workspace.then(|| place.clone());
        Self { spawned_at: Some(place), blame, ..Self::default() }
    }

    /// Adds the function around the spawn, which the hooks do not tell, from the program's code.
    pub(crate) fn completed(mut self, sites: &[Site]) -> Self {
        let own = |at: &&Place| at.in_workspace && self.spawned_by.is_none();
        let Some(at) = self.spawned_at.as_ref().filter(own) else { return self };
        let is_at = |site: &&Site| (&site.at.file, site.at.line) == (&at.file, at.line);
        self.spawned_by = sites.iter().find(is_at).and_then(|site| site.function.clone());
        if self.spawners.is_none() {
            self.spawners = self.spawned_by.clone().map(|function| vec![function]);
        }
        self
    }

    /// The places and functions to decide on, and whether only one of them is the one.
    pub(crate) fn facts<'a>(&'a self, task: Option<&'a Inspected>) -> Facts<'a> {
        Facts {
            spawned_at: self.spawned_at.as_ref(),
            blame: self.blame.as_ref(),
            candidates: &self.candidates,
            spawners: self.spawners.as_deref(),
            future: task.and_then(|task| task.future.as_deref()),
            tree: task.and_then(|task| task.tree.as_ref()),
        }
    }
}

/// Each place once: a macro's line is one place, however many functions use it.
fn distinct<'a>(places: impl Iterator<Item = &'a Place>) -> Vec<Place> {
    let mut distinct: Vec<Place> = Vec::new();
    for place in places {
        if !distinct.contains(place) {
            distinct.push(place.clone());
        }
    }
    distinct
}

/// A place in the program that spawns some future, and the function around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) at: Place,
    pub(crate) function: Option<String>,
}

impl Site {
    pub(crate) fn new(site: SpawnSite, workspace: &Workspace) -> Self {
        let at = workspace.place_in_debug_info(Path::new(&*site.at.file), site.at.line, None);
        Self { at, function: site.function.as_deref().map(readable) }
    }
}

/// All that is known of one task.
#[derive(Clone, Debug)]
pub(crate) struct Identified {
    pub(crate) id: u64,
    pub(crate) live: Option<Live>,
    pub(crate) task: Option<Inspected>,
    pub(crate) origin: Origin,
    pub(crate) ignored_as_current: bool,
    /// Why there is no task.
    pub(crate) uninspected: Option<String>,
}

impl Identified {
    pub(crate) fn new(
        id: u64,
        live: Option<Live>,
        task: Option<Inspected>,
        origin: Origin,
    ) -> Self {
        let ignored_as_current = live.as_ref().is_some_and(|live| live.ignored_as_current);
        Self { id, live, task, origin, ignored_as_current, uninspected: None }
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        self.origin.facts(self.task.as_ref())
    }

    /// The survivor that it is.
    pub(crate) fn into_survivor(
        self,
        registry: &Registry,
        workspace: &Workspace,
        now: Instant,
    ) -> Survivor {
        let mut survivor = Survivor::counted(1);
        survivor.id = Some(self.id);
        survivor.uninspected = self.uninspected;
        if let Some(live) = &self.live {
            tell_live(&mut survivor, live, now);
            survivor.ancestors = ancestors(live, registry, workspace);
        }
        let mut origin = self.origin;
        if let Some(task) = self.task {
            if origin.spawned_at.is_none() && origin.candidates.is_empty() {
                origin.candidates.extend(unstarted_block(&task, workspace));
            }
            tell_task(&mut survivor, task, workspace);
        }
        survivor.source_line = origin.blame.as_ref().and_then(|blame| workspace.source_line(blame));
        survivor.spawned_at = origin.spawned_at;
        survivor.spawn_candidates = origin.candidates;
        survivor.spawned_by = origin.spawned_by;
        survivor.spawn_stack = origin.stack;
        survivor.blame = origin.blame;
        survivor.signature = signature(&survivor);
        survivor
    }

    #[cfg(test)]
    pub(crate) fn test(place: Place) -> Self {
        let origin = Origin::at(place);
        let ignored_as_current = false;
        Self { id: 1, live: None, task: None, origin, ignored_as_current, uninspected: None }
    }
}

/// An async block's own line is near the one that spawned it. It is told only while it has not run.
fn unstarted_block(task: &Inspected, workspace: &Workspace) -> Option<Place> {
    let block =
        |tree: &&Node| tree.kind == NodeKind::Unstarted && tree.name.ends_with("{async block}");
    let at = task.tree.as_ref().filter(block)?.at.as_ref()?;
    Some(workspace.place_in_debug_info(Path::new(&*at.file), at.line, None))
}

fn tell_live(survivor: &mut Survivor, live: &Live, now: Instant) {
    survivor.state = Some(state(live));
    survivor.age_ms = Some(ms(now.saturating_duration_since(live.born)));
    survivor.idle_ms = Some(ms(now.saturating_duration_since(live.last_poll)));
    survivor.polls = Some(live.polls + u64::from(live.running));
    survivor.polls_in_grace = Some(live.polls - live.polls_before_settling);
    survivor.spawner = Some(spawner(live.spawner));
}

fn ancestors(live: &Live, registry: &Registry, workspace: &Workspace) -> Vec<Ancestor> {
    let ancestor = |(id, at)| Ancestor {
        id: number(id),
        spawned_at: workspace.place_of(at),
        ended: registry.with(id, |_| ()).is_none(),
    };
    live.ancestors.iter().map(ancestor).collect()
}

fn tell_task(survivor: &mut Survivor, mut task: Inspected, workspace: &Workspace) {
    survivor.unwakeable = Some(task.unwakeable);
    survivor.state = match (task.state(), survivor.state) {
        // tokio keeps one word for both; the hooks know.
        (Some(State::Notified), Some(State::NeverPolled)) => Some(State::NeverPolled),
        (inspected, told) => inspected.or(told),
    };
    survivor.future = task.future.as_deref().map(ToOwned::to_owned);
    survivor.uninspected = task.unknown.take();
    if let Some(tree) = &mut task.tree {
        survivor.own_files = awaits::localise(tree, workspace);
    }
    survivor.awaits = task.tree;
    survivor.holds = task.holds;
}

fn state(live: &Live) -> State {
    match (live.running, live.polls) {
        (true, _) => State::Running,
        (false, 0) => State::NeverPolled,
        (false, _) => State::Waiting,
    }
}

fn spawner(spawner: Spawner) -> SpawnedBy {
    match spawner {
        Spawner::Body => SpawnedBy::Body,
        Spawner::Task(id) => SpawnedBy::Task(number(id)),
        Spawner::Thread => SpawnedBy::Thread,
    }
}
