//! Splits survivors into leaked and ignored. Pure: facts in, judgement out.

use crate::diagnose::ends_by_itself;
use crate::identify::Identified;
use crate::ignore::{Covers, Facts, Ignore};
use crate::report::{Ignored, Tier};
use crate::survivor::Survivor;

/// Who leaked, who may stay, and what could not be told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judged {
    pub(crate) reported: Vec<Survivor>,
    pub(crate) ignored: Vec<Ignored>,
    /// The rules that covered nothing, as they were written.
    pub(crate) stale: Vec<String>,
    /// Why some of the reported might be ignored after all.
    pub(crate) undecided: Vec<String>,
}

const AS_CURRENT: &str = "it was alive when the test called `ignore_current()`";

/// What the rules say of one survivor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It may stay, by this rule.
    Ignored(usize),
    /// It lived when the test called `ignore_current()`.
    Current,
    /// No rule covers it.
    Reported,
    /// This rule may cover it, and hangs on this condition.
    Undecided(usize, &'static str),
}

impl Decision {
    /// Whether the survivor may stay.
    pub(crate) fn may_stay(self) -> bool {
        matches!(self, Self::Ignored(_) | Self::Current)
    }
}

/// The rules at work. Each covers no more survivors than its count, and those are judged oldest
/// first.
pub(crate) struct Judge<'a> {
    rules: &'a [Ignore],
    left: Vec<usize>,
    matched: Vec<bool>,
    /// A rule that covers any number goes first, one by number alone last: none is used up by a
    /// survivor that another would have covered.
    order: Vec<usize>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(rules: &'a [Ignore]) -> Self {
        let mut order: Vec<usize> = (0..rules.len()).collect();
        order.sort_by_key(|at| (rules[*at].count.is_some(), rules[*at].is_count_alone()));
        let left = rules.iter().map(|rule| rule.count.unwrap_or(usize::MAX)).collect();
        Self { rules, left, matched: vec![false; rules.len()], order }
    }

    pub(crate) fn decide(&mut self, facts: Facts<'_>, current: bool) -> Decision {
        let covers: Vec<Covers> = self.rules.iter().map(|rule| rule.covers(facts)).collect();
        for (matched, covers) in self.matched.iter_mut().zip(&covers) {
            *matched |= *covers != Covers::No;
        }
        if current {
            return Decision::Current;
        }
        let open = |rule: &usize| self.left[*rule] > 0;
        let mut by_order = self.order.iter().copied().filter(open);
        if let Some(rule) = by_order.find(|rule| covers[*rule] == Covers::Yes) {
            self.left[rule] -= 1;
            return Decision::Ignored(rule);
        }
        let undecided = |rule| match covers[rule] {
            Covers::Undecided(key) => Some(Decision::Undecided(rule, key)),
            Covers::Yes | Covers::No => None,
        };
        let undecided = (0..self.rules.len()).filter(open).find_map(undecided);
        undecided.unwrap_or(Decision::Reported)
    }

    /// The rules that covered nothing, as they were written.
    fn stale(&self) -> Vec<String> {
        let unmatched = self.rules.iter().zip(&self.matched).filter(|(_, matched)| !**matched);
        unmatched.map(|(rule, _)| rule.shown()).collect()
    }
}

/// Judges tasks that are known one by one, oldest first.
pub(crate) fn identified(
    rules: &[Ignore],
    tasks: Vec<Identified>,
    into_survivor: impl Fn(Identified) -> Survivor,
) -> Judged {
    let mut judge = Judge::new(rules);
    let mut judged = Judged::default();
    for task in tasks {
        let decision = judge.decide(task.facts(), task.ignored_as_current);
        let survivor = into_survivor(task);
        let reason = match decision {
            Decision::Ignored(rule) => &rules[rule].reason,
            Decision::Current => AS_CURRENT,
            Decision::Reported | Decision::Undecided(..) => {
                if let Some(reason) = ends_by_itself(&survivor) {
                    let reason = reason.to_owned();
                    judged.ignored.push(Ignored { reason, survivor });
                    continue;
                }
                if let Decision::Undecided(rule, key) = decision {
                    judged.undecided.push(undecided(&rules[rule], key, &survivor));
                }
                judged.reported.push(survivor);
                continue;
            }
        };
        judged.ignored.push(Ignored { reason: reason.to_owned(), survivor });
    }
    judged.stale = judge.stale();
    judged
}

fn undecided(rule: &Ignore, key: &str, survivor: &Survivor) -> String {
    let task = survivor.id.map_or_else(|| "the task".to_owned(), |id| format!("task {id}"));
    let candidates = &survivor.spawn_candidates;
    let why = match (key, &survivor.uninspected) {
        ("name", _) => {
            "tokio keeps the names of tasks where nothing can read them: use `future` or \
             `spawned_at`"
                .to_owned()
        }
        ("spawned_at" | "spawned_by", _) if candidates.len() > 1 => {
            format!("one of {} places spawned it: use `future`", candidates.len())
        }
        (_, Some(why)) => why.clone(),
        ("spawned_at" | "spawned_by", None) => {
            "no place in the program is known to spawn such a future: use `future`".to_owned()
        }
        (_, None) => "it could not be read: use another condition".to_owned(),
    };
    format!("{task} may be covered by {}, but `{key}` cannot be told: {why}", rule.shown())
}

/// Judges tasks of which only the number is known, for this reason. Rules by number alone can be
/// decided; any other might cover as many as its own `count` says, or all.
pub(crate) fn counted(
    rules: &[Ignore],
    ignored_current: bool,
    alive: usize,
    why: Option<&str>,
) -> Judged {
    let (alone, others): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.is_count_alone());
    let mut judged = Judged::default();
    let mut left = alive;
    for rule in alone {
        let covered = left.min(rule.count.unwrap_or(0));
        left -= covered;
        if covered > 0 {
            let survivor = Survivor::only_counted(covered, why);
            judged.ignored.push(Ignored { reason: rule.reason.clone(), survivor });
        } else {
            judged.stale.push(rule.shown());
        }
    }
    if left == 0 {
        judged.stale.extend(others.iter().map(|rule| rule.shown()));
        return judged;
    }
    judged.reported.push(Survivor::only_counted(left, why));
    let coverable =
        others.iter().map(|rule| rule.count.unwrap_or(usize::MAX)).fold(0, usize::saturating_add);
    if ignored_current || coverable >= left {
        let rules = others.iter().map(|rule| rule.shown());
        let rules: Vec<_> =
            rules.chain(ignored_current.then(|| "`ignore_current()`".to_owned())).collect();
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        judged.undecided.push(format!(
            "the tasks are counted and cannot be told apart, which is what {} asks for{why}; \
             `ignore(count = N, reason = \"…\")` works in any case",
            rules.join(" and ")
        ));
    }
    judged
}

/// Holds the tasks that are known one by one against tokio's own count: leakcheck does not trust
/// itself blindly.
pub(crate) fn reconcile(judged: &mut Judged, tier: Tier, known: usize, alive: usize) {
    if alive > known {
        judged.reported.push(Survivor::counted(alive - known));
    }
    if known > alive {
        let how = match tier {
            Tier::Hooks => "its hooks told of",
            Tier::Plain => "inspection found",
        };
        let hook = if tier == Tier::Hooks { ": a hook of leakcheck's was replaced" } else { "" };
        judged.undecided.push(format!("tokio counts {alive} live tasks where {how} {known}{hook}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaked(judged: &Judged) -> usize {
        judged.reported.iter().map(|survivor| survivor.count).sum()
    }

    fn judge(rules: &[Ignore], tasks: Vec<Identified>) -> Judged {
        identified(rules, tasks, |_| Survivor::counted(1))
    }

    #[test]
    fn without_rules_each_counted_task_leaked() {
        let judged = counted(&[], false, 3, None);
        assert_eq!((leaked(&judged), judged.undecided.len()), (3, 0));
    }

    #[test]
    fn a_rule_by_number_alone_covers_as_many_and_no_more() {
        let rules = [Ignore::new("pool").count(2)];
        assert_eq!(leaked(&counted(&rules, false, 2, None)), 0);
        assert_eq!(leaked(&counted(&rules, false, 3, None)), 1);
        assert_eq!(counted(&rules, false, 0, None).stale.len(), 1);
    }

    #[test]
    fn a_rule_that_needs_an_identity_is_undecided_unless_it_cannot_cover_all() {
        let any = [Ignore::new("pool").spawned_at("src/pool.rs", None)];
        assert_eq!(counted(&any, false, 1, None).undecided.len(), 1);
        let one = [Ignore::new("pool").spawned_at("src/pool.rs", None).count(1)];
        assert_eq!(counted(&one, false, 1, None).undecided.len(), 1);
        assert!(
            counted(&one, false, 2, None).undecided.is_empty(),
            "one of the two leaked for certain"
        );
    }

    #[test]
    fn ignore_current_is_undecided_where_tasks_are_only_counted() {
        assert_eq!(counted(&[], true, 1, None).undecided.len(), 1);
        assert!(counted(&[], true, 0, None).undecided.is_empty());
    }

    #[test]
    fn a_survivor_uses_up_no_rule_that_another_one_needs() {
        let at = |line| {
            let place = crate::place::Place::test("src/pool.rs", line);
            Identified::test(place)
        };
        let by_number = Ignore::new("one").count(1);
        let by_place = Ignore::new("pool").spawned_at("src/pool.rs", Some(1));
        for rules in [[by_number.clone(), by_place.clone()], [by_place, by_number]] {
            assert_eq!(leaked(&judge(&rules, vec![at(1), at(2)])), 0);
        }
    }

    #[test]
    fn what_cannot_be_told_is_undecided_and_says_why() {
        let rules = [Ignore::new("flusher").future("app::flush")];
        let place = crate::place::Place::test("src/pool.rs", 1);
        let into_survivor = |_| Survivor::only_counted(1, Some("set `debug = 2`"));
        let judged = identified(&rules, vec![Identified::test(place)], into_survivor);
        assert_eq!((leaked(&judged), judged.stale.len()), (1, 0));
        assert!(judged.undecided[0].contains("`future` cannot be told: set `debug = 2`"));
    }

    #[test]
    fn a_task_that_ends_by_itself_may_stay_without_a_rule() {
        let reaper = |_| Survivor {
            future: Some("bb8::inner::Reaper<M>::run".to_owned()),
            ..Survivor::counted(1)
        };
        let task = Identified::test(crate::place::Place::test("src/main.rs", 1));
        let judged = identified(&[], vec![task], reaper);
        assert_eq!((leaked(&judged), judged.ignored.len()), (0, 1));
    }

    #[test]
    fn what_lived_at_ignore_current_uses_up_no_rule() {
        let rules = [Ignore::new("one").count(1)];
        let place = || crate::place::Place::test("src/pool.rs", 1);
        let current = Identified { ignored_as_current: true, ..Identified::test(place()) };
        let judged = judge(&rules, vec![current, Identified::test(place())]);
        assert_eq!((leaked(&judged), judged.ignored.len()), (0, 2));
    }

    #[test]
    fn hooks_that_disagree_with_tokio_are_no_proof_of_anything() {
        let mut unseen = Judged::default();
        reconcile(&mut unseen, Tier::Plain, 0, 2);
        assert_eq!(leaked(&unseen), 2);
        let mut stale = Judged::default();
        reconcile(&mut stale, Tier::Hooks, 1, 0);
        assert_eq!(stale.undecided.len(), 1);
    }
}
