//! Running a target and reading what it printed.

use std::process::Command;

/// What a target's run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) passed: bool,
    /// What the target printed, without what libtest did.
    pub(crate) printed: String,
}

/// Runs the test `targets::NAME` of this binary in a process of its own.
pub(crate) fn run(name: &str) -> Run {
    run_with(name, &[])
}

/// As `run`, with these environment variables.
#[track_caller]
pub(crate) fn run_with(name: &str, variables: &[(&str, &str)]) -> Run {
    let path = format!("targets::{name}");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &path, "--ignored", "--nocapture", "--test-threads=1"]);
    for inherited in [
        "LEAKCHECK",
        "LEAKCHECK_GRACE",
        "LEAKCHECK_BACKTRACE",
        "LEAKCHECK_REPORT",
        "CARGO_TERM_COLOR",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(inherited);
    }
    command.env("RUST_BACKTRACE", "0").envs(variables.iter().copied());
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("running 1 test"), "there is no target `{path}`:\n{stdout}");
    let passed = output.status.success();
    assert_eq!(passed, stdout.contains("test result: ok. 1 passed"), "{stdout}");
    Run { passed, printed: String::from_utf8_lossy(&output.stderr).into_owned() }
}

impl Run {
    /// What it printed, with what differs from run to run taken out: ids, times, line numbers.
    pub(crate) fn normalised(&self) -> String {
        normalise(&self.printed)
    }
}

/// `task 14` becomes `task N`, `501 ms` becomes `T ms`, `targets.rs:31:5` becomes `targets.rs:L:C`.
pub(crate) fn normalise(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let length = from.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(from.len());
        let (number, after) = from.split_at(length);
        out.push_str(before);
        if before.ends_with("task ") {
            out.push('N');
        } else if after.starts_with(" ms") {
            out.push('T');
        } else if before.ends_with(".rs:") {
            out.push('L');
        } else if before == ":" && out.ends_with("L:") {
            out.push('C');
        } else {
            out.push_str(number);
        }
        rest = after;
    }
    out + rest
}

#[test]
fn normalising_takes_out_what_differs_between_runs() {
    let text = "2 tasks: task 14, alive 501.5 ms, at src/lib.rs:31:5 and lib.rs:7, polled 3 times";
    let expected = "2 tasks: task N, alive T ms, at src/lib.rs:L:C and lib.rs:L, polled 3 times";
    assert_eq!(normalise(text), expected);
}
