//! One future of a tree: whose it is, and what there is to say of it.

use std::sync::Arc;

use leakcheck_inspect::{Node, NodeKind};

use crate::awaits::OwnFiles;

/// One future on the way inwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Own {
        at: String,
        name: String,
    },
    /// Somebody else's: the crate, where the name tells it.
    Foreign(Option<Arc<str>>),
    Said(String),
    Aside(String),
}

/// `None` where there is nothing to say.
pub(super) fn step(node: &Node, own: &OwnFiles) -> Option<Step> {
    let wait = node.wait.as_ref().map(|wait| format!(" [{wait}]")).unwrap_or_default();
    let name = &node.name;
    let at = || node.at.as_ref().map(ToString::to_string).unwrap_or_default();
    Some(match node.kind {
        NodeKind::Cut => Step::Aside(format!("… {name}")),
        NodeKind::Done => Step::Aside(format!("{name} (done)")),
        NodeKind::Unstarted => Step::Own { at: at(), name: format!("{name} (not started)") },
        NodeKind::Function if own.has(node) => {
            let within = node.within.as_deref().map(in_macro).unwrap_or_default();
            Step::Own { at: at(), name: format!("{name}{within}") }
        }
        NodeKind::Task => Step::Said(format!("in its {name}{wait}")),
        NodeKind::Leaf => Step::Said(format!("awaiting {name}{wait}")),
        NodeKind::Adapter if node.children.is_empty() => {
            Step::Said(format!("awaiting {name}{wait}"))
        }
        NodeKind::Adapter if node.wait.is_some() => Step::Said(format!("within {name}{wait}")),
        // `poll_fn`, `Pin`, `Box`: nobody's code.
        NodeKind::Adapter if is_std(name) => return None,
        _ => Step::Foreign(of_crate(name)),
    })
}

/// Said where a macro wrote the `.await`: the line is the one where its function begins.
fn in_macro(name: &str) -> String {
    format!(", in a {name} of it")
}

fn is_std(name: &str) -> bool {
    of_crate(name).is_none_or(|name| matches!(&*name, "core" | "alloc" | "std"))
}

/// The crate in `<tokio::Sleep as Future>::poll` or `&mut tokio::Sleep`, if there is one.
fn of_crate(name: &str) -> Option<Arc<str>> {
    let name = name.trim_start_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
    let (first, _) = name.split_once("::")?;
    first.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| first.into())
}
