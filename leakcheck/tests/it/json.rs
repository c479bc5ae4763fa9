//! The lines that `LEAKCHECK_REPORT` collects.

use leakcheck::Tier;
use serde_json::Value;

use crate::support::run_with;

/// The one line that a target wrote.
#[track_caller]
fn line(target: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let reports = folder.path().join("made/if/missing");
    run_with(target, &[("LEAKCHECK_REPORT", reports.to_str().unwrap())]);
    let files: Vec<_> =
        std::fs::read_dir(&reports).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("one file per process: {files:?}") };
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn each_verdict_has_its_name() {
    for (target, verdict) in [
        ("clean", "clean"),
        ("one_leak", "leaked"),
        ("leak_that_warns", "warned"),
        ("known_leak", "known_leak"),
        ("known_leak_that_was_mended", "fixed_known_leak"),
        ("own_panic_and_leak", "failed"),
        ("own_error_and_leak", "failed"),
        ("leak_unchecked", "off"),
        ("ignored_by_what_cannot_be_read", "unverified"),
    ] {
        assert_eq!(line(target)["verdict"], verdict, "{target}");
    }
}

#[test]
fn a_line_names_its_test_and_package() {
    let line = line("clean");
    assert_eq!(line["schema"], 1);
    assert_eq!(line["test"], "targets::clean");
    assert_eq!(line["package"], "leakcheck");
    assert_eq!(line["tier"], if Tier::current() == Tier::Hooks { "hooks" } else { "plain" });
}

#[test]
fn a_survivor_has_its_await_tree_and_null_for_what_is_not_known() {
    let line = line("stuck_in_functions");
    let survivor = &line["survivors"][0];
    assert_eq!((&survivor["count"], &survivor["kind"]), (&1.into(), &"task".into()));
    assert_eq!(survivor["future"], "it::targets::flusher");
    assert_eq!(survivor["awaits"][0]["function"], "it::targets::flusher");
    assert_eq!(survivor["awaits"][0]["file"], "leakcheck/tests/it/targets.rs");
    assert_eq!(survivor["awaits"][1]["function"], "it::targets::flush");
    assert_eq!(survivor["awaits"][2]["depth"], 2);
    assert!(survivor["awaits"][2]["leaf"].as_str().unwrap().contains("oneshot::Receiver"));
    assert_eq!(survivor["state"], "waiting");
    assert!(line["waited_ms"].as_f64().unwrap() >= 500.0, "{line}");
    for unknown in ["name", "uninspected", "spawn_stack"] {
        assert!(survivor.get(unknown).is_some_and(Value::is_null), "{unknown} in {survivor}");
    }
    if Tier::current() == Tier::Hooks {
        assert_eq!(survivor["spawned_at"]["file"], "leakcheck/tests/it/targets.rs");
        assert!(survivor["age_ms"].as_f64().unwrap() >= 500.0, "{survivor}");
    } else {
        assert!(survivor["age_ms"].is_null() && survivor["polls"].is_null(), "{survivor}");
    }
}

#[test]
fn a_signature_is_the_future_and_who_spawned_it() {
    let signature = &line("spawned_in_one_place")["survivors"][0]["signature"];
    assert_eq!(signature, "it::targets::lonely<-it::targets::spawned_in_one_place");
}

#[test]
fn ignored_survivors_are_listed_with_their_reason() {
    let ignored = &line("ignored_by_number")["ignored"];
    assert_eq!(ignored[0]["reason"], "two live on");
}

#[cfg(tokio_unstable)]
#[test]
fn a_survivor_is_no_older_than_the_test_and_its_grace() {
    let line = line("stuck_in_functions");
    let (age, waited) = (&line["survivors"][0]["age_ms"], &line["waited_ms"]);
    let beyond = age.as_f64().unwrap() - waited.as_f64().unwrap();
    assert!(beyond.abs() < 150.0, "opening the executable is part of neither: {age} {waited}");
}
