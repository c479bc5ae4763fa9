//! Survivors that wait for each other's end, or for what another took: which one it all hangs on, and who waits in
//! a circle.

use std::collections::HashSet;

use leakcheck_inspect::WaitKind;

use super::cause::Cause;
use super::circles::{goes_round, id, named, of_circle, tied};
use super::graph::{Edge, Graph, Role, Tie};
use super::{Finding, stuck};
use crate::survivor::Survivor;

/// What is said of a survivor that waits for others.
pub(super) fn finding(
    graph: &Graph,
    at: usize,
    survivors: &[Survivor],
    alone: &[Option<Finding>],
) -> Option<Finding> {
    match graph.role(at) {
        Role::Root { waiting, wanting } => {
            let mut found = alone[at].clone()?;
            if found.cause == Cause::JoinedNeverEnded && names_a_task(&survivors[at]) {
                found.why.push_str(", which is none of the leaked tasks");
            }
            Some(found.awaited_by(waiting, "its end").awaited_by(wanting, "what it took"))
        }
        Role::Waits { on, root } => Some(Finding {
            cause: match on.tie {
                Tie::End => Cause::JoinsASurvivor,
                Tie::Hold(..) if wants_room(&survivors[at]) => Cause::ResponseNeverRead,
                Tie::Hold(..) => Cause::LockNeverReleased,
            },
            why: waits(graph, at, (on, root), survivors, alone),
            help: match root == at {
                true => {
                    "let one of those that wait for each other go on without the others".to_owned()
                }
                false => format!("see to {} first", named(&survivors[root])),
            },
        }),
        Role::Stuck { circle, member } => Some(of_circle(graph.circle(circle), member, survivors)),
    }
}

fn wants_room(survivor: &Survivor) -> bool {
    stuck(survivor).is_some_and(|stuck| stuck.on.wait.kind == WaitKind::MpscSend)
}

fn names_a_task(survivor: &Survivor) -> bool {
    stuck(survivor).is_some_and(|stuck| stuck.others.is_empty() && stuck.on.wait.tasks.len() == 1)
}

fn waits(
    graph: &Graph,
    at: usize,
    (on, root): (Edge, usize),
    survivors: &[Survivor],
    alone: &[Option<Finding>],
) -> String {
    let next = tied(on, survivors);
    let (next, that) = match (graph.waits_for(at).saturating_sub(1), on.tie) {
        (0, Tie::End) => (next, ", which".to_owned()),
        (more, Tie::End) => (format!("{next} and {more} more"), ", the first of which".to_owned()),
        (_, Tie::Hold(..)) => (next, format!("; task {}", id(&survivors[on.to]))),
    };
    if root == at {
        return format!("waits for {next}{that} waits for leaked tasks in turn");
    }
    let why = match (graph.role(root), &alone[root]) {
        (Role::Stuck { circle, member }, _) => goes_round(graph.circle(circle), member, survivors),
        (_, Some(found)) => found.why.split("; ").next().unwrap_or_default().to_owned(),
        (_, None) => "is still alive".to_owned(),
    };
    if root == on.to {
        return format!("waits for {next}{that} {why}");
    }
    format!("waits for {next}{that} in the end waits for {}, which {why}", named(&survivors[root]))
}

/// Brings those that others wait for to the front, then those that no survivor spawned, and those
/// of which only a number is known to the end. Otherwise the order stays.
pub(crate) fn roots_first(survivors: Vec<Survivor>) -> Vec<Survivor> {
    let depths = Graph::new(&survivors).depths;
    let ids: HashSet<u64> = survivors.iter().filter_map(|survivor| survivor.id).collect();
    let mut sorted: Vec<_> = depths.into_iter().zip(survivors).collect();
    sorted.sort_by_cached_key(|(depth, survivor)| {
        let above = survivor.ancestors.iter().filter(|ancestor| ids.contains(&ancestor.id));
        (survivor.id.is_none(), *depth, above.count())
    });
    sorted.into_iter().map(|(_, survivor)| survivor).collect()
}

#[cfg(test)]
mod tests {
    use leakcheck_inspect::{Hold, HoldKind};

    use super::*;
    use crate::diagnose::tests::{diagnosed, joining, leaf, locking, select, survivor, with};

    fn root(id: u64) -> Survivor {
        with(id, leaf(WaitKind::BroadcastReceive))
    }

    fn order(survivors: Vec<Survivor>) -> Vec<Option<u64>> {
        roots_first(survivors).iter().map(|survivor| survivor.id).collect()
    }

    fn cause(survivors: Vec<Survivor>, at: usize, expected: (Cause, &str)) {
        let found = &diagnosed(survivors)[at];
        let why = found.why.as_deref().unwrap_or_default();
        assert_eq!(found.cause, Some(expected.0), "{why}");
        assert!(why.contains(expected.1), "{why}");
    }

    #[test]
    fn a_waiting_survivor_points_at_the_one_it_waits_for() {
        let told = "waits for task 2, which waits for the next message of a broadcast channel";
        cause(vec![joining(1, [2]), root(2)], 0, (Cause::JoinsASurvivor, told));
        cause(
            vec![joining(1, [2]), root(2)],
            1,
            (Cause::SubscriberNotClosed, "1 leaked task waits"),
        );
    }

    #[test]
    fn a_chain_leads_to_its_root() {
        let chain = || vec![joining(1, [2]), joining(2, [3]), root(3)];
        cause(chain(), 0, (Cause::JoinsASurvivor, "in the end waits for task 3, which waits for"));
        cause(chain(), 2, (Cause::SubscriberNotClosed, "2 leaked tasks wait for its end"));
        assert_eq!(order(chain()), [Some(3), Some(2), Some(1)]);
    }

    #[test]
    fn one_of_several_is_named_and_the_others_are_counted() {
        let set = vec![joining(1, [2, 3, 4]), root(2), root(3), root(4)];
        cause(set, 0, (Cause::JoinsASurvivor, "task 2 and 2 more, the first of which waits"));
    }

    #[test]
    fn everybody_in_a_deadlock_names_the_whole_circle() {
        let three = || vec![joining(3, [5]), joining(5, [8]), joining(8, [3])];
        cause(three(), 0, (Cause::Deadlock, "3 → 5 → 8 → 3"));
        cause(three(), 2, (Cause::Deadlock, "8 → 3 → 5 → 8"));
        cause(vec![joining(1, [1])], 0, (Cause::Deadlock, "its own end"));
    }

    #[test]
    fn whoever_waits_for_a_deadlock_is_not_in_it() {
        let tail = || vec![joining(1, [3]), joining(3, [5]), joining(5, [3])];
        cause(tail(), 0, (Cause::JoinsASurvivor, "task 3, which waits in a circle of 2 tasks"));
        assert_eq!(order(tail()), [Some(3), Some(5), Some(1)]);
    }

    const A: (WaitKind, u64) = (WaitKind::Mutex, 100);
    const B: (WaitKind, u64) = (WaitKind::Mutex, 200);

    #[test]
    fn whoever_waits_for_a_lock_points_at_the_one_that_took_it() {
        let mut holder = root(2);
        holder.holds.push(Hold::new(HoldKind::Guard, 100, "kept", "app::run"));
        let told =
            "waits for a lock that task 2 took (`kept` in app::run); task 2 waits for the next";
        cause(vec![locking(1, A, []), holder], 0, (Cause::LockNeverReleased, told));
    }

    #[test]
    fn locks_that_were_taken_in_two_orders_are_likely_a_deadlock() {
        let ends = [(1, B, [(HoldKind::Guard, 100)]), (2, A, [(HoldKind::Guard, 200)])];
        let both = || ends.map(|(id, wants, took)| locking(id, wants, took)).to_vec();
        let told = "none of which can go on unless one gave back what it took: 1 → 2 → 1; it waits for a lock that task 2 took (`kept`";
        cause(both(), 0, (Cause::LikelyDeadlock, told));
        cause(both(), 1, (Cause::LikelyDeadlock, "2 → 1 → 2"));
        assert!(diagnosed(both())[0].help.as_ref().unwrap().contains("same order"));
    }

    #[test]
    fn full_channels_that_wait_for_each_other_are_likely_a_deadlock() {
        let send = |of| (WaitKind::MpscSend, of);
        let took = |of| [(HoldKind::Receiver, of)];
        let both = vec![locking(1, send(2), took(1)), locking(2, send(1), took(2))];
        let told = "it waits for room in a channel whose receiver task 2 took (`kept` in app::run)";
        cause(both.clone(), 0, (Cause::LikelyDeadlock, told));
        assert!(diagnosed(both)[0].help.as_ref().unwrap().contains("read the channel while"));
    }

    #[test]
    fn a_lock_and_a_join_make_a_circle_too() {
        let mut joins = joining(2, [1]);
        joins.holds.push(Hold::new(HoldKind::Guard, 100, "kept", "app::run"));
        cause(
            vec![locking(1, A, []), joins],
            1,
            (Cause::LikelyDeadlock, "what it took: 2 → 1 → 2"),
        );
    }

    #[test]
    fn whoever_reads_a_channel_at_the_moment_does_not_keep_it_full() {
        let send = || locking(1, (WaitKind::MpscSend, 5), []);
        let reads = |id| locking(id, (WaitKind::MpscReceive, 5), [(HoldKind::Receiver, 5)]);
        cause(
            vec![send(), reads(2)],
            0,
            (Cause::ResponseNeverRead, "waits for room in a channel, and"),
        );
        let mut reserved = root(3);
        reserved.holds.push(Hold::new(HoldKind::Permit, 5, "room", "app::run"));
        let told = "a permit, one of which task 3 took (`room` in app::run)";
        cause(vec![send(), reads(2), reserved], 0, (Cause::ResponseNeverRead, told));
    }

    #[test]
    fn a_root_says_how_many_want_what_it_took() {
        let mut holder = root(2);
        holder.holds.push(Hold::new(HoldKind::Guard, 100, "kept", "app::run"));
        let told = "1 leaked task waits for what it took";
        cause(vec![locking(1, A, []), holder], 1, (Cause::SubscriberNotClosed, told));
    }

    #[test]
    fn a_circle_of_this_and_that_is_not_told_to_order_its_locks() {
        let mut joins = joining(2, [1]);
        joins.holds.push(Hold::new(HoldKind::Receiver, 5, "inbox", "app::run"));
        let found = diagnosed(vec![locking(1, (WaitKind::MpscSend, 5), []), joins]);
        assert_eq!(found[0].cause, Some(Cause::LikelyDeadlock));
        assert!(found[0].help.as_ref().unwrap().contains("let one of its tasks go on"));
    }

    #[test]
    fn what_a_task_took_itself_may_be_free_again_so_it_makes_no_deadlock() {
        let mut both = locking(1, A, [(HoldKind::Guard, 100)]);
        let join = joining(0, [2]).awaits.unwrap();
        both.awaits = Some(select([both.awaits.unwrap(), join]));
        let circle = vec![both, joining(2, [1])];
        cause(circle.clone(), 1, (Cause::JoinsASurvivor, "task 1, which waits for a Mutex"));
        cause(circle, 0, (Cause::JoinsASurvivor, "task 2, which waits for leaked tasks in turn"));
    }

    #[test]
    fn many_holders_of_one_thing_are_not_all_looked_at() {
        let reads = |id| locking(id, B, [(HoldKind::ReadGuard, 100)]);
        let mut all: Vec<_> = (2..2_000).map(reads).collect();
        all.push(locking(1, (WaitKind::RwLockWrite, 100), []));
        let waiter = all.len() - 1;
        cause(all, waiter, (Cause::LockNeverReleased, "a lock that task 2 took"));
    }

    #[test]
    fn where_two_took_what_one_can_have_nobody_is_named() {
        let took = || [(HoldKind::Guard, 100)];
        let three = vec![locking(1, A, []), locking(2, B, took()), locking(3, B, took())];
        cause(three, 0, (Cause::LockNeverReleased, "a Mutex that was not released"));
    }

    #[test]
    fn a_permit_may_come_from_somebody_else_so_it_makes_no_deadlock() {
        let wants = |of| (WaitKind::Semaphore, of);
        let took = |of| [(HoldKind::Permit, of)];
        let both = vec![locking(1, wants(2), took(1)), locking(2, wants(1), took(2))];
        let told = "a permit, one of which task 2 took (`kept` in app::run); task 2 waits";
        cause(both, 0, (Cause::LockNeverReleased, told));
    }

    #[test]
    fn a_circle_with_a_way_out_is_no_deadlock() {
        let timeout = vec![joining(1, [2]), {
            let mut tree = joining(2, [1]).awaits.unwrap();
            tree.children.push(leaf(WaitKind::Sleep));
            with(2, tree)
        }];
        cause(timeout, 0, (Cause::JoinsASurvivor, "task 2, which"));
    }

    #[test]
    fn a_circle_that_something_unreadable_is_part_of_is_no_deadlock() {
        let mut tree = joining(2, [1]).awaits.unwrap();
        tree.children.push(leakcheck_inspect::Node::new(leakcheck_inspect::NodeKind::Cut, "deep"));
        cause(vec![joining(1, [2]), with(2, tree)], 1, (Cause::JoinsASurvivor, "in turn"));
    }

    #[test]
    fn a_circle_in_which_somebody_was_just_woken_is_no_deadlock() {
        let mut woken = joining(2, [1]);
        (woken.state, woken.polls_in_grace) = (Some(crate::survivor::State::Notified), Some(1));
        cause(vec![joining(1, [2]), woken], 1, (Cause::JoinsASurvivor, "in turn"));
    }

    #[test]
    fn a_task_that_runs_all_the_time_waits_for_nobody() {
        let mut busy = joining(1, [2]);
        busy.polls_in_grace = Some(9_999);
        cause(vec![busy, root(2)], 0, (Cause::BusyLoop, "9999 times"));
    }

    #[test]
    fn whoever_waits_for_a_root_too_is_led_there_and_not_to_a_circle() {
        let set = vec![joining(1, [3, 9]), joining(3, [5]), joining(5, [3]), root(9)];
        cause(set, 0, (Cause::JoinsASurvivor, "broadcast"));
    }

    #[test]
    fn a_task_that_is_no_survivor_is_not_made_one() {
        let told = ", task 7, which is none of the leaked tasks";
        cause(vec![joining(1, [7])], 0, (Cause::JoinedNeverEnded, told));
    }

    #[test]
    fn a_long_chain_is_followed_without_a_deep_stack() {
        let mut chain: Vec<_> = (0..20_000).map(|id| joining(id, [id + 1])).collect();
        chain.push(root(20_000));
        cause(chain, 0, (Cause::JoinsASurvivor, "in the end waits for task 20000"));
        let ring = (0..20_000).map(|id| joining(id, [(id + 1) % 20_000])).collect();
        cause(ring, 0, (Cause::Deadlock, "6 → 7 → … → 0"));
    }

    #[test]
    fn the_order_of_strangers_stays_and_the_nameless_come_last() {
        let nameless = Survivor::counted(3);
        let order = order(vec![nameless, root(4), survivor(7), root(6)]);
        assert_eq!(order, [Some(4), Some(7), Some(6), None]);
    }

    #[test]
    fn a_child_comes_after_its_parent_and_other_roots() {
        let mut child = root(2);
        let spawned_at = crate::place::Place::test("src/main.rs", 3);
        child.ancestors.push(crate::survivor::Ancestor { id: 3, spawned_at, ended: false });
        assert_eq!(order(vec![child, root(3), root(4)]), [Some(3), Some(4), Some(2)]);
    }
}
