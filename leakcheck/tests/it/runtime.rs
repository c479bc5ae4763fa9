//! The library without attributes.

use std::future::pending;
use std::time::Duration;

use leakcheck::{Action, Flavor, Options, Runtime};

fn quick() -> Options {
    Options::new().grace(Duration::from_millis(1))
}

#[test]
fn a_check_may_be_made_again() {
    let runtime = Runtime::new(quick()).unwrap();
    let task = {
        let _context = runtime.handle().enter();
        tokio::spawn(pending::<()>())
    };
    assert_eq!(runtime.check().unwrap_err().leaked(), 1);
    assert_eq!(runtime.check().unwrap_err().leaked(), 1);
    task.abort();
    assert!(runtime.check().is_ok());
}

#[test]
fn every_flavor_is_checked() {
    for flavor in [Flavor::CurrentThread, Flavor::MultiThread, Flavor::Local] {
        let runtime = Runtime::new(quick().flavor(flavor)).unwrap();
        assert!(runtime.check().is_ok(), "{flavor:?}");
        runtime.block_on(async { drop(tokio::spawn(pending::<()>())) });
        assert_eq!(runtime.check().unwrap_err().leaked(), 1, "{flavor:?}");
    }
}

#[test]
fn parallel_runtimes_do_not_see_each_other() {
    let leaking = Runtime::new(quick()).unwrap();
    leaking.block_on(async { drop(tokio::spawn(pending::<()>())) });
    let clean = Runtime::new(quick()).unwrap();
    clean.block_on(async {
        leaking.handle().spawn(pending::<()>());
    });
    assert!(clean.check().is_ok());
    assert_eq!(leaking.check().unwrap_err().leaked(), 2);
}

#[test]
fn with_the_check_off_nothing_is_told() {
    let runtime = Runtime::new(quick().action(Action::Off)).unwrap();
    runtime.block_on(async { drop(tokio::spawn(pending::<()>())) });
    assert!(runtime.check().is_ok());
}

#[test]
#[should_panic(expected = "1 leaked task")]
fn verify_panics_with_the_report() {
    let runtime = Runtime::new(quick()).unwrap();
    runtime.block_on(async { drop(tokio::spawn(pending::<()>())) });
    runtime.verify();
}

#[test]
#[should_panic(expected = "1 leaked task")]
fn run_panics_with_the_report() {
    leakcheck::run(quick(), async { drop(tokio::spawn(pending::<()>())) });
}

#[test]
fn run_gives_what_its_future_gave() {
    let borrowed = String::from("borrowed");
    assert_eq!(leakcheck::run(quick(), async { borrowed.len() }), 8);
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let error = Runtime::new(Options::new().worker_threads(2)).unwrap_err().to_string();
    assert!(error.contains("`worker_threads` needs worker threads"), "{error}");
    let paused = Options::new().flavor(Flavor::MultiThread).start_paused(true);
    let error = Runtime::new(paused).unwrap_err().to_string();
    assert!(error.contains("`start_paused` needs one thread"), "{error}");
}

#[test]
fn the_users_hand_on_the_builder_counts() {
    let options = quick().configure(|builder| {
        builder.thread_name("named-by-the-user");
    });
    let runtime = Runtime::new(options).unwrap();
    let named = || std::thread::current().name().map(ToOwned::to_owned);
    let name = runtime.block_on(async { tokio::task::spawn_blocking(named).await.unwrap() });
    assert_eq!(name.as_deref(), Some("named-by-the-user"));
    assert!(runtime.check().is_ok());
}

#[test]
fn threads_that_leakcheck_does_not_hear_of_are_noticed() {
    let options = quick().configure(|builder| {
        builder.on_thread_start(|| {});
    });
    let error = Runtime::new(options).unwrap_err().to_string();
    assert!(error.contains("`on_thread_start` was replaced"), "{error}");
}

#[test]
fn the_users_thread_hook_runs_beside_leakchecks() {
    let (started, heard) = std::sync::mpsc::channel();
    let options = quick().on_thread_start(move || started.send(()).unwrap());
    for options in [options.clone(), options.action(Action::Off)] {
        leakcheck::run(options, async { tokio::task::spawn_blocking(|| {}).await.unwrap() });
        assert!(heard.try_recv().is_ok());
    }
}

#[cfg(tokio_unstable)]
mod hooks {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_hook_of_leakchecks_that_was_replaced_is_noticed_and_named() {
        let replaced = |options: Options| Runtime::new(options).unwrap_err().to_string();
        for flavor in [Flavor::CurrentThread, Flavor::MultiThread, Flavor::Local] {
            let options = || quick().flavor(flavor);
            let spawn = replaced(options().configure(|builder| {
                builder.on_task_spawn(|_| {});
            }));
            assert!(spawn.contains("`on_task_spawn` was replaced"), "{spawn}");
            let terminate = replaced(options().configure(|builder| {
                builder.on_task_terminate(|_| {});
            }));
            assert!(terminate.contains("`on_task_terminate` was replaced"), "{terminate}");
            let begins = replaced(options().configure(|builder| {
                builder.on_before_task_poll(|_| {});
            }));
            assert!(begins.contains("`on_before_task_poll` was replaced"), "{begins}");
            let ends = replaced(options().configure(|builder| {
                builder.on_after_task_poll(|_| {});
            }));
            assert!(ends.contains("`on_after_task_poll` was replaced"), "{ends}");
        }
    }

    /// A grace on a busy machine is not for looking symbols up: the task ends long within it.
    #[test]
    fn looking_symbols_up_does_not_use_up_the_grace() {
        let ignore = leakcheck::Ignore::new("no such place").spawned_at("no/such/place.rs", None);
        let options = Options::new().grace(Duration::from_millis(200)).ignore(ignore);
        let runtime = Runtime::new(options).unwrap();
        runtime.block_on(async {
            tokio::spawn(async {
                let child = || tokio::time::sleep(Duration::from_millis(5));
                (0..1).map(|_| child()).map(tokio::spawn).for_each(drop);
            });
        });
        assert!(runtime.check().is_ok());
    }

    #[test]
    fn the_users_hooks_run_beside_leakchecks() {
        let count = Arc::new(AtomicUsize::new(0));
        let told = |count: &Arc<AtomicUsize>| {
            let count = Arc::clone(count);
            move |_: &tokio::runtime::TaskMeta<'_>| {
                count.fetch_add(1, Ordering::SeqCst);
            }
        };
        let options = quick()
            .on_task_spawn(told(&count))
            .on_before_task_poll(told(&count))
            .on_after_task_poll(told(&count))
            .on_task_terminate(told(&count));
        let unchecked = options.clone().action(Action::Off);
        leakcheck::run(options, async { tokio::spawn(async {}).await.unwrap() });
        assert_eq!(count.load(Ordering::SeqCst), 4);
        leakcheck::run(unchecked, async { tokio::spawn(async {}).await.unwrap() });
        assert_eq!(count.load(Ordering::SeqCst), 8, "they run too where nothing is checked");
    }
}
