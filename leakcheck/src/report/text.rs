//! The report for people: the user's own line first, one screen, then what to do.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::entry::{title, write_survivor};
use super::{Fault, LeakReport, Panicked, Tier, Verdict};
use crate::survivor::Survivor;

pub(super) const OWN: Style = AnsiColor::Cyan.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const DIM: Style = Style::new().dimmed();

/// Entries shown in full. A screen has room for a few; the rest is one line each, then a number.
const IN_FULL: usize = 5;
const IN_SHORT: usize = 20;

/// The whole report, in colours. The first line has none: test runners look for it.
pub(super) fn render(report: &LeakReport) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_report(&mut text, report);
    text
}

/// The whole report, without colours.
pub(super) fn render_plainly(report: &LeakReport) -> String {
    anstream::adapter::strip_str(&render(report)).to_string()
}

/// The whole report, coloured or not by the conventions of the terminal that stderr is.
pub(crate) fn paint(report: &LeakReport) -> String {
    if wants_colour() { render(report) } else { render_plainly(report) }
}

/// anstream knows NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM and whether stderr is a terminal.
/// cargo's own variable comes on top: cargo does not tell a test what `--color` was.
fn wants_colour() -> bool {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match std::env::var("CARGO_TERM_COLOR").as_deref() {
        Ok("always") => !no_colour,
        Ok("never") => false,
        _ => anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never,
    }
}

fn write_report(out: &mut String, report: &LeakReport) -> fmt::Result {
    writeln!(out, "{}", headline(report))?;
    for panic in &report.panics {
        write_panic(out, panic)?;
    }
    let identified = report.survivors.iter().filter(|survivor| survivor.id.is_some());
    let reason = shared_reason(identified.clone());
    for (index, survivor) in identified.enumerate() {
        match index {
            _ if index < IN_FULL => write_survivor(out, index + 1, survivor, reason.is_none())?,
            _ if index < IN_SHORT => writeln!(out, "  {}. {}", index + 1, title(survivor))?,
            _ => {
                writeln!(out, "  … and {} more places", report.survivors.len() - IN_SHORT)?;
                break;
            }
        }
    }
    if let Some(why) = reason {
        writeln!(out, "\n  {:<10} {why}", "no trees")?;
    }
    if let Some(counted) = report.survivors.iter().find(|survivor| survivor.id.is_none()) {
        write_only_counted(out, report.tier, counted)?;
    }
    for fault in &report.faults {
        write_fault(out, fault)?;
    }
    write_footer(out, report)
}

fn headline(report: &LeakReport) -> String {
    let test = &report.test;
    let what = match report.verdict {
        Verdict::FixedKnownLeak => {
            format!("`{test}` is marked `known_leak` and no longer leaks: take the mark away")
        }
        _ if !report.survivors.is_empty() => {
            format!("{} outlived `{test}`", counted(report.leaked(), "leaked task"))
        }
        _ if !report.panics.is_empty() => {
            format!("{} panicked unseen in `{test}`", counted(report.panics.len(), "task"))
        }
        _ if !report.undecided.is_empty() => format!("`{test}` could not be verified"),
        _ if !report.faults.is_empty() => format!("`{test}` did not end well"),
        _ => format!("no leaked task in `{test}`"),
    };
    let label = match report.verdict {
        _ if report.fails() => "Error",
        Verdict::Warned => "Warning",
        Verdict::Clean | Verdict::KnownLeak | Verdict::Off => "Note",
        _ => "Error",
    };
    let waited = told(report.waited);
    format!("{label}: leakcheck: {what} (waited {waited}, {})", report.tier)
}

fn write_panic(out: &mut String, panic: &Panicked) -> fmt::Result {
    let at = panic.at.as_ref().map(|place| format!(" at {place}")).unwrap_or_default();
    writeln!(out, "\n  {BAD}task {} panicked{at} and nobody joined it{BAD:#}", panic.id)?;
    for line in panic.message.lines() {
        field(out, "", line)?;
    }
    if let Some(place) = &panic.spawned_at {
        field(out, "spawned at", &place.to_string())?;
    }
    field(out, "help", "await its JoinHandle, so that the panic reaches the test")
}

fn write_fault(out: &mut String, fault: &Fault) -> fmt::Result {
    match fault {
        Fault::Cleanup { name, message } => {
            writeln!(out, "\n  {BAD}the cleanup `{name}` failed{BAD:#}: {message}")
        }
        Fault::Report { message } => {
            writeln!(out, "\n  {BAD}the report could not be written{BAD:#} to {message}")
        }
        Fault::Shutdown { waited } => {
            writeln!(
                out,
                "\n  {BAD}the runtime did not shut down{BAD:#} within {}",
                told(*waited)
            )?;
            field(
                out,
                "cause",
                "a spawn_blocking closure still runs, or a task that never yields",
            )?;
            field(
                out,
                "help",
                "let blocking work end before the test does: await its JoinHandle, tell its loop to stop",
            )
        }
    }
}

/// Why none of the survivors could be inspected, where it is the same for all.
fn shared_reason<'a>(mut survivors: impl Iterator<Item = &'a Survivor>) -> Option<&'a str> {
    let bare = |survivor: &&'a Survivor| survivor.awaits.is_none();
    let first = survivors.next().filter(bare)?.uninspected.as_deref()?;
    let same =
        |survivor: &'a Survivor| bare(&survivor) && survivor.uninspected.as_deref() == Some(first);
    survivors.all(same).then_some(first)
}

fn write_only_counted(out: &mut String, tier: Tier, counted: &Survivor) -> fmt::Result {
    let Some(why) = &counted.uninspected else {
        let missed = match tier {
            Tier::Hooks => "leakcheck's hooks never saw them",
            Tier::Plain => "inspection did not find them",
        };
        return writeln!(out, "\n  Some of them only tokio's own count knows of: {missed}.");
    };
    write!(
        out,
        "
  These tasks are counted and cannot be told apart, because they cannot be inspected:

      {why}

  To see in any case which lines spawned them, run the test once with

      RUSTFLAGS=\"--cfg tokio_unstable\" cargo test

  A task ends when it is joined, aborted, or when what it waits for ends (its sender is
  dropped, its token cancelled).
"
    )
}

fn write_footer(out: &mut String, report: &LeakReport) -> fmt::Result {
    let undecided = report.undecided.iter().map(|why| ("undecided", why.clone()));
    let stale =
        report.stale_ignores.iter().map(|rule| ("stale", format!("{rule} covered nothing")));
    let ignored = ignored(report);
    let kept = ignored.iter().take(IN_FULL).map(|(told, count)| match count {
        1 => ("ignored", told.clone()),
        _ => ("ignored", format!("{told} ({count} tasks)")),
    });
    let notes = report.notes.iter().map(|note| ("note", note.clone()));
    let lines: Vec<_> = undecided.chain(stale).chain(kept).chain(notes).collect();
    if !lines.is_empty() {
        out.push('\n');
    }
    for (name, value) in lines {
        writeln!(out, "  {name:<10} {value}")?;
    }
    if ignored.len() > IN_FULL {
        let all = ignored.iter().map(|(_, count)| count).sum();
        writeln!(out, "  {:<10} {} in all", "ignored", counted(all, "task"))?;
    }
    Ok(())
}

/// What may stay and why, and how many tasks that is said of.
fn ignored(report: &LeakReport) -> Vec<(String, usize)> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    let mut index = HashMap::new();
    for entry in &report.ignored {
        let told = format!("{}: {}", title(&entry.survivor), entry.reason);
        let at = *index.entry(told.clone()).or_insert(lines.len());
        match lines.get_mut(at) {
            Some((_, count)) => *count += entry.survivor.count,
            None => lines.push((told, entry.survivor.count)),
        }
    }
    lines
}

pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

pub(super) fn field(out: &mut String, name: &str, value: &str) -> fmt::Result {
    writeln!(out, "     {name:<12} {value}")
}

fn told(duration: Duration) -> String {
    milliseconds(Some(duration.as_secs_f64() * 1e3))
}

pub(super) fn milliseconds(ms: Option<f64>) -> String {
    match ms {
        Some(ms) if ms < 10.0 => format!("{ms:.1} ms"),
        Some(ms) => format!("{ms:.0} ms"),
        None => "for an unknown time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use leakcheck_inspect::{Node, NodeKind};

    use super::*;
    use crate::place::Place;

    fn report(survivors: Vec<Survivor>) -> String {
        render_plainly(&LeakReport { survivors, ..LeakReport::test() })
    }

    fn survivor(id: u64, why: Option<&str>) -> Survivor {
        Survivor { id: Some(id), ..Survivor::only_counted(1, why) }
    }

    #[test]
    fn a_reason_that_holds_for_all_is_said_once() {
        let why = "set `debug = 2`";
        let text = report(vec![survivor(1, Some(why)), survivor(2, Some(why))]);
        assert_eq!(text.matches(why).count(), 1, "{text}");
        assert!(text.contains("  no trees   set `debug = 2`"), "{text}");
    }

    #[test]
    fn what_may_stay_for_the_same_reason_is_one_line() {
        let survivor = Survivor { future: Some("app::f".to_owned()), ..Survivor::counted(1) };
        let ignored = vec![super::super::Ignored { reason: "pool".to_owned(), survivor }; 50];
        let text = render_plainly(&LeakReport { ignored, ..LeakReport::test() });
        assert!(text.ends_with("\n  ignored    app::f: pool (50 tasks)\n"), "{text}");
    }

    #[test]
    fn other_reasons_are_said_of_each() {
        let text = report(vec![survivor(1, Some("torn")), survivor(2, Some("gone"))]);
        assert!(text.contains("stuck at     unknown: torn"), "{text}");
        assert!(text.contains("stuck at     unknown: gone"), "{text}");
        let mut partly = survivor(1, Some("torn"));
        partly.awaits = Some(Node::new(NodeKind::Leaf, "app::Leaf"));
        let text = report(vec![partly]);
        assert!(
            text.contains("awaiting app::Leaf\n                  … not all of it: torn"),
            "{text}"
        );
    }

    #[test]
    fn candidates_for_a_place_are_told_as_such() {
        let mut survivor = survivor(1, None);
        survivor.spawn_candidates = (1..=5).map(|line| Place::test("src/a.rs", line)).collect();
        let text = report(vec![survivor.clone()]);
        let expected = "spawned at   one of src/a.rs:1, src/a.rs:2, src/a.rs:3 and 2 more";
        assert!(text.contains(expected), "{text}");
        survivor.spawn_candidates.truncate(1);
        assert!(report(vec![survivor]).contains("spawned at   about src/a.rs:1\n"));
    }

    #[test]
    fn tasks_that_are_only_counted_say_why_and_what_helps() {
        let text = report(vec![Survivor::only_counted(3, Some("set `debug = 2`"))]);
        assert!(text.contains("\n      set `debug = 2`\n"), "{text}");
        assert!(text.contains("--cfg tokio_unstable"), "{text}");
        let text = report(vec![Survivor::counted(1)]);
        assert!(text.contains("only tokio's own count knows of"), "{text}");
    }

    #[test]
    fn what_can_never_run_again_is_said_so() {
        let mut survivor = survivor(1, None);
        survivor.unwakeable = Some(true);
        let text = report(vec![survivor]);
        assert!(text.contains("nobody holds a waker: it can never run again"), "{text}");
    }

    #[test]
    fn an_ignore_is_offered_by_future_unless_anybody_may_spawn_such_a_one() {
        let mut survivor = survivor(1, None);
        survivor.blame = Some(Place::test("src/a.rs", 7));
        let offered = |survivor: &Survivor| {
            let text = report(vec![survivor.clone()]);
            let (_, rule) = text.split_once("#[leak_test(ignore(").expect("an ignore is offered");
            rule.split_once(", reason").expect("it has a reason").0.to_owned()
        };
        assert_eq!(offered(&survivor), "spawned_at = \"src/a.rs:7\"");
        survivor.future = Some("app::watch".to_owned());
        assert_eq!(offered(&survivor), "future = \"app::watch\"");
        survivor.future = Some("core::future::pending::Pending".to_owned());
        assert_eq!(offered(&survivor), "spawned_at = \"src/a.rs:7\"");
    }
}
