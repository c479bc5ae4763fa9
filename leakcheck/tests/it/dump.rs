//! All tasks of a runtime with their await trees, from inside and outside of it.

use leakcheck::{Flavor, Options, Runtime, State, leak_test};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

async fn reader(answer: oneshot::Receiver<u32>) {
    let _ = answer.await;
}

/// What a dump says, without the place of the spawn, which not every build can tell.
fn shown(handle: &Handle) -> String {
    let text = crate::support::normalise(&leakcheck::dump(handle).to_string());
    let lines = text.lines().filter(|line| !line.starts_with("  spawned at"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn tasks_are_seen_from_outside_of_their_runtime() {
    for flavor in [Flavor::CurrentThread, Flavor::MultiThread, Flavor::Local] {
        let runtime = Runtime::new(Options::new().flavor(flavor)).unwrap();
        let (_kept, answer) = oneshot::channel();
        let task = runtime.block_on(async {
            let task = tokio::spawn(reader(answer));
            while leakcheck::dump(&Handle::current()).tasks[0].state != Some(State::Waiting) {
                tokio::task::yield_now().await;
            }
            task.abort_handle()
        });
        let dump = std::thread::scope(|scope| {
            let handle = runtime.handle();
            scope.spawn(|| leakcheck::dump(handle)).join().unwrap()
        });
        assert!(dump.body.is_none(), "nothing is blocked on");
        assert_eq!(dump.tasks[0].future.as_deref(), Some("it::dump::reader"));
        let tree = dump.tasks[0].awaits.as_ref().unwrap();
        assert_eq!(&*tree.at.as_ref().unwrap().file, "leakcheck/tests/it/dump.rs");
        assert!(tree.leaves().next().unwrap().name.contains("oneshot::Receiver"));
        task.abort();
        runtime.verify();
    }
}

#[leak_test]
async fn the_body_that_asks_is_running() {
    let dump = leakcheck::dump(&Handle::current());
    let body = dump.body.as_ref().expect("the test's own thread knows the body");
    assert_eq!((body.state, body.awaits.is_none()), (State::Running, true));
    assert!(dump.to_string().starts_with("0 tasks\n\nthe test's body: running"), "{dump}");
}

#[leak_test]
async fn a_task_sees_where_the_body_waits() {
    let asks = tokio::spawn(async { shown(&Handle::current()) });
    let text = asks.await.unwrap();
    let body = "the test's body: waiting
  leakcheck/tests/it/dump.rs:L   it::dump::a_task_sees_where_the_body_waits::{async block}
  awaiting tokio::";
    assert!(text.contains(body), "{text}");
    assert!(text.contains("task N: running"), "{text}");
}

#[leak_test]
async fn a_dump_of_another_runtime_knows_its_tasks_and_no_body() {
    let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (_kept, answer) = oneshot::channel();
    let _task = other.spawn(reader(answer));
    let dump = leakcheck::dump(other.handle());
    assert_eq!((dump.tasks.len(), dump.body.is_none()), (1, true));
    assert_eq!(dump.tasks[0].state, Some(State::NeverPolled));
    other.shutdown_background();
}

async fn never() {
    std::future::pending::<()>().await;
}

#[leak_test]
async fn a_dump_tells_the_place_of_a_spawn_or_the_places_one_of_which_it_was() {
    let tasks = [tokio::spawn(never()), tokio::spawn(never())];
    let text = crate::support::normalise(&leakcheck::dump(&Handle::current()).to_string());
    let exact = text.matches("  spawned at leakcheck/tests/it/dump.rs:L").count();
    let place = "leakcheck/tests/it/dump.rs:L";
    let candidates = text.matches(&format!("  spawned at one of {place}")).count();
    assert_eq!(exact + candidates, 2, "{text}");
    for task in tasks {
        task.abort();
        let _ = task.await;
    }
}

#[leak_test]
async fn a_dump_is_serialised_with_flat_trees() {
    let (answer, question) = oneshot::channel();
    let task = tokio::spawn(reader(question));
    tokio::task::yield_now().await;
    let dump = serde_json::to_value(leakcheck::dump(&Handle::current())).unwrap();
    assert_eq!(dump["body"]["state"], "running");
    assert_eq!(dump["tasks"][0]["awaits"][0]["function"], "it::dump::reader");
    assert_eq!(dump["tasks"][0]["awaits"][1]["depth"], 1);
    answer.send(1).unwrap();
    task.await.unwrap();
}
