//! The tour: each leak as leakcheck reports it, and the lines that mend it.
//!
//! Exits with 0 only if every bad version leaks and every good one is clean.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anstream::println;
use anstyle::{AnsiColor, Style};
use leakcheck::{Error, LeakReport, Options, Runtime, Verdict};
use leakcheck_examples::{response, subscriber, third_party, worker};

const GRACE: Duration = Duration::from_millis(200);

const HEADING: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// One stop of the tour.
struct Pattern {
    name: &'static str,
    title: &'static str,
    story: &'static str,
    bad: fn(&Runtime),
    good: fn(&Runtime),
    /// The file that has both versions.
    source: &'static str,
}

const PATTERNS: [Pattern; 4] = [
    Pattern {
        name: "subscriber",
        title: "A subscriber that nobody closes",
        story: "A screen reads prompts until its window closes; its token is dropped, which cancels nothing.",
        bad: |runtime| runtime.block_on(subscriber::bad()),
        good: |runtime| runtime.block_on(subscriber::good()),
        source: include_str!("subscriber.rs"),
    },
    Pattern {
        name: "response",
        title: "A response that nobody sends",
        story: "A tool call asks for permission with nobody there to answer; its agent gives up, the call does not.",
        bad: |runtime| runtime.block_on(response::bad()),
        good: |runtime| runtime.block_on(response::good()),
        source: include_str!("response.rs"),
    },
    Pattern {
        name: "worker",
        title: "A worker without an exit",
        story: "A loop redraws a screen frame by frame, and never notices that its window is closed.",
        bad: |runtime| runtime.block_on(worker::bad()),
        good: |runtime| runtime.block_on(worker::good()),
        source: include_str!("worker.rs"),
    },
    Pattern {
        name: "third_party",
        title: "A task of somebody else's crate",
        story: "An axum server is aborted, and leaves behind the task that waits for its shutdown signal.",
        bad: |runtime| runtime.block_on(third_party::bad()).expect("it serves on a local port"),
        good: |runtime| runtime.block_on(third_party::good()).expect("it serves on a local port"),
        source: include_str!("third_party.rs"),
    },
];

fn main() -> ExitCode {
    let began = Instant::now();
    let surprises = match tour() {
        Ok(surprises) => surprises,
        Err(error) => vec![format!("the tour cannot go on: {error}")],
    };
    println!();
    if surprises.is_empty() {
        println!(
            "{GOOD}All as expected{GOOD:#}: {count} leaks found, {count} mended, in {:.1} s.\n\
             The same as tests: examples/tests/leaks.rs, `cargo test -p leakcheck-examples`.",
            began.elapsed().as_secs_f64(),
            count = PATTERNS.len(),
        );
        return ExitCode::SUCCESS;
    }
    for surprise in &surprises {
        println!("{BAD}Not as expected{BAD:#}: {surprise}.");
    }
    ExitCode::FAILURE
}

/// Shows every pattern, and says what came out otherwise than expected.
fn tour() -> Result<Vec<String>, Error> {
    println!(
        "{HEADING}Four leaks in a permission service, as leakcheck finds them{HEADING:#}\n\
         Each comes with its report, and with the lines that mend it."
    );
    let mut surprises = Vec::new();
    for (index, pattern) in PATTERNS.iter().enumerate() {
        println!("\n{HEADING}{}. {}{HEADING:#}\n{}\n", index + 1, pattern.title, pattern.story);
        surprises.extend(pattern.show()?);
    }
    Ok(surprises)
}

impl Pattern {
    /// Shows both versions, and says what came out otherwise than expected.
    fn show(&self) -> Result<Vec<String>, Error> {
        let mut surprises = Vec::new();
        let bad = format!("{}::bad", self.name);
        match checked(&bad, self.bad)? {
            Err(report) => {
                println!("{}", report.to_ansi());
                if report.verdict != Verdict::Leaked || report.leaked() != 1 {
                    surprises.push(format!("`{bad}` should leak one task and no more"));
                }
            }
            Ok(()) => surprises.push(format!("`{bad}` should leak, and was found clean")),
        }
        println!("{HEADING}Mended{HEADING:#}:");
        for line in self.mend() {
            println!("    {line}");
        }
        let good = format!("{}::good", self.name);
        match checked(&good, self.good)? {
            Ok(()) => println!("    {GOOD}clean{GOOD:#}: nothing outlives `{good}`"),
            Err(report) => {
                println!("{}", report.to_ansi());
                surprises.push(format!("`{good}` should be clean"));
            }
        }
        Ok(surprises)
    }

    /// What the good version does otherwise, as a diff of the source.
    fn mend(&self) -> impl Iterator<Item = String> {
        let (bad, good) = (self.body_of("bad"), self.body_of("good"));
        let removed = bad.lines().filter(move |line| good.lines().all(|other| other != *line));
        let added = good.lines().filter(move |line| bad.lines().all(|other| other != *line));
        let sign = |sign| move |line: &str| format!("{sign} {}", line.trim());
        removed.map(sign('-')).chain(added.map(sign('+')))
    }

    fn body_of(&self, function: &str) -> &'static str {
        let head = format!("pub async fn {function}()");
        let body = self.source.split_once(&head).and_then(|(_, rest)| rest.split_once("\n}\n"));
        body.map_or("", |(body, _)| body)
    }
}

/// Runs a version on a runtime of its own and checks what is left.
fn checked(name: &str, version: fn(&Runtime)) -> Result<Result<(), Box<LeakReport>>, Error> {
    let runtime = Runtime::new(Options::new().test_name(name).grace(GRACE))?;
    version(&runtime);
    Ok(runtime.check())
}
