//! Which survivors are the same leak: across runs by their signature, in a report by their likeness.

use std::collections::HashMap;
use std::sync::Arc;

use crate::awaits;
use crate::survivor::Survivor;

/// Function names and the spawn place, without line numbers: `app::watch<-app::start`.
pub(crate) fn signature(survivor: &Survivor) -> String {
    let place = survivor.blame.as_ref().or(survivor.spawned_at.as_ref());
    let file = place.map(|place| place.file.as_str());
    let by = survivor.spawned_by.as_deref().or(file);
    match (&survivor.future, by, &survivor.source_line) {
        (Some(future), Some(by), _) => format!("{future}<-{by}"),
        (Some(future), None, _) => future.clone(),
        // Without the future, the text of the line tells the spawns of one file apart.
        (None, Some(_), Some(line)) => format!("{} {line}", file.unwrap_or_default()),
        (None, Some(by), None) => by.to_owned(),
        (None, None, _) => "unknown".to_owned(),
    }
}

/// Alike survivors become one entry with a count, in the order of their first.
pub(crate) fn group(survivors: impl IntoIterator<Item = Survivor>) -> Vec<Survivor> {
    let mut groups: Vec<Survivor> = Vec::new();
    let mut index = HashMap::new();
    for survivor in survivors {
        let at = *index.entry(likeness(&survivor)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.count += survivor.count,
            None => groups.push(survivor),
        }
    }
    groups
}

/// What makes two survivors alike in a report: the same line spawned them, under a parent of the
/// same line, they wait at the same lines and do the same.
fn likeness(survivor: &Survivor) -> impl Eq + std::hash::Hash + use<> {
    let parent = survivor.ancestors.first().map(|parent| parent.spawned_at.clone());
    let spawn = (
        survivor.id.is_some(),
        survivor.spawned_at.clone(),
        survivor.spawn_candidates.clone(),
        survivor.blame.clone(),
        parent,
    );
    let does = (survivor.state, survivor.cause, survivor.unwakeable, survivor.uninspected.clone());
    (spawn, does, survivor.future.clone(), shape(survivor))
}

/// The await tree's names and lines: not how long a timer still runs, or which task is joined.
fn shape(survivor: &Survivor) -> Vec<(usize, Arc<str>, Option<u32>)> {
    let nodes = survivor.awaits.iter().flat_map(awaits::with_depth);
    let line = |at: &leakcheck_inspect::Source| at.line;
    nodes.map(|(depth, node)| (depth, Arc::clone(&node.name), node.at.as_ref().map(line))).collect()
}

#[cfg(test)]
mod tests {
    use leakcheck_inspect::{Node, NodeKind, Source, Wait, WaitKind};

    use super::*;
    use crate::place::Place;

    fn survivor(line: u32, remaining_ms: i64) -> Survivor {
        let mut leaf = Node::new(NodeKind::Leaf, "tokio::time::sleep::Sleep");
        let mut wait = Wait::new(WaitKind::Sleep);
        wait.remaining_ms = Some(remaining_ms);
        leaf.wait = Some(wait);
        let mut tree = Node::new(NodeKind::Function, "app::watch");
        tree.at = Some(Source { file: "src/app.rs".into(), line });
        tree.children.push(leaf);
        let mut survivor = Survivor::counted(1);
        survivor.future = Some("app::watch".to_owned());
        survivor.awaits = Some(tree);
        survivor
    }

    #[test]
    fn survivors_that_wait_at_the_same_lines_are_one_entry() {
        let groups = group([survivor(3, 100), survivor(3, 200), survivor(4, 100)]);
        assert_eq!(groups.iter().map(|group| group.count).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn a_signature_has_functions_and_no_lines() {
        let mut survivor = survivor(3, 100);
        assert_eq!(signature(&survivor), "app::watch");
        survivor.blame = Some(Place::test("src/app.rs", 9));
        assert_eq!(signature(&survivor), "app::watch<-src/app.rs");
        survivor.spawned_by = Some("app::start".to_owned());
        assert_eq!(signature(&survivor), "app::watch<-app::start");
    }

    #[test]
    fn without_its_future_a_leak_is_known_by_the_text_of_its_line() {
        let mut survivor = Survivor::counted(1);
        assert_eq!(signature(&survivor), "unknown");
        survivor.blame = Some(Place::test("src/app.rs", 9));
        survivor.source_line = Some("tokio::spawn(watch());".to_owned());
        assert_eq!(signature(&survivor), "src/app.rs tokio::spawn(watch());");
    }
}
