//! Who waits for whose end, and what that comes down to: roots, chains and circles.

use std::collections::{HashMap, VecDeque};

use leakcheck_inspect::WaitKind;

use super::leaves::{Leaf, Stuck};
use super::{state, stuck};
use crate::survivor::{State, Survivor};

/// Who waits for whose end, by index.
#[derive(Debug)]
pub(super) struct Graph {
    waits_for: Vec<usize>,
    roles: Vec<Role>,
    circles: Vec<Vec<usize>>,
    /// How many steps there are to the root.
    pub(super) depths: Vec<usize>,
}

/// What a survivor is among those that wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It waits for no other survivor; so many wait for it.
    Root { waiting: usize },
    /// It waits for `on`, and with that in the end for `root`; or nobody can say, where that is
    /// itself.
    Waits { on: usize, root: usize },
    /// It waits for itself: the how manieth it is of which circle.
    Stuck { circle: usize, member: usize },
}

/// What one survivor waits for.
struct Edges {
    to: Vec<usize>,
    /// Whether it waits for nothing else: then it is stuck while they are.
    only: bool,
}

impl Graph {
    pub(super) fn new(survivors: &[Survivor]) -> Self {
        let ids: HashMap<u64, usize> =
            survivors.iter().enumerate().filter_map(|(at, one)| Some((one.id?, at))).collect();
        let edges: Vec<Edges> = survivors.iter().map(|survivor| edges(survivor, &ids)).collect();
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

    /// The members of a circle, each before the one that it waits for, from one of them on.
    pub(super) fn circle(
        &self,
        circle: usize,
        from: usize,
    ) -> impl ExactSizeIterator<Item = usize> {
        let members = &self.circles[circle];
        (0..members.len()).map(move |step| members[(from + step) % members.len()])
    }

    /// How many survivors it waits for.
    pub(super) fn waits_for(&self, at: usize) -> usize {
        self.waits_for[at]
    }
}

fn edges(survivor: &Survivor, ids: &HashMap<u64, usize>) -> Edges {
    let stuck = stuck(survivor).filter(|stuck| joins(&stuck.on));
    // One that runs all the time has another cause than what it waits for in between.
    let Some(Stuck { on, others, complete }) = stuck.filter(|_| state::finding(survivor).is_none())
    else {
        return Edges { to: Vec::new(), only: false };
    };
    let only = complete && survivor.state == Some(State::Waiting);
    let mut edges = Edges { to: Vec::new(), only };
    for leaf in std::iter::once(&on).chain(&others) {
        let tasks = if joins(leaf) { leaf.wait.tasks.as_slice() } else { &[] };
        let known = tasks.iter().filter_map(|task| ids.get(task));
        let before = edges.to.len();
        edges.to.extend(known);
        let all_known = edges.to.len() - before == tasks.len();
        edges.only &= all_known && !tasks.is_empty() && leaf.deadline_ms.is_none();
    }
    edges
}

fn joins(leaf: &Leaf<'_>) -> bool {
    matches!(leaf.wait.kind, WaitKind::Join | WaitKind::JoinSet | WaitKind::TaskTracker)
}

struct Search {
    roles: Vec<Role>,
    circles: Vec<Vec<usize>>,
    depths: Vec<usize>,
    settled: Vec<bool>,
    waiters: Vec<Vec<usize>>,
    queue: VecDeque<usize>,
}

impl Search {
    fn new(edges: &[Edges]) -> Self {
        let mut waiters = vec![Vec::new(); edges.len()];
        for (at, edges) in edges.iter().enumerate() {
            edges.to.iter().for_each(|to| waiters[*to].push(at));
        }
        let settled: Vec<bool> = edges.iter().map(|edges| edges.to.is_empty()).collect();
        let queue = (0..edges.len()).filter(|at| settled[*at]).collect();
        let roles = vec![Role::Root { waiting: 0 }; edges.len()];
        Self { roles, circles: Vec::new(), depths: vec![0; edges.len()], settled, waiters, queue }
    }

    /// Leads everybody to the nearest root. Whoever is left then waits for nothing but others that
    /// are left, all of it: they cannot go on, whatever `select!` or `join!` is around.
    fn follow(&mut self, edges: &[Edges]) {
        let mut unsure = (0..edges.len()).filter(|at| !edges[*at].only);
        loop {
            while let Some(at) = self.queue.pop_front() {
                for waiter in std::mem::take(&mut self.waiters[at]) {
                    if !self.settled[waiter] {
                        self.settle(waiter, at, self.root(at), self.depths[at] + 1);
                    }
                }
            }
            match unsure.find(|at| !self.settled[*at]) {
                Some(at) => self.settle(at, edges[at].to[0], at, 1),
                None => break,
            }
        }
    }

    fn settle(&mut self, at: usize, on: usize, root: usize, depth: usize) {
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
            let mut walked = Vec::new();
            let mut steps = HashMap::new();
            let mut at = start;
            while !self.settled[at] && !steps.contains_key(&at) {
                steps.insert(at, walked.len());
                walked.push(at);
                at = edges[at].to[0];
            }
            let circle = walked.split_off(steps.get(&at).copied().unwrap_or(walked.len()));
            for (member, at) in circle.iter().enumerate() {
                self.roles[*at] = Role::Stuck { circle: self.circles.len(), member };
                self.settled[*at] = true;
            }
            self.circles.extend(Some(circle).filter(|circle| !circle.is_empty()));
            let mut on = at;
            for waiter in walked.into_iter().rev() {
                self.settle(waiter, on, self.root(on), self.depths[on] + 1);
                on = waiter;
            }
        }
    }
}

fn count_waiting(roles: &mut [Role]) {
    for at in 0..roles.len() {
        if let Role::Waits { root, .. } = roles[at] {
            if let Role::Root { waiting } = &mut roles[root] {
                *waiting += 1;
            }
        }
    }
}
