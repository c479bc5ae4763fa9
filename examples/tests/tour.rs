//! What the tour prints, and how it exits.

use std::process::{Command, Output};

use leakcheck::Tier;

/// A leak of the tour.
struct Leak {
    name: &'static str,
    source: &'static str,
    /// What is on the line to blame, and on no line before it.
    blame: &'static str,
    /// What its await tree ends in.
    leaf: &'static str,
    /// The line that mends it.
    mend: &'static str,
}

const LEAKS: [Leak; 4] = [
    Leak {
        name: "subscriber",
        source: include_str!("../src/subscriber.rs"),
        blame: "tokio::spawn(",
        leaf: "tokio::sync::Notify::notified",
        mend: "+ let _open = window.drop_guard();",
    },
    Leak {
        name: "response",
        source: include_str!("../src/response.rs"),
        blame: "tokio::spawn(",
        leaf: "tokio::sync::oneshot::Receiver<",
        mend: "+ let service = service.attendance(Attendance::Unattended);",
    },
    Leak {
        name: "worker",
        source: include_str!("../src/worker.rs"),
        blame: "tokio::spawn(",
        leaf: "tokio::time::Interval::tick",
        mend: "+ while window.run_until_cancelled(frames.tick()).await.is_some() {",
    },
    Leak {
        name: "third_party",
        source: include_str!("../src/third_party.rs"),
        blame: "axum::serve(",
        leaf: "tokio_util::sync::CancellationToken::cancelled_owned",
        mend: "+ stop.cancel();",
    },
];

fn tour(leakcheck: Option<&str>) -> Output {
    let mut tour = Command::new(env!("CARGO_BIN_EXE_leakcheck-examples"));
    tour.env_remove("LEAKCHECK").env_remove("CLICOLOR_FORCE");
    tour.envs(leakcheck.map(|value| ("LEAKCHECK", value)));
    tour.output().expect("cargo has built it")
}

impl Leak {
    /// Whether the report names the place, with or without its column.
    fn is_named_in(&self, report: &str) -> bool {
        let at = self.source.lines().position(|line| line.contains(self.blame));
        let line = at.expect("it is in the source") + 1;
        let place = format!("examples/src/{}.rs:{line}", self.name);
        [':', ' '].iter().any(|end| report.contains(&format!("{place}{end}")))
    }
}

#[test]
fn each_leak_is_found_where_it_was_spawned_and_each_mend_is_clean() {
    let output = tour(None);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");

    for leak in &LEAKS {
        let name = leak.name;
        assert!(printed.contains(&format!("1 leaked task outlived `{name}::bad`")), "{printed}");
        assert!(printed.contains(leak.mend), "{printed}");
        assert!(printed.contains(&format!("nothing outlives `{name}::good`")), "{printed}");
        if cfg!(target_os = "linux") {
            assert!(printed.contains(&format!("awaiting {}", leak.leaf)), "{printed}");
        }
        if Tier::current() == Tier::Hooks {
            assert!(leak.is_named_in(&printed), "{name}\n{printed}");
        }
    }
}

#[test]
fn a_leak_that_is_not_found_fails_the_tour() {
    let output = tour(Some("off"));
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    for leak in &LEAKS {
        let surprise = format!("`{}::bad` should leak, and was found clean", leak.name);
        assert!(printed.contains(&surprise), "{printed}");
    }
}
