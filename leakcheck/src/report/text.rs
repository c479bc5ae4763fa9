//! The report for people: the user's own line first, one screen, then what to do.

use std::fmt::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::{Fault, LeakReport, Panicked, Tier, Verdict};
use crate::diagnose::from_library;
use crate::survivor::{SpawnedBy, State, Survivor};

const OWN: Style = AnsiColor::Cyan.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

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
    for (index, survivor) in identified.enumerate() {
        match index {
            _ if index < IN_FULL => write_survivor(out, index + 1, survivor)?,
            _ if index < IN_SHORT => writeln!(out, "  {}. {}", index + 1, title(survivor))?,
            _ => {
                writeln!(out, "  … and {} more places", report.survivors.len() - IN_SHORT)?;
                break;
            }
        }
    }
    if report.survivors.iter().any(|survivor| survivor.id.is_none()) {
        write_only_counted(out, report.tier)?;
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

fn write_survivor(out: &mut String, number: usize, survivor: &Survivor) -> fmt::Result {
    writeln!(out, "\n  {number}. {OWN}{}{OWN:#}", title(survivor))?;
    match (survivor.id, survivor.count) {
        (Some(id), 1) => field(out, &format!("task {id}"), &state(survivor))?,
        (Some(id), count) => {
            let first = format!("the first, task {id}: {}", state(survivor));
            field(out, &format!("{count} tasks"), &first)?;
        }
        (None, _) => {}
    }
    if let Some(place) = &survivor.spawned_at {
        field(out, "spawned at", &format!("{place}{}{}", inside(survivor), by(survivor)))?;
    }
    if let Some(caller) = caller(survivor) {
        field(out, "called from", &caller)?;
    }
    for ancestor in &survivor.ancestors {
        let over = if ancestor.ended { ", and is over" } else { "" };
        let told = format!("task {} was spawned at {}{over}", ancestor.id, ancestor.spawned_at);
        field(out, "", &format!("{DIM}{told}{DIM:#}"))?;
    }
    if let Some(cause) = survivor.cause {
        field(out, "cause", &cause.told(survivor))?;
    }
    if let Some(help) = &survivor.help {
        field(out, "help", help)?;
    }
    if let Some(place) = &survivor.blame {
        let rule =
            format!("ignore(spawned_at = \"{}:{}\", reason = \"…\")", place.file, place.line);
        field(out, "allow it", &format!("{DIM}#[leak_test({rule})]{DIM:#}"))?;
    }
    Ok(())
}

fn field(out: &mut String, name: &str, value: &str) -> fmt::Result {
    writeln!(out, "     {name:<12} {value}")
}

/// The user's own line, its text if it can be read.
fn title(survivor: &Survivor) -> String {
    match (&survivor.blame, &survivor.source_line, &survivor.spawned_at) {
        (Some(blame), Some(line), _) => format!("{}:{}   {line}", blame.file, blame.line),
        (Some(place), None, _) | (None, _, Some(place)) => format!("{}:{}", place.file, place.line),
        (None, _, None) => counted(survivor.count, "task"),
    }
}

fn state(survivor: &Survivor) -> String {
    let state = match survivor.state {
        Some(State::Waiting) => "waiting",
        Some(State::Running) => "running",
        Some(State::NeverPolled) => "never polled",
        Some(State::Notified) => "woken",
        Some(State::Cancelled) => "cancelled",
        None => "state unknown",
    };
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

fn write_only_counted(out: &mut String, tier: Tier) -> fmt::Result {
    if tier == Tier::Hooks {
        return writeln!(
            out,
            "\n  Some of them only tokio's own count knows of: leakcheck's hooks never saw them."
        );
    }
    out.push_str(
        "
  This build counts tasks and cannot tell them apart, because tokio was built without its
  unstable features. To see which lines spawned them, run the test once with

      RUSTFLAGS=\"--cfg tokio_unstable\" cargo test

  A task ends when it is joined, aborted, or when what it waits for ends (its sender is
  dropped, its token cancelled).
",
    );
    Ok(())
}

fn write_footer(out: &mut String, report: &LeakReport) -> fmt::Result {
    let ignored: usize = report.ignored.iter().map(|ignored| ignored.survivor.count).sum();
    let undecided = report.undecided.iter().map(|why| ("undecided", why.clone()));
    let stale =
        report.stale_ignores.iter().map(|rule| ("stale", format!("{rule} covered nothing")));
    let kept = report
        .ignored
        .iter()
        .map(|entry| ("ignored", format!("{}: {}", title(&entry.survivor), entry.reason)));
    let notes = report.notes.iter().map(|note| ("note", note.clone()));
    let lines: Vec<_> = undecided.chain(stale).chain(kept.take(IN_FULL)).chain(notes).collect();
    if !lines.is_empty() {
        out.push('\n');
    }
    for (name, value) in lines {
        writeln!(out, "  {name:<10} {value}")?;
    }
    if report.ignored.len() > IN_FULL {
        writeln!(out, "  {:<10} {} in all", "ignored", counted(ignored, "task"))?;
    }
    Ok(())
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn told(duration: Duration) -> String {
    milliseconds(Some(duration.as_secs_f64() * 1e3))
}

fn milliseconds(ms: Option<f64>) -> String {
    match ms {
        Some(ms) if ms < 10.0 => format!("{ms:.1} ms"),
        Some(ms) => format!("{ms:.0} ms"),
        None => "for an unknown time".to_owned(),
    }
}
