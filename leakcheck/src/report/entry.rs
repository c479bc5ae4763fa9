//! One survivor of a report: what it is, who spawned it, where it is stuck, what to do.

use std::fmt::{self, Write};

use leakcheck_inspect::{Node, NodeKind};

use super::text::{BAD, DIM, OWN, counted, field, milliseconds};
use super::tree;
use crate::diagnose::{from_library, is_anybodys};
use crate::place::Place;
use crate::survivor::{SpawnedBy, State, Survivor};

/// Functions of a spawn's stack, and candidates for its place, that are shown.
const STACK: usize = 12;
const CANDIDATES: usize = 3;

/// `with_reason` is false where the report says once for all why there are no trees.
pub(super) fn write_survivor(
    out: &mut String,
    number: usize,
    survivor: &Survivor,
    with_reason: bool,
) -> fmt::Result {
    writeln!(out, "\n  {number}. {OWN}{}{OWN:#}", title(survivor))?;
    match (survivor.id, survivor.count) {
        (Some(id), 1) => field(out, &format!("task {id}"), &state(survivor))?,
        (Some(id), count) => {
            let first = format!("the first, task {id}: {}", state(survivor));
            field(out, &format!("{count} tasks"), &first)?;
        }
        (None, _) => {}
    }
    write_spawn(out, survivor)?;
    write_awaits(out, survivor, with_reason)?;
    if let Some(cause) = survivor.cause {
        field(out, "cause", &cause.told(survivor))?;
    }
    if let Some(help) = &survivor.help {
        field(out, "help", help)?;
    }
    if let Some(condition) = condition(survivor) {
        let rule = format!("#[leak_test(ignore({condition}, reason = \"…\"))]");
        field(out, "allow it", &format!("{DIM}{rule}{DIM:#}"))?;
    }
    Ok(())
}

/// Who spawned it, from where, and who spawned them.
fn write_spawn(out: &mut String, survivor: &Survivor) -> fmt::Result {
    if let Some(place) = &survivor.spawned_at {
        field(out, "spawned at", &format!("{place}{}{}", inside(survivor), by(survivor)))?;
    } else if let Some(places) = candidates(&survivor.spawn_candidates) {
        field(out, "spawned at", &format!("{places}{}", by(survivor)))?;
    }
    if let Some(caller) = caller(survivor) {
        field(out, "called from", &caller)?;
    }
    if let Some(line) = survivor.source_line.as_ref().filter(|_| survivor.future.is_some()) {
        field(out, "", &format!("{DIM}{line}{DIM:#}"))?;
    }
    for ancestor in &survivor.ancestors {
        let over = if ancestor.ended { ", and is over" } else { "" };
        let told = format!("task {} was spawned at {}{over}", ancestor.id, ancestor.spawned_at);
        field(out, "", &format!("{DIM}{told}{DIM:#}"))?;
    }
    let stack = survivor.spawn_stack.as_deref().unwrap_or_default();
    for (index, frame) in stack.iter().take(STACK).enumerate() {
        let name = if index == 0 { "spawn stack" } else { "" };
        field(out, name, &format!("{}   {}", frame.at, frame.function))?;
    }
    if stack.len() > STACK {
        field(out, "", &format!("{DIM}… {} more{DIM:#}", stack.len() - STACK))?;
    }
    Ok(())
}

/// Where it is stuck, as far as that could be read.
fn write_awaits(out: &mut String, survivor: &Survivor, with_reason: bool) -> fmt::Result {
    let mut name = "stuck at";
    let lines = survivor.awaits.iter().flat_map(|tree| tree::lines(tree, &survivor.own_files));
    for line in lines {
        if line.is_aside {
            field(out, name, &format!("{DIM}{line}{DIM:#}"))?;
        } else {
            field(out, name, &line.to_string())?;
        }
        name = "";
    }
    if survivor.unwakeable == Some(true) {
        let never = "nobody holds a waker: it can never run again";
        field(out, name, &format!("{BAD}{never}{BAD:#}"))?;
        name = "";
    }
    match &survivor.uninspected {
        Some(why) if survivor.awaits.is_some() => {
            field(out, name, &format!("… not all of it: {why}"))
        }
        Some(why) if with_reason => field(out, "stuck at", &format!("unknown: {why}")),
        _ => Ok(()),
    }
}

/// The future that was spawned, or else the user's own line and its text.
pub(super) fn title(survivor: &Survivor) -> String {
    let place = survivor.blame.as_ref().or(survivor.spawned_at.as_ref());
    match (&survivor.future, place, &survivor.source_line) {
        (Some(future), _, _) => future.clone(),
        (None, Some(place), Some(line)) => format!("{}:{}   {line}", place.file, place.line),
        (None, Some(place), None) => format!("{}:{}", place.file, place.line),
        (None, None, _) => counted(survivor.count, "task"),
    }
}

fn state(survivor: &Survivor) -> String {
    let state = survivor.state.map_or("state unknown", State::told);
    if survivor.age_ms.is_none() {
        return state.to_owned();
    }
    let age = milliseconds(survivor.age_ms);
    let idle = milliseconds(survivor.idle_ms);
    let polls = match survivor.polls {
        Some(1) => "once".to_owned(),
        Some(polls) => format!("{polls} times"),
        None => "an unknown number of times".to_owned(),
    };
    format!("{state}, alive {age}, idle {idle}, polled {polls}")
}

fn by(survivor: &Survivor) -> String {
    match survivor.spawner {
        Some(SpawnedBy::Body) => "   by the test's body".to_owned(),
        Some(SpawnedBy::Task(id)) => format!("   by task {id}"),
        Some(SpawnedBy::Thread) => "   by another thread".to_owned(),
        None => String::new(),
    }
}

/// The function around the spawn, where that is the user's own.
fn inside(survivor: &Survivor) -> String {
    let function = survivor.spawned_by.as_ref().filter(|_| !from_library(survivor));
    function.map(|name| format!("   in {name}")).unwrap_or_default()
}

/// Where the user's own code called the library that called `spawn`.
fn caller(survivor: &Survivor) -> Option<String> {
    let blame = survivor.blame.as_ref().filter(|_| from_library(survivor))?;
    Some(format!("{blame}   in {}", survivor.spawned_by.as_ref()?))
}

/// Places one of which it was.
pub(crate) fn candidates(places: &[Place]) -> Option<String> {
    let shown: Vec<_> = places.iter().take(CANDIDATES).map(ToString::to_string).collect();
    match (shown.as_slice(), places.len().saturating_sub(CANDIDATES)) {
        ([], _) => None,
        ([near], _) => Some(format!("about {near}")),
        (several, 0) => Some(format!("one of {}", several.join(", "))),
        (several, more) => Some(format!("one of {} and {more} more", several.join(", "))),
    }
}

/// The condition of an ignore that covers the survivor, and little else: the future, unless it is one
/// that unrelated tasks may run, such as a `Sleep` or a `Map`.
fn condition(survivor: &Survivor) -> Option<String> {
    let place = survivor.blame.as_ref();
    let spawned_at = place.map(|at| format!("spawned_at = \"{}:{}\"", at.file, at.line));
    let Some(future) = &survivor.future else { return spawned_at };
    let inner = survivor.awaits.as_ref().and_then(|tree| telling_function(tree, survivor));
    let inner = inner.map(|name| format!("function = {name:?}"));
    match (inner, spawned_at) {
        _ if !is_anybodys(future) => Some(format!("future = {future:?}")),
        (Some(inner), _) => Some(inner),
        (None, Some(spawned_at)) => Some(spawned_at),
        (None, None) => Some(format!("future = {future:?}, count = {}", survivor.count)),
    }
}

/// The first function of a tree that tells whose task it is.
fn telling_function<'a>(tree: &'a Node, survivor: &Survivor) -> Option<&'a str> {
    let is_function = |node: &&Node| matches!(node.kind, NodeKind::Function | NodeKind::Unstarted);
    let tells = |node: &&Node| survivor.own_files.has(node) || !is_anybodys(&node.name);
    tree.walk().filter(is_function).find(tells).map(|node| &*node.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(future: &str, tree: Option<Node>, blame: Option<Place>) -> String {
        let survivor = Survivor {
            future: Some(future.to_owned()),
            awaits: tree,
            blame,
            ..Survivor::counted(3)
        };
        condition(&survivor).unwrap()
    }

    fn wrapping(inner: Node) -> Option<Node> {
        let mut tree = Node::new(NodeKind::Adapter, MAP);
        tree.children.push(inner);
        Some(tree)
    }

    const MAP: &str = "futures_util::future::future::Map";

    #[test]
    fn an_ignore_of_a_combinator_is_offered_by_what_is_in_it() {
        let flush = wrapping(Node::new(NodeKind::Function, "app::flush"));
        assert_eq!(offered(MAP, flush, None), "function = \"app::flush\"");
        let sleep = || wrapping(Node::new(NodeKind::Leaf, "tokio::time::Sleep"));
        let at = Some(Place::test("src/a.rs", 7));
        assert_eq!(offered(MAP, sleep(), at), "spawned_at = \"src/a.rs:7\"");
        assert_eq!(offered(MAP, sleep(), None), format!("future = {MAP:?}, count = 3"));
    }
}
