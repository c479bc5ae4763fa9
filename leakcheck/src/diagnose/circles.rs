//! Sentences about survivors that others wait for: who, for what they took, and round which circle.

use leakcheck_inspect::{Hold, HoldKind};

use super::Finding;
use super::cause::Cause;
use super::graph::{By, Circle, Edge, Tie};
use crate::survivor::Survivor;

/// The members of a circle that are named.
const NAMED: usize = 8;

/// What is said of this member of a circle.
pub(super) fn of_circle(circle: &Circle, member: usize, survivors: &[Survivor]) -> Finding {
    let own = circle.steps[member].edge;
    let held = (own.tie != Tie::End).then(|| format!("; it waits for {}", tied(own, survivors)));
    Finding {
        cause: if circle.by == By::Ends { Cause::Deadlock } else { Cause::LikelyDeadlock },
        why: goes_round(circle, member, survivors) + &held.unwrap_or_default(),
        help: way_out(circle.by).to_owned(),
    }
}

/// A circle, told from this member on.
pub(super) fn goes_round(circle: &Circle, member: usize, survivors: &[Survivor]) -> String {
    let count = circle.steps.len();
    if count == 1 {
        return "waits for its own end".to_owned();
    }
    let shown = circle.from(member).take(NAMED);
    let mut ids: Vec<_> = shown.map(|step| id(&survivors[step.at]).to_string()).collect();
    ids.extend((count > NAMED).then(|| "…".to_owned()));
    ids.push(ids[0].clone());
    let what = match circle.by {
        By::Ends => "end",
        By::Channels | By::Locks | By::Several => "go on unless one gave back what it took",
    };
    format!("waits in a circle of {count} tasks, none of which can {what}: {}", ids.join(" → "))
}

fn way_out(by: By) -> &'static str {
    match by {
        By::Ends => "break the circle: let one of its tasks end without the other, or abort it",
        By::Several => {
            "break the circle: let one of its tasks go on, or give back what it took, without the next one"
        }
        By::Channels => {
            "break the circle: read the channel while sending (`select!`), or answer through a channel of its \
             own"
        }
        By::Locks => {
            "break the circle: take the locks in the same order everywhere, and hold none across an `.await` of \
             what another needs it for"
        }
    }
}

/// The other one, and what it has to do with it.
pub(super) fn tied(edge: Edge, survivors: &[Survivor]) -> String {
    let other = &survivors[edge.to];
    let Tie::Hold(hold, kind) = edge.tie else {
        return named(other);
    };
    let hold = &other.holds[hold];
    let what = match kind {
        HoldKind::Receiver => "room in a channel whose receiver",
        HoldKind::Permit => "a permit, one of which",
        _ => "a lock that",
    };
    format!("{what} {} took ({})", named(other), variable(hold))
}

/// Where a hold is: a temporary has a name of the compiler's.
pub(super) fn variable(hold: &Hold) -> String {
    match hold.variable.starts_with("__") {
        true => format!("a temporary in {}", hold.function),
        false => format!("`{}` in {}", hold.variable, hold.function),
    }
}

pub(super) fn id(survivor: &Survivor) -> u64 {
    survivor.id.unwrap_or_default()
}

/// A survivor's id and its place in the user's code.
pub(super) fn named(survivor: &Survivor) -> String {
    let id = id(survivor);
    match survivor.blame.as_ref().or(survivor.spawned_at.as_ref()) {
        Some(place) => format!("task {id} (spawned at {}:{})", place.file, place.line),
        None => format!("task {id}"),
    }
}
