//! Who is left on a runtime, and who of them may stay. Told by the hooks and by tokio's count while
//! that is enough, and by inspection where it is not.

mod left;

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use leakcheck_inspect::TypeId;
use tokio::task::Id;

use crate::identify::{Identified, Origin, Site};
use crate::inspect::{Inspected, Inspection, Look};
use crate::judge::{self, Decision, Judge, Judged};
use crate::place::Workspace;
use crate::registry::Live;
use crate::report::Tier;
use crate::runtime::Runtime;
use crate::settle::{Unsettled, clock_is_paused, settle};
use crate::survivor::{Survivor, number};

/// How long a difference between two counts has to last.
const BELIEVED: Duration = Duration::from_millis(50);

const NOT_LISTED: &str = "its runtime's list of tasks did not have it when it was read";

/// Who is left on a runtime. Each task's origin is looked up once.
pub(crate) struct Watch<'a> {
    runtime: &'a Runtime,
    workspace: OnceCell<Workspace>,
    origins: HashMap<u64, (Origin, bool)>,
    sites: HashMap<TypeId, Vec<Site>>,
    inspection: Option<Inspection>,
    /// How long all looks at tasks have taken so far. The first opens the executable, and that counts.
    looked: Duration,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(runtime: &'a Runtime) -> Self {
        Self {
            runtime,
            workspace: OnceCell::new(),
            origins: HashMap::new(),
            sites: HashMap::new(),
            inspection: None,
            looked: Duration::ZERO,
        }
    }

    /// How long it took, and what went wrong.
    pub(crate) fn settle(&mut self) -> (Duration, Option<String>) {
        if self.left(false).tasks == 0 {
            return (Duration::ZERO, None);
        }
        let runtime = self.runtime;
        let grace = runtime.settings.grace.value;
        let (began, looked_before) = (Instant::now(), self.looked);
        runtime.registry.set_settling(true);
        // A runtime that shuts down on a task's panic panics in whoever blocks on it next.
        let settled = std::panic::catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let virtually = tokio::time::Instant::now();
                settle(self, &runtime.registry, grace).await;
                // A clock that is paused does not move while tasks are looked at.
                let paused = clock_is_paused();
                let looked = if paused { Duration::ZERO } else { self.looked - looked_before };
                virtually.elapsed().saturating_sub(looked)
            })
        }));
        runtime.registry.set_settling(false);
        let really = began.elapsed().saturating_sub(self.looked - looked_before);
        match settled {
            // A paused clock tells the grace as the test's tasks saw it.
            Ok(virtually) => (virtually.max(really), None),
            Err(payload) => {
                let message = crate::panics::message(&*payload);
                (really, Some(format!("waiting for survivors panicked: {message}")))
            }
        }
    }

    /// Whoever is left is inspected, unless all of them may stay by what is known without.
    pub(crate) fn judge(&mut self) -> Judged {
        // As old as they were when they were waited for, without what looking at them took or takes.
        let now = Instant::now();
        let now = now.checked_sub(self.looked).unwrap_or(now);
        let rules = &self.runtime.options.ignores;
        let alive = self.runtime.alive();
        match Tier::current() {
            // As most tests end: nobody is left, and both counts say so.
            Tier::Hooks if self.runtime.registry.len() + alive == 0 => {
                judge::identified(rules, Vec::new(), |_| Survivor::counted(1))
            }
            Tier::Hooks => self.judge_by_hooks(now),
            Tier::Plain => {
                let current = self.runtime.registry.has_ignored_current();
                let judged = judge::counted(rules, current, alive, None);
                if judged.reported.is_empty() { judged } else { self.judge_by_inspection(now) }
            }
        }
    }

    fn judge_by_hooks(&mut self, now: Instant) -> Judged {
        let runtime = self.runtime;
        let all_may_stay = self.decide(None).iter().all(|(_, decision)| decision.may_stay());
        let inspection = if all_may_stay && runtime.registry.len() == runtime.alive() {
            Ok(BTreeMap::new())
        } else {
            self.inspect_all_that_live()
        };
        let why = inspection.as_ref().err().cloned();
        let mut tasks = inspection.unwrap_or_default();
        let mut identified: Vec<_> = Vec::new();
        // Who ended while the others were read is no survivor.
        for (id, live) in runtime.registry.snapshot() {
            let task = tasks.remove(&number(id));
            let mut known = self.identify(number(id), Some(live), task);
            if known.task.is_none() && !all_may_stay {
                known.uninspected = Some(why.clone().unwrap_or_else(|| NOT_LISTED.to_owned()));
            }
            identified.push(known);
        }
        let (told, alive) = counts(runtime);
        let untold = tasks.into_iter().take(alive.saturating_sub(told));
        let untold: Vec<_> = untold.map(|(id, task)| self.identify(id, None, Some(task))).collect();
        let known = told + untold.len();
        identified.extend(untold);
        let mut judged = self.judge_each(identified, now);
        judge::reconcile(&mut judged, Tier::Hooks, known, alive);
        judged
    }

    fn judge_by_inspection(&mut self, now: Instant) -> Judged {
        let runtime = self.runtime;
        let rules = &runtime.options.ignores;
        let tasks = match self.inspect_all_that_live() {
            Ok(tasks) => tasks,
            Err(why) => {
                let current = runtime.registry.has_ignored_current();
                return judge::counted(rules, current, runtime.alive(), Some(&why));
            }
        };
        let (found, alive) = (tasks.len(), runtime.alive());
        let identified =
            tasks.into_iter().map(|(id, task)| self.identify(id, None, Some(task))).collect();
        let mut judged = self.judge_each(identified, now);
        judge::reconcile(&mut judged, Tier::Plain, found, alive);
        judged
    }

    fn judge_each(&self, identified: Vec<Identified>, now: Instant) -> Judged {
        let registry = &self.runtime.registry;
        judge::identified(&self.runtime.options.ignores, identified, |task| {
            task.into_survivor(registry, self.workspace(), now)
        })
    }

    /// Reads the tasks until it has as many as live, since they may come and go meanwhile.
    fn inspect_all_that_live(&mut self) -> Result<BTreeMap<u64, Inspected>, String> {
        // The executable may take longer to open than all tasks to read: here that counts for nothing.
        Look::new()?;
        let began = Instant::now();
        loop {
            let tasks = self.inspect().tasks?;
            if tasks.len() == self.runtime.alive() || began.elapsed() > BELIEVED {
                return Ok(tasks);
            }
            std::thread::yield_now();
        }
    }

    fn inspect(&mut self) -> Inspection {
        let began = Instant::now();
        let inspection = Inspection::of(self.runtime.handle());
        self.looked += began.elapsed();
        inspection
    }

    /// What the rules say of each live task; in the plain tier, of each that was inspected.
    fn decide(&mut self, tasks: Option<&BTreeMap<u64, Inspected>>) -> Vec<(u64, Decision)> {
        let ids: Vec<u64> = match Tier::current() {
            Tier::Hooks => self.note_origins(),
            Tier::Plain => tasks.iter().flat_map(|tasks| tasks.keys().copied()).collect(),
        };
        let mut judge = Judge::new(&self.runtime.options.ignores);
        let mut decisions = Vec::with_capacity(ids.len());
        for id in ids {
            let task = tasks.and_then(|tasks| tasks.get(&id));
            let by_program = || self.origin_of(task);
            let told = self.origins.get(&id);
            let current = told.is_some_and(|(_, current)| *current) || self.is_current(id);
            let decision = match told {
                Some((origin, _)) => judge.decide(origin.facts(task), current),
                None => judge.decide(by_program().facts(task), current),
            };
            decisions.push((id, decision));
        }
        decisions
    }

    /// Looks up where new tasks come from. Gives all that live, oldest first.
    fn note_origins(&mut self) -> Vec<u64> {
        let registry = &self.runtime.registry;
        let whole = self.runtime.settings.backtrace.value;
        let began = Instant::now();
        let live: Vec<(u64, Id)> = registry.ids().into_iter().map(|id| (number(id), id)).collect();
        let mut ids = Vec::with_capacity(live.len());
        for (number, id) in live {
            if !self.origins.contains_key(&number) {
                let Some(live) = registry.with(id, Clone::clone) else { continue };
                let origin = Origin::of_live(&live, self.workspace(), whole);
                self.origins.insert(number, (origin, live.ignored_as_current));
            }
            ids.push(number);
        }
        ids.sort_unstable();
        self.looked += began.elapsed();
        ids
    }

    /// Where a task comes from that no hook told of.
    fn origin_of(&self, task: Option<&Inspected>) -> Origin {
        let Some(task) = task else { return Origin::default() };
        let sites = task.type_id.and_then(|id| self.sites.get(&id));
        Origin::of_task(task, sites.map_or(&[], Vec::as_slice), self.workspace())
    }

    fn identify(&mut self, id: u64, live: Option<Live>, task: Option<Inspected>) -> Identified {
        self.find_sites(task.iter());
        let whole = self.runtime.settings.backtrace.value;
        let origin = match (self.origins.remove(&id), &live) {
            (Some((origin, _)), _) => origin,
            (None, Some(live)) => Origin::of_live(live, self.workspace(), whole),
            (None, None) => self.origin_of(task.as_ref()),
        };
        let type_id = task.as_ref().and_then(|task| task.type_id);
        let sites = type_id.and_then(|id| self.sites.get(&id)).map_or(&[][..], Vec::as_slice);
        let mut identified = Identified::new(id, live, task, origin.completed(sites));
        identified.ignored_as_current |= self.is_current(id);
        identified
    }

    /// Finds the places in the program that spawn such tasks: once for each type of future.
    fn find_sites<'t>(&mut self, tasks: impl Iterator<Item = &'t Inspected>) {
        let began = Instant::now();
        let Ok(look) = Look::new() else { return };
        for type_id in tasks.filter_map(|task| task.type_id) {
            if !self.sites.contains_key(&type_id) {
                let sites = look.spawn_sites(type_id).into_iter();
                let sites = sites.map(|site| Site::new(site, self.workspace())).collect();
                self.sites.insert(type_id, sites);
            }
        }
        self.looked += began.elapsed();
    }

    /// Whether `ignore_current()` covers a task that no hook told of.
    fn is_current(&self, id: u64) -> bool {
        self.runtime.registry.spawned_before_mark(id)
    }

    fn workspace(&self) -> &Workspace {
        self.workspace.get_or_init(|| self.runtime.subject.workspace())
    }
}

/// How many tasks the hooks told of, and how many tokio counts. The two are read one after the
/// other while tasks may come and go, so only a difference that lasts is believed.
fn counts(runtime: &Runtime) -> (usize, usize) {
    let began = Instant::now();
    loop {
        let (told, alive) = (runtime.registry.len(), runtime.alive());
        if told == alive || began.elapsed() > BELIEVED {
            return (told, alive);
        }
        std::thread::yield_now();
    }
}
