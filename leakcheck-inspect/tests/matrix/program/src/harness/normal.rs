//! What a task looks like, without what differs from run to run or from machine to machine.

use std::sync::Arc;

use leakcheck_inspect::{Node, NodeKind, Phase, Source, Task};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/");
const MINUTE: i64 = 60_000;

/// A task's text: how it is, and its tree. Tasks are numbered in the order of
/// `ids`, those of its way; any other is task 0.
/// The phase is left out where it may be one or another.
pub(crate) fn task(task: &Task, phases: &[Phase], ids: &[u64]) -> String {
    let mut text = String::new();
    let phase = match task.phase {
        _ if phases.len() > 1 => "",
        Phase::Waiting if task.is_unwakeable() => "unwakeable\n",
        Phase::Waiting => "",
        Phase::NeverPolled => "never polled\n",
        Phase::Notified => "notified\n",
        Phase::Running => "running\n",
        Phase::Cancelled => "cancelled\n",
        _ => "in an unknown phase\n",
    };
    text += phase;
    if let Some(why) = &task.unknown {
        text += &format!("unknown: {why}\n");
    }
    match &task.tree {
        Some(tree) => text += &node(tree, ids),
        None => text += "(no tree)",
    }
    text
}

/// A tree's text.
pub(crate) fn node(node: &Node, ids: &[u64]) -> String {
    let mut node = node.clone();
    normalise(&mut node, ids);
    node.to_string()
}

/// The places in a tree that are wrong whatever was expected: no `.await` there.
pub(crate) fn impossible_places(node: &Node) -> Vec<String> {
    let at_await = |node: &&Node| node.kind == NodeKind::Function && node.within.is_none();
    let wrong = |at: &Source| {
        // The sources of std need not be there.
        let source = std::fs::read_to_string(&*at.file).ok()?;
        let line = source.lines().nth(at.line.checked_sub(1)? as usize).unwrap_or_default();
        (!line.contains("await")).then(|| format!("no `.await` at {at}: `{}`", line.trim()))
    };
    node.walk().filter(at_await).filter_map(|node| wrong(node.at.as_ref()?)).collect()
}

fn normalise(node: &mut Node, ids: &[u64]) {
    match node.kind {
        NodeKind::Cut => node.name = format!("(cut) {}", node.name).into(),
        // Its name is its id.
        NodeKind::Task => node.name = "(task)".into(),
        _ => {}
    }
    if let Some(at) = &mut node.at {
        normalise_place(at);
    }
    if let Some(wait) = &mut node.wait {
        // Whatever is left of an hour in the minute that the program may take.
        wait.remaining_ms =
            wait.remaining_ms.map(|ms| (ms + MINUTE - 1).div_euclid(MINUTE) * MINUTE);
        for task in &mut wait.tasks {
            let place = ids.iter().position(|id| id == task);
            *task = place.map_or(0, |place| place as u64 + 1);
        }
    }
    for child in &mut node.children {
        normalise(child, ids);
    }
    count_equals(&mut node.children);
}

/// Many that are equal are one, with their number.
fn count_equals(nodes: &mut Vec<Node>) {
    let many = nodes.len();
    if many > 3 && nodes.iter().all(|node| *node == nodes[0]) {
        nodes.truncate(1);
        nodes[0].name = format!("{many} times {}", nodes[0].name).into();
    }
}

/// Ours by its path from here; a dependency's file without its version, and no line.
fn normalise_place(at: &mut Source) {
    if let Some(ours) = at.file.strip_prefix(HERE) {
        at.file = Arc::from(ours);
        return;
    }
    at.line = 0;
    let Some((path, file)) =
        at.file.split_once("/src/").map(|_| at.file.rsplit_once("/src/").expect("one"))
    else {
        return;
    };
    let package = path.rsplit('/').next().unwrap_or(path);
    let versioned =
        package.rsplit_once('-').filter(|(_, v)| v.starts_with(|c: char| c.is_ascii_digit()));
    let name = versioned.map_or(package, |(name, _)| name);
    at.file = format!("{name}/src/{file}").into();
}
