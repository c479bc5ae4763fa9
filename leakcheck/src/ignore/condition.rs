//! One condition of an ignore, and what it is decided on.

use std::path::Path;

use leakcheck_inspect::{Node, NodeKind};
use wildmatch::WildMatch;

use crate::place::Place;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Future(String),
    Function(String),
    Awaiting(String),
    Name(String),
    SpawnedBy(String),
    SpawnedAt { file: String, line: Option<u32> },
}

/// Whether a condition or a rule covers a survivor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Covers {
    Yes,
    No,
    /// It hangs on this condition, which cannot be decided here.
    Undecided(&'static str),
}

/// What an ignore looks at. What is not known is none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts<'a> {
    /// The place that called `spawn`.
    pub(crate) spawned_at: Option<&'a Place>,
    /// The first place in the workspace on the way there.
    pub(crate) blame: Option<&'a Place>,
    /// Where that is not known, places one of which it was.
    pub(crate) candidates: &'a [Place],
    /// The functions that spawned it, innermost first, or those of the candidates.
    pub(crate) spawners: Option<&'a [String]>,
    /// The path of its future.
    pub(crate) future: Option<&'a str>,
    pub(crate) tree: Option<&'a Node>,
}

impl Condition {
    pub(super) fn covers(&self, facts: Facts<'_>) -> Covers {
        match self {
            Self::Future(glob) => known("future", facts.future, |future| matches(glob, future)),
            Self::Function(glob) => known_whole("function", facts.tree, |tree| {
                tree.walk().any(|node| is_function(node) && matches(glob, &node.name))
            }),
            Self::Awaiting(glob) => {
                known_whole("awaiting", facts.tree, |tree| is_awaited(glob, tree, None))
            }
            Self::Name(_) => Covers::Undecided("name"),
            Self::SpawnedBy(glob) if facts.candidates.is_empty() => {
                known("spawned_by", facts.spawners, |functions| {
                    functions.iter().any(|function| matches(glob, function))
                })
            }
            Self::SpawnedBy(glob) => {
                let functions = facts.spawners.unwrap_or_default();
                agreed("spawned_by", functions, |function| matches(glob, function))
            }
            Self::SpawnedAt { file, line } => {
                let at = |place: &Place| {
                    Path::new(&place.file).ends_with(file)
                        && line.is_none_or(|line| line == place.line)
                };
                match facts.spawned_at {
                    Some(place) => decided(at(place) || facts.blame.is_some_and(at)),
                    None => agreed("spawned_at", facts.candidates, at),
                }
            }
        }
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Self::Future(glob) => format!("future = {glob:?}"),
            Self::Function(glob) => format!("function = {glob:?}"),
            Self::Awaiting(glob) => format!("awaiting = {glob:?}"),
            Self::Name(glob) => format!("name = {glob:?}"),
            Self::SpawnedBy(glob) => format!("spawned_by = {glob:?}"),
            Self::SpawnedAt { file, line: Some(line) } => format!("spawned_at = \"{file}:{line}\""),
            Self::SpawnedAt { file, line: None } => format!("spawned_at = {file:?}"),
        }
    }
}

fn matches(glob: &str, name: &str) -> bool {
    WildMatch::new(glob).matches(name)
}

fn decided(yes: bool) -> Covers {
    if yes { Covers::Yes } else { Covers::No }
}

fn known<T>(key: &'static str, fact: Option<T>, covers: impl FnOnce(T) -> bool) -> Covers {
    fact.map_or(Covers::Undecided(key), |fact| decided(covers(fact)))
}

/// Of a tree that was not read to its end only what was found is certain.
fn known_whole(
    key: &'static str,
    tree: Option<&Node>,
    covers: impl FnOnce(&Node) -> bool,
) -> Covers {
    let Some(tree) = tree else { return Covers::Undecided(key) };
    let whole = || tree.walk().all(|node| node.kind != NodeKind::Cut);
    match covers(tree) {
        true => Covers::Yes,
        false if whole() => Covers::No,
        false => Covers::Undecided(key),
    }
}

/// One of the candidates is the one, so they decide where they agree.
fn agreed<T>(key: &'static str, candidates: &[T], covers: impl Fn(&T) -> bool) -> Covers {
    match candidates.iter().filter(|candidate| covers(candidate)).count() {
        _ if candidates.is_empty() => Covers::Undecided(key),
        0 => Covers::No,
        some if some < candidates.len() => Covers::Undecided(key),
        _ => Covers::Yes,
    }
}

fn is_function(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Function | NodeKind::Unstarted)
}

/// Whether the glob matches some leaf, or the function nearest above one.
fn is_awaited(glob: &str, node: &Node, function: Option<&Node>) -> bool {
    let function = if is_function(node) { Some(node) } else { function };
    if node.children.is_empty() {
        return matches(glob, &node.name)
            || function.is_some_and(|function| matches(glob, &function.name));
    }
    node.children.iter().any(|child| is_awaited(glob, child, function))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ignore;

    /// `app::watch` awaits `app::Cache::get` and a timer.
    fn tree() -> Node {
        let parent = |kind, name: &str, children| {
            let mut node = Node::new(kind, name);
            node.children = children;
            node
        };
        let receiver = Node::new(NodeKind::Leaf, "tokio::sync::oneshot::Receiver<u32>");
        let get = parent(NodeKind::Function, "app::Cache::get", vec![receiver]);
        let sleep = Node::new(NodeKind::Leaf, "tokio::time::sleep::Sleep");
        parent(NodeKind::Function, "app::watch", vec![get, sleep])
    }

    #[track_caller]
    fn check(ignore: Ignore, expected: Covers) {
        let shim = Place::test("hyper-util-0.1.21/src/rt/tokio.rs", 127);
        let pool = Place::test("app/src/pool.rs", 88);
        let facts = Facts {
            spawned_at: Some(&shim),
            blame: Some(&pool),
            candidates: &[],
            spawners: Some(&["app::pool::Pool::grow".to_owned()]),
            future: Some("app::watch"),
            tree: Some(&tree()),
        };
        assert_eq!(ignore.covers(facts), expected);
    }

    #[test]
    fn a_place_matches_by_whole_components_from_the_end() {
        check(Ignore::new("r").spawned_at("src/pool.rs", None), Covers::Yes);
        check(Ignore::new("r").spawned_at("pool.rs", Some(88)), Covers::Yes);
        check(Ignore::new("r").spawned_at("rt/tokio.rs", Some(127)), Covers::Yes);
        check(Ignore::new("r").spawned_at("ool.rs", None), Covers::No);
        check(Ignore::new("r").spawned_at("src/pool.rs", Some(89)), Covers::No);
    }

    #[test]
    fn a_function_matches_by_glob() {
        check(Ignore::new("r").spawned_by("app::pool::*"), Covers::Yes);
        check(Ignore::new("r").spawned_by("app::pool"), Covers::No);
    }

    #[test]
    fn a_tree_tells_the_future_every_function_and_what_is_waited_for() {
        check(Ignore::new("r").future("app::*"), Covers::Yes);
        check(Ignore::new("r").future("app::Cache::get"), Covers::No);
        check(Ignore::new("r").function("app::Cache::*"), Covers::Yes);
        check(Ignore::new("r").function("*Receiver*"), Covers::No);
        check(Ignore::new("r").awaiting("*::Receiver<*>"), Covers::Yes);
        check(Ignore::new("r").awaiting("app::Cache::get"), Covers::Yes);
        check(Ignore::new("r").awaiting("app::watch"), Covers::Yes);
        check(Ignore::new("r").awaiting("app::main"), Covers::No);
    }

    #[test]
    fn of_a_tree_that_was_cut_only_what_was_found_is_certain() {
        let mut tree = tree();
        tree.children.push(Node::new(NodeKind::Cut, "too deep"));
        let facts = Facts { tree: Some(&tree), ..Facts::default() };
        let covers = |ignore: Ignore| ignore.covers(facts);
        assert_eq!(covers(Ignore::new("r").function("app::watch")), Covers::Yes);
        assert_eq!(covers(Ignore::new("r").function("app::x")), Covers::Undecided("function"));
    }

    #[test]
    fn candidates_decide_where_they_agree() {
        let candidates = [Place::test("src/pool.rs", 1), Place::test("src/pool.rs", 2)];
        let facts = Facts { candidates: &candidates, ..Facts::default() };
        let covers = |line| Ignore::new("r").spawned_at("src/pool.rs", line).covers(facts);
        assert_eq!(covers(None), Covers::Yes);
        assert_eq!(covers(Some(3)), Covers::No);
        assert_eq!(covers(Some(2)), Covers::Undecided("spawned_at"));
    }
}
