//! How many tasks a watch still waits for, and when those that only sleep are due.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Watch;
use crate::inspect::Inspection;
use crate::judge::{self, Decision};
use crate::report::Tier;
use crate::settle::{Left, Unsettled};
use crate::timers;

impl Watch<'_> {
    /// How many of the live tasks no ignore covers, by what an inspection tells; `None` if none can.
    fn uncovered_by_inspection(&mut self) -> Option<usize> {
        let last = self.inspection.take().filter(Inspection::is_fresh);
        let inspection = last.unwrap_or_else(|| self.inspect());
        let uncovered = inspection.tasks.as_ref().ok().map(|tasks| {
            if Tier::current() == Tier::Plain {
                self.find_sites(tasks.values());
            }
            let decisions = self.decide(Some(tasks));
            let unseen = match Tier::current() {
                Tier::Hooks => 0,
                Tier::Plain => self.runtime.alive().saturating_sub(tasks.len()),
            };
            uncovered(&decisions) + unseen
        });
        self.inspection = Some(inspection);
        uncovered
    }

    fn is_tolerant(&self) -> bool {
        let runtime = self.runtime;
        !runtime.options.ignores.is_empty() || runtime.registry.has_ignored_current()
    }

    fn left_by_hooks(&mut self, thorough: bool) -> Left {
        let runtime = self.runtime;
        let rules = &runtime.options.ignores;
        let (told, alive) = (runtime.registry.len(), runtime.alive());
        // A task's end is told a moment before tokio forgets the task: no leak yet.
        let untold = alive.abs_diff(told);
        if !self.is_tolerant() || told == 0 {
            return Left { tasks: told + untold, told: told > 0 };
        }
        let decisions = self.decide(None);
        let mut waited_for = uncovered(&decisions);
        let inspected = rules.iter().any(crate::Ignore::needs_inspection);
        if thorough && waited_for > 0 && inspected {
            waited_for = self.uncovered_by_inspection().unwrap_or(waited_for);
        }
        Left { tasks: waited_for + untold, told: waited_for > 0 }
    }

    fn left_by_count(&mut self, thorough: bool) -> Left {
        let runtime = self.runtime;
        let rules = &runtime.options.ignores;
        let judged = judge::counted(rules, false, runtime.alive(), None);
        let mut tasks = judged.reported.iter().map(|survivor| survivor.count).sum();
        let tolerant = rules.iter().any(|rule| !rule.is_count_alone());
        if thorough && tasks > 0 && (tolerant || runtime.registry.has_ignored_current()) {
            tasks = self.uncovered_by_inspection().unwrap_or(tasks);
        }
        Left { tasks, told: false }
    }
}

impl Unsettled for Watch<'_> {
    fn left(&mut self, thorough: bool) -> Left {
        match Tier::current() {
            Tier::Hooks => self.left_by_hooks(thorough),
            Tier::Plain => self.left_by_count(thorough),
        }
    }

    fn ended(&self) -> Option<usize> {
        (Tier::current() == Tier::Hooks).then(|| self.runtime.registry.ended())
    }

    fn due(&mut self, within: Duration) -> Option<Duration> {
        let tasks = self.inspect().tasks.ok()?;
        let decisions = if self.is_tolerant() { self.decide(Some(&tasks)) } else { Vec::new() };
        let may_stay = decisions.iter().filter(|(_, decision)| decision.may_stay());
        let may_stay: BTreeSet<u64> = may_stay.map(|(id, _)| *id).collect();
        let due = tasks.values().filter_map(|task| Some((task.id, timers::due(task)?)));
        let due = due.filter(|(id, _)| !may_stay.contains(id)).map(|(_, due)| due);
        due.filter(|due| *due <= within).max()
    }
}

fn uncovered(decisions: &[(u64, Decision)]) -> usize {
    decisions.iter().filter(|(_, decision)| !decision.may_stay()).count()
}
