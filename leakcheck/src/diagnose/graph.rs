//! Who waits for whose end, or for what another holds, and what that comes down to: roots, chains and circles.

use std::collections::{HashMap, VecDeque};

use leakcheck_inspect::{Hold, HoldKind, Node, Resource, Wait, WaitKind};

use super::leaves::{LOOKED_AT, Leaf, Stuck};
use super::{state, stuck};
use crate::survivor::{State, Survivor};

/// How many holders of one thing are looked at: a thousand readers may hold what a thousand writers want.
const HOLDERS: usize = 64;

/// Who waits for whom, by index.
#[derive(Debug)]
pub(super) struct Graph {
    waits_for: Vec<usize>,
    roles: Vec<Role>,
    circles: Vec<Circle>,
    /// How many steps there are to the root.
    pub(super) depths: Vec<usize>,
}

/// What a survivor is among those that wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It waits for no other survivor; so many wait for its end, and so many for what it took.
    Root { waiting: usize, wanting: usize },
    /// It waits for `on`, and with that in the end for `root`; or nobody can say, where that is
    /// itself.
    Waits { on: Edge, root: usize },
    /// It waits for itself: the how manieth it is of which circle.
    Stuck { circle: usize, member: usize },
}

/// That a survivor waits for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) to: usize,
    pub(super) tie: Tie,
}

/// Why it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// The other one has to end.
    End,
    /// The other one took what it wants: this one of its holds.
    Hold(usize, HoldKind),
}

/// A member of a circle, and why it waits for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) at: usize,
    pub(super) edge: Edge,
}

/// Survivors that wait for each other, each before the one that it waits for.
#[derive(Debug)]
pub(super) struct Circle {
    pub(super) steps: Vec<Step>,
    pub(super) by: By,
}

/// What all members of a circle wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The end of the next one.
    Ends,
    /// Room in a channel whose receiver the next one took.
    Channels,
    /// A lock that the next one took.
    Locks,
    /// Some for this, some for that.
    Several,
}

impl Circle {
    fn new(steps: Vec<Step>) -> Self {
        let ties = || steps.iter().map(|step| step.edge.tie);
        let by = if ties().all(|tie| tie == Tie::End) {
            By::Ends
        } else if ties().all(|tie| matches!(tie, Tie::Hold(_, HoldKind::Receiver))) {
            By::Channels
        } else if ties().all(|tie| matches!(tie, Tie::Hold(_, kind) if kind != HoldKind::Receiver))
        {
            By::Locks
        } else {
            By::Several
        };
        Self { steps, by }
    }

    /// Its members, from this one on, once round.
    pub(super) fn from(&self, member: usize) -> impl Iterator<Item = Step> + '_ {
        self.steps.iter().cycle().skip(member).take(self.steps.len()).copied()
    }
}

/// What one survivor waits for.
struct Edges {
    to: Vec<Edge>,
    /// Whether it waits for nothing else: then it is stuck while they are.
    only: bool,
}

impl Graph {
    pub(super) fn new(survivors: &[Survivor]) -> Self {
        let ids: HashMap<u64, usize> =
            survivors.iter().enumerate().filter_map(|(at, one)| Some((one.id?, at))).collect();
        let holders = holders(survivors);
        let edges: Vec<Edges> =
            (0..survivors.len()).map(|at| edges((at, &survivors[at]), &ids, &holders)).collect();
        let mut search = Search::new(&edges);
        search.follow(&edges);
        search.close_circles(&edges);
        count_waiting(&mut search.roles);
        let waits_for = edges.iter().map(|edges| edges.to.len()).collect();
        let Search { roles, circles, depths, .. } = search;
        Self { waits_for, roles, circles, depths }
    }

    pub(super) fn role(&self, at: usize) -> Role {
        self.roles[at]
    }

    pub(super) fn circle(&self, circle: usize) -> &Circle {
        &self.circles[circle]
    }

    /// How many survivors it waits for.
    pub(super) fn waits_for(&self, at: usize) -> usize {
        self.waits_for[at]
    }
}

/// Who took what: survivors, and which of their holds.
type Holders = HashMap<Resource, Vec<(usize, usize, HoldKind)>>;

fn holders(survivors: &[Survivor]) -> Holders {
    let mut holders = Holders::new();
    for (at, survivor) in survivors.iter().enumerate() {
        // Whoever reads a channel at this moment does not keep it full.
        let reads = |hold: &(usize, &Hold)| {
            hold.1.kind == HoldKind::Receiver && receives(survivor, hold.1.of)
        };
        for (number, hold) in survivor.holds.iter().enumerate().filter(|hold| !reads(hold)) {
            holders.entry(hold.of).or_default().push((at, number, hold.kind));
        }
    }
    holders
}

fn receives(survivor: &Survivor, of: Resource) -> bool {
    let waits = |wait: &Wait| wait.kind == WaitKind::MpscReceive && wait.of == Some(of);
    let leaves = survivor.awaits.iter().flat_map(Node::leaves);
    leaves.take(LOOKED_AT).any(|leaf| leaf.wait.as_ref().is_some_and(waits))
}

fn edges(
    (at, survivor): (usize, &Survivor),
    ids: &HashMap<u64, usize>,
    holders: &Holders,
) -> Edges {
    let stuck = stuck(survivor).filter(|stuck| ties(&stuck.on));
    // One that runs all the time has another cause than what it waits for in between.
    let Some(Stuck { on, others, complete }) = stuck.filter(|_| state::finding(survivor).is_none())
    else {
        return Edges { to: Vec::new(), only: false };
    };
    let only = complete && survivor.state == Some(State::Waiting);
    let mut edges = Edges { to: Vec::new(), only };
    for leaf in std::iter::once(&on).chain(&others) {
        let (to, all) = if joins(leaf) {
            joined(leaf, ids)
        } else if ties(leaf) {
            taken(leaf, at, holders)
        } else {
            (Vec::new(), false)
        };
        edges.to.extend(to);
        edges.only &= all && leaf.deadline_ms.is_none();
    }
    edges
}

fn ties(leaf: &Leaf<'_>) -> bool {
    joins(leaf) || leaf.wait.of.is_some() && leaf.wait.kind != WaitKind::MpscReceive
}

fn joins(leaf: &Leaf<'_>) -> bool {
    matches!(leaf.wait.kind, WaitKind::Join | WaitKind::JoinSet | WaitKind::TaskTracker)
}

/// The tasks whose end is waited for, and whether these are all.
fn joined(leaf: &Leaf<'_>, ids: &HashMap<u64, usize>) -> (Vec<Edge>, bool) {
    let known = leaf.wait.tasks.iter().filter_map(|task| ids.get(task));
    let edges: Vec<Edge> = known.map(|to| Edge { to: *to, tie: Tie::End }).collect();
    let all = !edges.is_empty() && edges.len() == leaf.wait.tasks.len();
    (edges, all)
}

/// The others that took what is waited for, and whether the wait is for nobody else, as far as can be seen.
/// Where two took what only one can have, nobody knows which. Nor is it known whether a task has given back by
/// now what it took itself.
fn taken(leaf: &Leaf<'_>, at: usize, holders: &Holders) -> (Vec<Edge>, bool) {
    let taken = leaf.wait.of.and_then(|of| holders.get(&of)).map_or(&[][..], Vec::as_slice);
    let alone = |kind| matches!(kind, HoldKind::Guard | HoldKind::Receiver);
    let own = taken.iter().any(|(to, ..)| *to == at);
    if own || taken.len() > 1 && taken.iter().any(|(_, _, kind)| alone(*kind)) {
        return (Vec::new(), false);
    }
    let edge = |(to, hold, kind): &_| Edge { to: *to, tie: Tie::Hold(*hold, *kind) };
    let edges: Vec<Edge> = taken.iter().take(HOLDERS).map(edge).collect();
    // Of a semaphore's permits, anybody may give one back.
    let all = !edges.is_empty() && edges.len() == taken.len();
    (edges, all && leaf.wait.kind != WaitKind::Semaphore)
}

struct Search {
    roles: Vec<Role>,
    circles: Vec<Circle>,
    depths: Vec<usize>,
    settled: Vec<bool>,
    /// Who waits, and why.
    waiters: Vec<Vec<(usize, Tie)>>,
    queue: VecDeque<usize>,
}

impl Search {
    fn new(edges: &[Edges]) -> Self {
        let mut waiters = vec![Vec::new(); edges.len()];
        for (at, edges) in edges.iter().enumerate() {
            edges.to.iter().for_each(|edge| waiters[edge.to].push((at, edge.tie)));
        }
        let settled: Vec<bool> = edges.iter().map(|edges| edges.to.is_empty()).collect();
        let queue = (0..edges.len()).filter(|at| settled[*at]).collect();
        let roles = vec![Role::Root { waiting: 0, wanting: 0 }; edges.len()];
        Self { roles, circles: Vec::new(), depths: vec![0; edges.len()], settled, waiters, queue }
    }

    /// Leads everybody to the nearest root. Whoever is left then waits for nothing but others that
    /// are left, all of it: they cannot go on, whatever `select!` or `join!` is around.
    fn follow(&mut self, edges: &[Edges]) {
        let mut unsure = (0..edges.len()).filter(|at| !edges[*at].only);
        loop {
            while let Some(at) = self.queue.pop_front() {
                for (waiter, tie) in std::mem::take(&mut self.waiters[at]) {
                    if !self.settled[waiter] {
                        let on = Edge { to: at, tie };
                        self.settle(waiter, on, self.root(at), self.depths[at] + 1);
                    }
                }
            }
            match unsure.find(|at| !self.settled[*at]) {
                Some(at) => self.settle(at, edges[at].to[0], at, 1),
                None => break,
            }
        }
    }

    fn settle(&mut self, at: usize, on: Edge, root: usize, depth: usize) {
        self.roles[at] = Role::Waits { on, root };
        self.depths[at] = depth;
        self.settled[at] = true;
        self.queue.push_back(at);
    }

    fn root(&self, at: usize) -> usize {
        match self.roles[at] {
            Role::Waits { root, .. } => root,
            Role::Root { .. } | Role::Stuck { .. } => at,
        }
    }

    /// Finds a circle from each of those that are left, and leads the others to it.
    fn close_circles(&mut self, edges: &[Edges]) {
        for start in 0..edges.len() {
            let mut walked: Vec<Step> = Vec::new();
            let mut steps = HashMap::new();
            let mut at = start;
            while !self.settled[at] && !steps.contains_key(&at) {
                let edge = edges[at].to[0];
                steps.insert(at, walked.len());
                walked.push(Step { at, edge });
                at = edge.to;
            }
            let circle = walked.split_off(steps.get(&at).copied().unwrap_or(walked.len()));
            for (member, step) in circle.iter().enumerate() {
                self.roles[step.at] = Role::Stuck { circle: self.circles.len(), member };
                self.settled[step.at] = true;
            }
            self.circles.extend((!circle.is_empty()).then(|| Circle::new(circle)));
            for Step { at, edge } in walked.into_iter().rev() {
                self.settle(at, edge, self.root(edge.to), self.depths[edge.to] + 1);
            }
        }
    }
}

fn count_waiting(roles: &mut [Role]) {
    for at in 0..roles.len() {
        let Role::Waits { root, on } = roles[at] else { continue };
        if let Role::Root { waiting, wanting } = &mut roles[root] {
            *if on.tie == Tie::End { waiting } else { wanting } += 1;
        }
    }
}
