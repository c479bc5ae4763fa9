//! Panics of tasks.

use crate::support::run;

#[test]
fn a_panic_that_nobody_joined_fails_the_test() {
    let run = run("detached_task_panics");
    assert!(!run.passed, "{}", run.printed);
    for text in ["panicked unseen", "nobody hears this", "leakcheck/tests/it/targets.rs:"] {
        assert!(run.printed.contains(text), "`{text}` is missing:\n{}", run.printed);
    }
}

#[test]
fn a_panic_on_another_thread_is_heard_too() {
    for target in ["detached_task_panics_on_a_worker", "detached_blocking_closure_panics"] {
        let run = run(target);
        assert!(!run.passed, "{}", run.printed);
        assert!(run.printed.contains("panicked unseen"), "{}", run.printed);
    }
}

#[test]
fn a_panic_under_a_held_handle_fails_nothing() {
    let run = run("panic_under_a_held_handle");
    assert!(run.passed, "{}", run.printed);
}

#[test]
fn a_panic_that_somebody_joined_is_theirs() {
    let run = run("joined_task_panics");
    assert!(run.passed, "{}", run.printed);
}

#[test]
fn a_panic_that_its_own_task_caught_is_none() {
    let run = run("caught_panic_in_a_detached_task");
    assert!(run.passed, "{}", run.printed);
}
