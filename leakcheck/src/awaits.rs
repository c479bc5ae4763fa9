//! Await trees for readers: files as places are written everywhere, and one future a line.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use leakcheck_inspect::{Node, NodeKind};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::place::Workspace;

/// The files of a tree that belong to the user's workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnFiles(BTreeSet<Arc<str>>);

impl OwnFiles {
    /// Whether the node's place is the user's own code.
    pub(crate) fn has(&self, node: &Node) -> bool {
        node.at.as_ref().is_some_and(|at| self.0.contains(&at.file))
    }
}

/// Writes the files of a tree as a [`Place`](crate::Place) has them, and tells which are the user's.
pub(crate) fn localise(tree: &mut Node, workspace: &Workspace) -> OwnFiles {
    let mut own = OwnFiles::default();
    let mut left = vec![tree];
    while let Some(node) = left.pop() {
        if let Some(at) = &mut node.at {
            let place = workspace.place_in_debug_info(Path::new(&*at.file), at.line, None);
            at.file = place.file.into();
            if place.in_workspace {
                own.0.insert(Arc::clone(&at.file));
            }
        }
        left.extend(&mut node.children);
    }
    own
}

/// Every future of a tree with its depth, each before those that it awaits.
pub(crate) fn with_depth(tree: &Node) -> impl Iterator<Item = (usize, &Node)> {
    let mut left = vec![(0, tree)];
    std::iter::from_fn(move || {
        let (depth, node) = left.pop()?;
        left.extend(node.children.iter().rev().map(|child| (depth + 1, child)));
        Some((depth, node))
    })
}

/// A tree as a flat list: what reads a line of JSON has no use for nesting.
pub(crate) fn serialize<S: Serializer>(
    tree: &Option<Node>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match tree {
        Some(tree) => {
            serializer.collect_seq(with_depth(tree).map(|(depth, node)| Line { depth, node }))
        }
        None => serializer.serialize_none(),
    }
}

struct Line<'a> {
    depth: usize,
    node: &'a Node,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let node = self.node;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("depth", &self.depth)?;
        let (key, state) = match node.kind {
            NodeKind::Function => ("function", None),
            NodeKind::Unstarted => ("function", Some("unstarted")),
            NodeKind::Done => ("function", Some("done")),
            NodeKind::Adapter => ("adapter", None),
            NodeKind::Task => ("task", None),
            NodeKind::Cut => ("cut", None),
            _ => ("leaf", None),
        };
        map.serialize_entry(key, &node.name)?;
        if key == "function" {
            map.serialize_entry("file", &node.at.as_ref().map(|at| &at.file))?;
            map.serialize_entry("line", &node.at.as_ref().map(|at| at.line))?;
        }
        if let Some(state) = state {
            map.serialize_entry("state", state)?;
        }
        if let Some(within) = &node.within {
            map.serialize_entry("within", within)?;
        }
        if let Some(wait) = &node.wait {
            map.serialize_entry("wait", wait)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use leakcheck_inspect::{Source, Wait, WaitKind};

    use super::*;

    fn function(name: &str, file: &str, line: u32, children: Vec<Node>) -> Node {
        let mut node = Node::new(NodeKind::Function, name);
        node.at = Some(Source { file: file.into(), line });
        node.children = children;
        node
    }

    fn tree() -> Node {
        let mut leaf = Node::new(NodeKind::Leaf, "tokio::sync::oneshot::Receiver<u32>");
        leaf.wait = Some(Wait::new(WaitKind::OneshotReceive));
        let root = env!("CARGO_MANIFEST_DIR");
        let library = "/home/u/.cargo/registry/src/index-1/axum-0.8.9/src/serve.rs";
        let inner = function("axum::serve", library, 7, vec![leaf]);
        function("app::main", &format!("{root}/src/place.rs"), 3, vec![inner])
    }

    #[test]
    fn files_are_shown_as_places_are_and_the_users_own_are_known() {
        let workspace = Workspace::around(Some(env!("CARGO_MANIFEST_DIR")), Some(file!()));
        let mut tree = tree();
        let own = localise(&mut tree, &workspace);
        let files: Vec<_> = tree.walk().filter_map(|node| Some(&*node.at.as_ref()?.file)).collect();
        assert_eq!(files, ["leakcheck/src/place.rs", "axum-0.8.9/src/serve.rs"]);
        assert_eq!(tree.walk().map(|node| own.has(node)).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn a_line_of_json_has_one_future_after_the_other() {
        #[derive(Serialize)]
        struct Awaits(#[serde(serialize_with = "serialize")] Option<Node>);
        let json = serde_json::to_value(Awaits(Some(tree()))).unwrap();
        assert_eq!(json[0]["function"], "app::main");
        assert_eq!((&json[1]["depth"], &json[1]["line"]), (&1.into(), &7.into()));
        assert_eq!(json[2]["leaf"], "tokio::sync::oneshot::Receiver<u32>");
        assert_eq!(json[2]["wait"]["kind"], "oneshot_receive");
        assert!(serde_json::to_value(Awaits(None)).unwrap().is_null());
    }
}
