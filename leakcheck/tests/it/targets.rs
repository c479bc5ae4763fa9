//! Tests that are run by other tests, most of them to fail.

mod deadlocks;

use std::future::pending;
use std::process::{ExitCode, Termination};
use std::time::Duration;

use leakcheck::leak_test;

fn forever() -> impl Future<Output = ()> + Send {
    pending()
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn clean() {
    tokio::spawn(async {}).await.unwrap();
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn one_leak() {
    tokio::spawn(forever());
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn alike_leaks() {
    for _ in 0..30 {
        tokio::spawn(forever());
    }
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn a_family() {
    tokio::spawn(async {
        tokio::spawn(forever());
        pending::<()>().await;
    });
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn through_a_library() {
    // The place of the spawn lies in the standard library: the backtrace tells the user's line.
    (0..1).map(|_| forever()).map(tokio::spawn).for_each(drop);
}

#[leak_test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a target of other tests"]
async fn busy_loop() {
    tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn blocking_work() {
    tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_secs(60)));
}

#[leak_test(action = "warn")]
#[ignore = "a target of other tests"]
async fn leak_that_warns() {
    tokio::spawn(forever());
}

#[leak_test(action = "off")]
#[ignore = "a target of other tests"]
async fn leak_unchecked() {
    tokio::spawn(forever());
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn own_panic_and_leak() {
    tokio::spawn(forever());
    panic!("the test's own failure");
}

#[leak_test(on_failure)]
#[ignore = "a target of other tests"]
async fn own_panic_and_leak_on_failure() {
    tokio::spawn(forever());
    panic!("the test's own failure");
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn own_error_and_leak() -> Result<(), &'static str> {
    tokio::spawn(forever());
    Err("the test's own error")
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn own_exit_code_and_leak() -> ExitCode {
    tokio::spawn(forever());
    ExitCode::FAILURE
}

/// A return type that nothing but itself can tell the failure of.
struct OwnVerdict;

impl Termination for OwnVerdict {
    fn report(self) -> ExitCode {
        eprintln!("the type's own failure");
        ExitCode::FAILURE
    }
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn own_verdict_and_leak() -> OwnVerdict {
    tokio::spawn(forever());
    OwnVerdict
}

#[leak_test]
#[should_panic(expected = "as expected")]
#[ignore = "a target of other tests"]
async fn expected_panic_and_leak() {
    tokio::spawn(forever());
    panic!("as expected");
}

#[leak_test]
#[should_panic]
#[ignore = "a target of other tests"]
async fn missing_panic_and_leak() {
    tokio::spawn(forever());
}

#[leak_test(known_leak = "the pool has no close yet")]
#[ignore = "a target of other tests"]
async fn known_leak() {
    tokio::spawn(forever());
}

#[leak_test(known_leak = "the pool has no close yet")]
#[ignore = "a target of other tests"]
async fn known_leak_that_was_mended() {}

#[leak_test(ignore(spawned_at = "it/targets.rs", reason = "lives on"))]
#[ignore = "a target of other tests"]
async fn ignored_by_place() {
    tokio::spawn(async { pending::<()>().await });
}

/// Spawned in one place only, so that the place is known in both tiers.
async fn lonely() {
    pending::<()>().await;
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn spawned_in_one_place() {
    tokio::spawn(lonely());
}

#[leak_test(ignore(spawned_at = "it/targets.rs", reason = "lives on"))]
#[ignore = "a target of other tests"]
async fn ignored_by_a_place_of_many() {
    tokio::spawn(forever());
}

#[leak_test(ignore(spawned_by = "*ignored_by_function", reason = "lives on"))]
#[ignore = "a target of other tests"]
async fn ignored_by_function() {
    tokio::spawn(async { pending::<()>().await });
}

/// Waits inside a function of its own for an answer that nobody sends.
async fn flusher() {
    let (_kept, answer) = tokio::sync::oneshot::channel::<u32>();
    flush(answer).await;
}

async fn flush(answer: tokio::sync::oneshot::Receiver<u32>) {
    let _ = answer.await;
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn stuck_in_functions() {
    tokio::spawn(flusher());
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn stuck_in_a_select() {
    tokio::spawn(async {
        tokio::select! {
            () = flusher() => {}
            () = tokio::time::sleep(Duration::from_secs(3600)) => {}
        }
    });
}

#[leak_test(ignore(future = "it::targets::flusher", reason = "lives on"))]
#[ignore = "a target of other tests"]
async fn ignored_by_future() {
    tokio::spawn(flusher());
}

#[leak_test(ignore(function = "*::flush", reason = "lives on"))]
#[ignore = "a target of other tests"]
async fn ignored_by_any_function() {
    tokio::spawn(flusher());
}

#[leak_test(ignore(awaiting = "tokio::sync::oneshot::Receiver*", reason = "lives on"))]
#[ignore = "a target of other tests"]
async fn ignored_by_what_it_awaits() {
    tokio::spawn(flusher());
}

#[leak_test(ignore(future = "*::flusher", reason = "lives on"))]
#[ignore = "a target of other tests"]
async fn one_beside_an_ignored_future() {
    tokio::spawn(flusher());
    tokio::spawn(forever());
}

#[leak_test(backtrace = true)]
#[ignore = "a target of other tests"]
async fn leak_with_its_stack() {
    spawn_below();
}

fn spawn_below() {
    tokio::spawn(forever());
}

#[leak_test(ignore(spawned_at = "it/targets.rs", count = 1, reason = "one lives on"))]
#[ignore = "a target of other tests"]
async fn one_more_than_ignored() {
    for _ in 0..2 {
        tokio::spawn(async { pending::<()>().await });
    }
}

#[leak_test(ignore(count = 2, reason = "two live on"))]
#[ignore = "a target of other tests"]
async fn ignored_by_number() {
    tokio::spawn(forever());
    tokio::spawn(forever());
}

#[leak_test(ignore(name = "app", reason = "lives on"))]
#[ignore = "a target of other tests"]
async fn ignored_by_what_cannot_be_read() {
    tokio::spawn(forever());
}

#[leak_test(ignore(spawned_at = "no/such/file.rs", reason = "went away"))]
#[ignore = "a target of other tests"]
async fn stale_ignore() {}

#[leak_test]
#[ignore = "a target of other tests"]
async fn ignored_as_current() {
    tokio::spawn(forever());
    leakcheck::ignore_current();
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn leak_after_ignore_current() {
    tokio::spawn(forever());
    leakcheck::ignore_current();
    tokio::spawn(forever());
}

fn panicking_cleanup() {
    panic!("the cleanup's own failure");
}

async fn failing_cleanup() -> Result<(), &'static str> {
    tokio::task::yield_now().await;
    Err("the cleanup's own error")
}

#[leak_test(cleanup = panicking_cleanup)]
#[ignore = "a target of other tests"]
async fn cleanup_panics() {
    tokio::spawn(forever());
}

#[leak_test(cleanup = failing_cleanup)]
#[ignore = "a target of other tests"]
async fn cleanup_fails() {}

#[leak_test(cleanup = panicking_cleanup)]
#[ignore = "a target of other tests"]
async fn own_panic_and_cleanup_panics() {
    panic!("the test's own failure");
}

#[leak_test(cleanup = panicking_cleanup)]
#[should_panic]
#[ignore = "a target of other tests"]
async fn missing_panic_and_cleanup_panics() {}

#[leak_test]
#[ignore = "a target of other tests"]
async fn detached_task_panics() {
    tokio::spawn(async { panic!("nobody hears this") });
    tokio::task::yield_now().await;
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn joined_task_panics() {
    let error = tokio::spawn(async { panic!("somebody hears this") }).await.unwrap_err();
    assert!(error.is_panic());
}

#[leak_test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a target of other tests"]
async fn detached_task_panics_on_a_worker() {
    // The channel is gone once the task is, whose panic is then over.
    let (alive, mut over) = tokio::sync::mpsc::channel::<()>(1);
    let (go, told) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        let _alive = alive;
        told.await.unwrap();
        panic!("nobody hears this")
    });
    go.send(()).unwrap();
    over.recv().await;
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn detached_blocking_closure_panics() {
    let (alive, mut over) = tokio::sync::mpsc::channel::<()>(1);
    tokio::task::spawn_blocking(move || {
        let _alive = alive;
        panic!("nobody hears this")
    });
    over.recv().await;
}

#[leak_test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a target of other tests"]
async fn many_detached_tasks_panic_at_once() {
    // Each may panic before its spawner has dropped the handle.
    for _ in 0..200 {
        tokio::spawn(async { panic!("nobody hears this") });
    }
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn blocking_closure_panics_after_the_body() {
    let (body_alive, body_over) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || {
        let _ = body_over.recv();
        panic!("nobody hears this")
    });
    tokio::task::yield_now().await;
    drop(body_alive);
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn task_of_an_inner_runtime_panics() {
    let inner = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            tokio::spawn(async { panic!("the inner runtime's own business") });
            tokio::task::yield_now().await;
        });
    };
    tokio::task::spawn_blocking(inner).await.unwrap();
}

#[leak_test(known_leak = "the pool has no close yet")]
#[ignore = "a target of other tests"]
async fn known_leak_of_blocking_work() {
    tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_secs(60)));
}

#[leak_test(known_leak = "the pool has no close yet", cleanup = panicking_cleanup)]
#[ignore = "a target of other tests"]
async fn known_leak_and_cleanup_panics() {
    tokio::spawn(forever());
}

/// Spawns a task when its thread is torn down.
struct SpawnsOnDrop(tokio::runtime::Handle);

impl Drop for SpawnsOnDrop {
    fn drop(&mut self) {
        drop(self.0.spawn(async {}));
    }
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn spawn_while_a_thread_is_torn_down() {
    thread_local! {
        static LATE: std::cell::RefCell<Option<SpawnsOnDrop>> = const { std::cell::RefCell::new(None) };
    }
    let handle = tokio::runtime::Handle::current();
    std::thread::spawn(move || LATE.set(Some(SpawnsOnDrop(handle)))).join().unwrap();
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn panic_under_a_held_handle() {
    let _handle = tokio::spawn(async { panic!("who knows who hears this") });
    tokio::task::yield_now().await;
}

#[leak_test]
#[ignore = "a target of other tests"]
async fn caught_panic_in_a_detached_task() {
    tokio::spawn(async {
        let _ = std::panic::catch_unwind(|| panic!("the task itself hears this"));
    });
    tokio::task::yield_now().await;
}

#[leak_test(start_paused = true)]
#[ignore = "a target of other tests"]
async fn paused_within_grace() {
    tokio::spawn(tokio::time::sleep(Duration::from_millis(400)));
}

#[leak_test(start_paused = true)]
#[ignore = "a target of other tests"]
async fn paused_beyond_grace() {
    tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
}

#[leak_test]
#[should_panic]
#[ignore = "a target of other tests"]
async fn expects_a_panic() {
    panic!("as expected");
}

/// How many open files of this process are its own executable.
#[cfg(target_os = "linux")]
fn executable_opened() -> usize {
    let own = std::env::current_exe().unwrap();
    let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    files.filter(|file| std::fs::read_link(file.path()).is_ok_and(|to| to == own)).count()
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "a target of other tests"]
fn opens_the_executable_only_for_a_leak() {
    let ignore = leakcheck::Ignore::new("would be looked at").future("*forever");
    let options = || {
        let options = leakcheck::Options::new().grace(Duration::from_millis(20));
        options.ignore(ignore.clone())
    };
    for _ in 0..2 {
        leakcheck::run(options(), async {
            let joined = tokio::spawn(tokio::task::yield_now());
            tokio::spawn(tokio::task::yield_now());
            joined.await.unwrap();
        });
        assert_eq!(executable_opened(), 0, "after a clean test");
    }
    let runtime = leakcheck::Runtime::new(options()).unwrap();
    runtime.block_on(async { drop(tokio::spawn(std::future::pending::<()>())) });
    assert!(runtime.check().is_err());
    assert_eq!(executable_opened(), 1, "after a leak");
}
