//! What the sources must keep to.

use std::fs;
use std::path::Path;

fn for_each_source(folder: &str, mut check: impl FnMut(&Path, &str)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("it is readable").path();
        assert!(path.is_file(), "`{}` is not looked into", path.display());
        check(&path, &fs::read_to_string(&path).expect("it is text"));
    }
}

#[test]
fn the_service_starts_no_task_and_no_thread() {
    for_each_source("src", |path, text| {
        for forbidden in ["spawn(", "spawn_blocking", "spawn_local", "JoinSet"] {
            assert!(!text.contains(forbidden), "`{forbidden}` in `{}`", path.display());
        }
    });
}

#[test]
fn only_one_file_takes_the_lock() {
    for_each_source("src", |path, text| {
        let may_lock = path.ends_with("shared.rs");
        assert_eq!(text.contains(".lock()"), may_lock, "`{}`", path.display());
    });
}

#[test]
fn every_file_of_tests_has_a_test() {
    for_each_source("tests/it", |path, text| {
        let help = ["main.rs", "model.rs", "support.rs"];
        let has_none = help.iter().any(|file| path.ends_with(file));
        let tests = ["#[test]\n", "#[leak_test]\n", "#[leak_test("];
        let has_some = tests.iter().any(|test| text.contains(test));
        assert_ne!(has_some, has_none, "`{}`", path.display());
    });
}
