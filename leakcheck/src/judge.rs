//! Splits survivors into leaked and ignored. Pure: facts in, judgement out.

use crate::diagnose::ends_by_itself;
use crate::ignore::{Covers, Ignore};
use crate::report::Ignored;
use crate::survivor::{Identified, Survivor};

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

/// Judges tasks that are known one by one, oldest first.
pub(crate) fn identified(rules: &[Ignore], survivors: Vec<Identified>) -> Judged {
    let mut judged = Judged::default();
    let mut left: Vec<usize> = rules.iter().map(|rule| rule.count.unwrap_or(usize::MAX)).collect();
    let mut matched = vec![false; rules.len()];
    // A rule that covers any number goes first, one by number alone last: none is used up by a
    // survivor that another would have covered.
    let mut order: Vec<usize> = (0..rules.len()).collect();
    order.sort_by_key(|at| (rules[*at].count.is_some(), rules[*at].is_count_alone()));
    for identified in survivors {
        let covers: Vec<Covers> =
            rules.iter().map(|rule| rule.covers(identified.facts())).collect();
        let open = |index: &usize| left[*index] > 0;
        let covering = order.iter().copied().filter(open).find(|at| covers[*at] == Covers::Yes);
        for (index, covers) in covers.iter().enumerate() {
            matched[index] |= *covers != Covers::No;
        }
        let reason = match covering {
            _ if identified.ignored_as_current => AS_CURRENT,
            Some(rule) => {
                left[rule] -= 1;
                &rules[rule].reason
            }
            None => match ends_by_itself(&identified.survivor) {
                Some(reason) => reason,
                None => {
                    let undecided =
                        (0..rules.len()).filter(open).find_map(|index| match covers[index] {
                            Covers::Undecided(key) => {
                                Some(undecided(&rules[index], key, identified.survivor.id))
                            }
                            Covers::Yes | Covers::No => None,
                        });
                    judged.undecided.extend(undecided);
                    judged.reported.push(identified.survivor);
                    continue;
                }
            },
        };
        judged.ignored.push(Ignored { reason: reason.to_owned(), survivor: identified.survivor });
    }
    judged.stale = rules
        .iter()
        .zip(matched)
        .filter(|(_, matched)| !matched)
        .map(|(rule, _)| rule.shown())
        .collect();
    judged
}

fn undecided(rule: &Ignore, key: &str, task: Option<u64>) -> String {
    let task = task.map_or_else(|| "the task".to_owned(), |id| format!("task {id}"));
    format!(
        "{task} may be covered by {}, but `{key}` cannot be read in this build: use `spawned_at` or `spawned_by`",
        rule.shown()
    )
}

/// Judges tasks of which only the number is known. Rules by number alone can be decided; any
/// other might cover as many as its own `count` says, or all.
pub(crate) fn counted(rules: &[Ignore], ignored_current: bool, alive: usize) -> Judged {
    let (alone, others): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.is_count_alone());
    let mut judged = Judged::default();
    let mut left = alive;
    for rule in alone {
        let covered = left.min(rule.count.unwrap_or(0));
        left -= covered;
        if covered > 0 {
            let survivor = Survivor::counted(covered);
            judged.ignored.push(Ignored { reason: rule.reason.clone(), survivor });
        } else {
            judged.stale.push(rule.shown());
        }
    }
    if left == 0 {
        judged.stale.extend(others.iter().map(|rule| rule.shown()));
        return judged;
    }
    judged.reported.push(Survivor::counted(left));
    let coverable =
        others.iter().map(|rule| rule.count.unwrap_or(usize::MAX)).fold(0, usize::saturating_add);
    if ignored_current || coverable >= left {
        let rules = others.iter().map(|rule| rule.shown());
        let rules: Vec<_> =
            rules.chain(ignored_current.then(|| "`ignore_current()`".to_owned())).collect();
        judged.undecided.push(format!(
            "the plain tier counts tasks and cannot tell them apart, which is what {} asks for: \
             build with `--cfg tokio_unstable`, or use `ignore(count = N, reason = \"…\")`",
            rules.join(" and ")
        ));
    }
    judged
}

/// Holds what the hooks told against tokio's own count: leakcheck does not trust itself blindly.
pub(crate) fn reconcile(judged: &mut Judged, told: usize, alive: usize) {
    if alive > told {
        judged.reported.push(Survivor::counted(alive - told));
    }
    if told > alive {
        judged.undecided.push(format!(
            "tokio counts {alive} live tasks where its hooks told of {told}: a hook of leakcheck's was replaced"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaked(judged: &Judged) -> usize {
        judged.reported.iter().map(|survivor| survivor.count).sum()
    }

    #[test]
    fn without_rules_each_counted_task_leaked() {
        let judged = counted(&[], false, 3);
        assert_eq!((leaked(&judged), judged.undecided.len()), (3, 0));
    }

    #[test]
    fn a_rule_by_number_alone_covers_as_many_and_no_more() {
        let rules = [Ignore::new("pool").count(2)];
        assert_eq!(leaked(&counted(&rules, false, 2)), 0);
        assert_eq!(leaked(&counted(&rules, false, 3)), 1);
        assert_eq!(counted(&rules, false, 0).stale.len(), 1);
    }

    #[test]
    fn a_rule_that_needs_an_identity_is_undecided_unless_it_cannot_cover_all() {
        let any = [Ignore::new("pool").spawned_at("src/pool.rs", None)];
        assert_eq!(counted(&any, false, 1).undecided.len(), 1);
        let one = [Ignore::new("pool").spawned_at("src/pool.rs", None).count(1)];
        assert_eq!(counted(&one, false, 1).undecided.len(), 1);
        assert!(counted(&one, false, 2).undecided.is_empty(), "one of the two leaked for certain");
    }

    #[test]
    fn ignore_current_is_undecided_where_tasks_are_only_counted() {
        assert_eq!(counted(&[], true, 1).undecided.len(), 1);
        assert!(counted(&[], true, 0).undecided.is_empty());
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
            assert_eq!(leaked(&identified(&rules, vec![at(1), at(2)])), 0);
        }
    }

    #[test]
    fn a_task_that_ends_by_itself_may_stay_without_a_rule() {
        let mut reaper = Identified::test(crate::place::Place::test("src/main.rs", 1));
        reaper.survivor.future = Some("bb8::inner::Reaper<M>::run".to_owned());
        let judged = identified(&[], vec![reaper]);
        assert_eq!((leaked(&judged), judged.ignored.len()), (0, 1));
    }

    #[test]
    fn hooks_that_disagree_with_tokio_are_no_proof_of_anything() {
        let mut unseen = Judged::default();
        reconcile(&mut unseen, 0, 2);
        assert_eq!(leaked(&unseen), 2);
        let mut stale = Judged::default();
        reconcile(&mut stale, 1, 0);
        assert_eq!(stale.undecided.len(), 1);
    }
}
