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
    assert!(run.printed.contains("while its JoinHandle was held"), "{}", run.printed);
}

#[test]
fn a_handle_that_is_about_to_be_dropped_counts_as_dropped() {
    let printed = run("many_detached_tasks_panic_at_once").printed;
    assert!(printed.contains("200 tasks panicked unseen"), "{}", printed.lines().last().unwrap());
}

#[test]
fn a_panic_after_the_body_is_heard_if_the_shutdown_waits_for_it() {
    let run = run("blocking_closure_panics_after_the_body");
    assert!(!run.passed && run.printed.contains("panicked unseen"), "{}", run.printed);
}

#[test]
fn a_panic_on_a_runtime_inside_the_test_is_that_runtimes() {
    let run = run("task_of_an_inner_runtime_panics");
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
