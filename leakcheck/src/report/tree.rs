//! Await trees for people: the user's own functions in full, everybody else's folded, and what is
//! waited for in the end. However large a tree is, it takes a bounded number of lines.

mod step;

use std::sync::Arc;

use leakcheck_inspect::Node;

use crate::awaits::OwnFiles;
use step::{Step, step};

/// Branches of one `select!`, `join!` or `join_all` that are shown.
const BRANCHES: usize = 4;

/// Lines of a run of functions that await each other: so many at its begin, so many at its end.
const OUTER: usize = 7;
const INNER: usize = 6;

/// Lines of a tree, branches and all.
const LINES: usize = 32;

/// The longest cycle of functions that counts as recursion.
const LONGEST_CYCLE: usize = 4;

/// One line: a place where it is known whose it is, and what there is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    indent: usize,
    /// Whether a branch begins here.
    branch: bool,
    at: String,
    text: String,
    /// It is not the user's own code, and no answer either.
    pub(crate) is_aside: bool,
}

/// The lines of a tree, as wide as they have to be.
pub(crate) fn lines(tree: &Node, own: &OwnFiles) -> Vec<Line> {
    let mut lines = Vec::new();
    write_chain(tree, own, 0, &mut lines);
    if lines.len() > LINES {
        let more = lines.len() - LINES;
        lines.truncate(LINES);
        lines.push(aside(0, format!("… {more} more lines")));
    }
    let width = lines.iter().map(|line| line.at.chars().count()).max().unwrap_or_default();
    for line in lines.iter_mut().filter(|line| !line.at.is_empty()) {
        line.at = format!("{:<width$}   ", line.at);
    }
    lines
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let indent = if self.branch { self.indent.saturating_sub(1) } else { self.indent };
        let mark = if self.branch { "- " } else { "" };
        write!(f, "{:width$}{mark}{}{}", "", self.at, self.text, width = indent * 2)
    }
}

/// A future, and what it awaits as long as that is one future.
fn write_chain(from: &Node, own: &OwnFiles, indent: usize, lines: &mut Vec<Line>) {
    let (mut steps, mut node) = (Vec::new(), from);
    loop {
        steps.extend(step(node, own));
        match node.children.as_slice() {
            [only] => node = only,
            _ => break,
        }
    }
    let first = lines.len();
    let chain = shortened(folded(unrepeated(steps), indent), indent);
    lines.extend(chain);
    if first > 0 {
        if let Some(line) = lines.get_mut(first) {
            line.branch = true;
        }
    }
    for branch in node.children.iter().take(BRANCHES) {
        // Enough is enough: whatever comes is cut away.
        if lines.len() <= LINES {
            write_chain(branch, own, indent + 1, lines);
        }
    }
    if node.children.len() > BRANCHES {
        lines.push(aside(indent, format!("… {} more branches", node.children.len() - BRANCHES)));
    }
}

/// A recursion is shown once, and how often it went on.
fn unrepeated(steps: Vec<Step>) -> Vec<Step> {
    let mut out = Vec::new();
    let mut rest = steps.as_slice();
    while let Some(first) = rest.first() {
        let cycle = (1..=LONGEST_CYCLE).map(|length| (length, repeats(rest, length)));
        match cycle.into_iter().find(|(_, times)| *times >= 3) {
            Some((length, times)) => {
                out.extend_from_slice(&rest[..length]);
                out.push(Step::Aside(format!("… and so on, {} times more", times - 1)));
                rest = &rest[length * times..];
            }
            None => {
                out.push(first.clone());
                rest = &rest[1..];
            }
        }
    }
    out
}

/// How often the first `length` steps come one after the other. Foreign ones alone are folded anyway.
fn repeats(steps: &[Step], length: usize) -> usize {
    let Some(cycle) = steps.get(..length) else { return 0 };
    if !cycle.iter().any(|step| matches!(step, Step::Own { .. })) {
        return 0;
    }
    steps.chunks_exact(length).take_while(|chunk| *chunk == cycle).count()
}

/// Runs of other people's functions become one line each.
fn folded(steps: Vec<Step>, indent: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut foreign: Vec<Option<Arc<str>>> = Vec::new();
    for step in steps {
        if let Step::Foreign(of_crate) = step {
            foreign.push(of_crate);
            continue;
        }
        lines.extend(fold(&mut foreign, indent));
        lines.push(match step {
            Step::Own { at, name } => Line { at, ..said(indent, name) },
            Step::Said(text) => said(indent, text),
            Step::Aside(text) => aside(indent, text),
            Step::Foreign(_) => continue,
        });
    }
    lines.extend(fold(&mut foreign, indent));
    lines
}

fn fold(foreign: &mut Vec<Option<Arc<str>>>, indent: usize) -> Option<Line> {
    let count = foreign.len();
    let mut crates: Vec<Arc<str>> = Vec::new();
    for name in foreign.drain(..).flatten() {
        if !crates.contains(&name) {
            crates.push(name);
        }
    }
    let frames = if count == 1 { "1 frame" } else { &format!("{count} frames") };
    let of = if crates.is_empty() { String::new() } else { format!(" of {}", crates.join(", ")) };
    (count > 0).then(|| aside(indent, format!("… {frames}{of}")))
}

fn shortened(mut lines: Vec<Line>, indent: usize) -> Vec<Line> {
    if lines.len() > OUTER + INNER + 1 {
        let until = lines.len() - INNER;
        let more = aside(indent, format!("… {} more lines", until - OUTER));
        lines.splice(OUTER..until, [more]);
    }
    lines
}

fn said(indent: usize, text: String) -> Line {
    Line { indent, branch: false, at: String::new(), text, is_aside: false }
}

fn aside(indent: usize, text: String) -> Line {
    Line { is_aside: true, ..said(indent, text) }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use leakcheck_inspect::{NodeKind, Source, Wait, WaitKind};

    use super::*;
    use crate::place::Workspace;

    fn node(kind: NodeKind, name: &str, at: Option<(&str, u32)>, children: Vec<Node>) -> Node {
        let mut node = Node::new(kind, name);
        node.at = at.map(|(file, line)| Source { file: file.into(), line });
        node.children = children;
        node
    }

    fn own(name: &str, line: u32, children: Vec<Node>) -> Node {
        node(NodeKind::Function, name, Some(("src/app.rs", line)), children)
    }

    fn foreign(name: &str, children: Vec<Node>) -> Node {
        node(NodeKind::Function, name, Some(("/c/registry/src/i/x-1.0.0/src/lib.rs", 1)), children)
    }

    fn receiver() -> Node {
        let mut wait = Wait::new(WaitKind::OneshotReceive);
        wait.peers = Some(1);
        let mut leaf = Node::new(NodeKind::Leaf, "tokio::sync::oneshot::Receiver<u32>");
        leaf.wait = Some(wait);
        leaf
    }

    #[track_caller]
    fn check(mut tree: Node, expected: Expect) {
        let own = crate::awaits::localise(&mut tree, &Workspace::without_root());
        let lines: Vec<_> = lines(&tree, &own).iter().map(ToString::to_string).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn own_functions_are_shown_and_other_peoples_folded() {
        let inner =
            foreign("hyper_util::Pool::get", vec![own("app::answer", 104, vec![receiver()])]);
        let tree =
            own("app::serve", 7, vec![foreign("tokio::x", vec![foreign("tokio::y", vec![inner])])]);
        check(
            tree,
            expect![[r#"
                src/app.rs:7     app::serve
                … 3 frames of tokio, hyper_util
                src/app.rs:104   app::answer
                awaiting tokio::sync::oneshot::Receiver<u32> [an answer, 1 sender left]"#]],
        );
    }

    #[test]
    fn branches_are_indented_and_numbered_where_they_are_many() {
        let mut select = own("app::serve", 7, vec![]);
        select.within = Some("select!".into());
        let started = node(NodeKind::Unstarted, "app::late", Some(("src/app.rs", 30)), vec![]);
        let mut poll_fn = node(NodeKind::Adapter, "core::future::poll_fn::PollFn", None, vec![]);
        poll_fn.children = vec![own("app::answer", 9, vec![receiver()]), started];
        poll_fn.children.extend((0..4).map(|_| receiver()));
        select.children = vec![poll_fn];
        check(
            select,
            expect![[r#"
                src/app.rs:7    app::serve, in a select! of it
                - src/app.rs:9    app::answer
                  awaiting tokio::sync::oneshot::Receiver<u32> [an answer, 1 sender left]
                - src/app.rs:30   app::late (not started)
                - awaiting tokio::sync::oneshot::Receiver<u32> [an answer, 1 sender left]
                - awaiting tokio::sync::oneshot::Receiver<u32> [an answer, 1 sender left]
                … 2 more branches"#]],
        );
    }

    #[test]
    fn a_recursion_is_shown_once() {
        let mut tree = receiver();
        for _ in 0..100 {
            tree = own(
                "app::even",
                1,
                vec![foreign("futures::boxed", vec![own("app::odd", 2, vec![tree])])],
            );
        }
        check(
            own("app::main", 9, vec![tree]),
            expect![[r#"
                src/app.rs:9   app::main
                src/app.rs:1   app::even
                … 1 frame of futures
                src/app.rs:2   app::odd
                … and so on, 99 times more
                awaiting tokio::sync::oneshot::Receiver<u32> [an answer, 1 sender left]"#]],
        );
    }

    #[test]
    fn a_deep_tree_is_cut_in_the_middle() {
        let deep = (0..100).fold(receiver(), |tree, line| own("app::step", line, vec![tree]));
        let mut deep = deep;
        let own = crate::awaits::localise(&mut deep, &Workspace::without_root());
        let lines = lines(&deep, &own);
        assert_eq!(lines.len(), OUTER + 1 + INNER);
        assert!(lines[OUTER].to_string().contains("88 more lines"), "{}", lines[OUTER]);
    }

    #[test]
    fn a_wide_tree_is_bounded_too() {
        let wide = |children: Vec<Node>| own("app::join", 1, children);
        let tree = (0..6).fold(receiver(), |tree, _| wide(vec![tree; 6]));
        let mut tree = tree;
        let own = crate::awaits::localise(&mut tree, &Workspace::without_root());
        assert_eq!(lines(&tree, &own).len(), LINES + 1);
    }

    #[test]
    fn a_timeout_tells_when_it_is_due_and_a_cut_says_why() {
        let mut wait = Wait::new(WaitKind::Timeout);
        wait.remaining_ms = Some(30);
        let cut = Node::new(NodeKind::Cut, "too deep");
        let mut timeout = node(NodeKind::Adapter, "tokio::time::timeout::Timeout", None, vec![cut]);
        timeout.wait = Some(wait);
        check(
            timeout,
            expect![[r#"
                within tokio::time::timeout::Timeout [timeout, due in 30 ms]
                … too deep"#]],
        );
    }
}
