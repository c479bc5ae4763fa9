//! What tasks hold, and that it is the same that others wait for.

use std::future::pending;
use std::sync::Arc;

use leakcheck_inspect::{HoldKind, Process, Resource, Task};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard, RwLock, RwLockReadGuard, Semaphore, mpsc};

use crate::support::INSPECTOR;

/// A runtime whose tasks have had their turns.
fn parked(spawn: impl FnOnce()) -> Runtime {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        spawn();
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    });
    runtime
}

fn tasks(runtime: &Runtime) -> Vec<Task> {
    let handle = std::ptr::from_ref(runtime.handle()) as u64;
    INSPECTOR.tasks(Process::own().expect("this process"), handle).expect("tasks")
}

/// What the only task holds: kinds and variables.
fn held(future: impl Future<Output = ()> + Send + 'static) -> Vec<(HoldKind, String)> {
    let runtime = parked(|| drop(tokio::spawn(future)));
    let holds = tasks(&runtime).remove(0).holds;
    holds.into_iter().map(|hold| (hold.kind, hold.variable.to_string())).collect()
}

fn awaited(task: &Task) -> Option<Resource> {
    task.tree.as_ref()?.leaves().find_map(|leaf| leaf.wait.as_ref()?.of)
}

/// The first task holds what the second one waits for.
#[track_caller]
fn meets(
    kind: HoldKind,
    holder: impl Future<Output = ()> + Send + 'static,
    waiter: impl Future<Output = ()> + Send + 'static,
) {
    let runtime = parked(|| {
        tokio::spawn(holder);
        tokio::spawn(waiter);
    });
    let tasks = tasks(&runtime);
    let [holder, waiter] = tasks.as_slice() else { panic!("{tasks:?}") };
    let of = awaited(waiter).expect("something");
    let found = holder.holds.iter().find(|hold| hold.of == of);
    assert_eq!(found.map(|hold| hold.kind), Some(kind), "{:?} {of:?}", holder.holds);
}

#[test]
fn guards_are_told_with_their_variables() {
    let lock = Arc::new(Mutex::new(1));
    let found = held(async move {
        let first: MutexGuard<'_, i32> = lock.lock().await;
        let shared = Arc::new(RwLock::new(2));
        let second: RwLockReadGuard<'_, i32> = shared.read().await;
        pending::<()>().await;
        drop((first, second));
    });
    let expected = [(HoldKind::Guard, "first".into()), (HoldKind::ReadGuard, "second".into())];
    assert_eq!(found, expected);
}

struct Session {
    _user: u64,
    guard: Option<OwnedMutexGuard<i32>>,
}

#[test]
fn a_guard_is_found_inside_of_what_owns_it_and_not_where_it_is_lent() {
    async fn lent(guard: &mut MutexGuard<'_, i32>) {
        pending::<()>().await;
        **guard += 1;
    }
    let lock = Arc::new(Mutex::new(1));
    let found = held(async move {
        let guard = lock.lock_owned().await;
        let session = Box::new(Session { _user: 1, guard: Some(guard) });
        pending::<()>().await;
        drop(session.guard);
    });
    assert_eq!(found, [(HoldKind::Guard, "session".into())]);
    let lock = Arc::new(Mutex::new(1));
    let found = held(async move {
        let mut own = lock.lock().await;
        lent(&mut own).await;
    });
    assert_eq!(found, [(HoldKind::Guard, "own".into())]);
}

#[test]
fn what_was_given_back_before_is_not_held() {
    let lock = Arc::new(Mutex::new(1));
    let found = held(async move {
        {
            let mut guard = lock.lock().await;
            *guard += 1;
        }
        *lock.lock().await += 1;
        pending::<()>().await;
    });
    assert_eq!(found, []);
}

#[test]
fn a_guard_without_a_name_is_held_until_its_statement_ends() {
    async fn slow(_: i32) {
        pending::<()>().await;
    }
    let lock = Arc::new(Mutex::new(1));
    let found = held(async move {
        slow(*lock.lock().await).await;
    });
    let [(HoldKind::Guard, temporary)] = found.as_slice() else { panic!("{found:?}") };
    assert!(temporary.starts_with("__"), "{temporary}");
}

#[test]
fn room_that_was_reserved_in_a_channel_is_a_permit() {
    let (sender, _receiver) = mpsc::channel::<u8>(1);
    let found = held(async move {
        let permit = sender.reserve_owned().await;
        pending::<()>().await;
        drop(permit);
    });
    assert_eq!(found, [(HoldKind::Permit, "permit".into())]);
}

/// What `Hold` says of itself: nothing in memory tells a variable that was moved from one that was not.
#[test]
fn a_guard_that_was_moved_away_leaves_its_bytes_behind() {
    let lock = Arc::new(Mutex::new(1));
    let found = held(async move {
        let mut guard = lock.lock().await;
        *guard += 1;
        drop(guard);
        pending::<()>().await;
    });
    assert_eq!(found, [(HoldKind::Guard, "guard".into())]);
}

#[test]
fn whoever_waits_names_what_the_other_holds() {
    let lock = Arc::new(Mutex::new(1));
    let other = Arc::clone(&lock);
    meets(
        HoldKind::Guard,
        async move {
            let _guard = lock.lock().await;
            pending::<()>().await;
        },
        async move { drop(other.lock_owned().await) },
    );
    let lock = Arc::new(RwLock::new(1));
    let other = Arc::clone(&lock);
    meets(
        HoldKind::Guard,
        async move {
            let _guard = lock.write_owned().await;
            pending::<()>().await;
        },
        async move { drop(other.read().await) },
    );
    let lock = Arc::new(RwLock::new(1));
    let other = Arc::clone(&lock);
    meets(
        HoldKind::ReadGuard,
        async move {
            let _guard = lock.read_owned().await;
            pending::<()>().await;
        },
        async move { drop(other.write_owned().await) },
    );
    let semaphore = Arc::new(Semaphore::new(1));
    let other = Arc::clone(&semaphore);
    meets(
        HoldKind::Permit,
        async move {
            let _permit = semaphore.acquire_owned().await;
            pending::<()>().await;
        },
        async move { drop(other.acquire().await) },
    );
    let (sender, receiver) = mpsc::channel(1);
    meets(
        HoldKind::Receiver,
        async move {
            pending::<()>().await;
            drop(receiver);
        },
        async move { while sender.send(1).await.is_ok() {} },
    );
}

#[test]
fn a_receiver_that_was_never_polled_for_is_held_and_other_channels_are_others() {
    let (sender, receiver) = mpsc::channel::<u8>(1);
    let (other_sender, other_receiver) = mpsc::channel::<u8>(1);
    let runtime = parked(|| {
        let send = |sender: mpsc::Sender<u8>| async move { while sender.send(1).await.is_ok() {} };
        tokio::spawn(send(sender));
        tokio::spawn(send(other_sender));
    });
    // It has no turn any more.
    runtime.spawn(async move { drop((receiver, other_receiver)) });
    let tasks = tasks(&runtime);
    let [one, two, holder] = tasks.as_slice() else { panic!("{tasks:?}") };
    let mut awaited = [awaited(one), awaited(two)].map(|of| of.expect("a channel"));
    let mut held: Vec<_> = holder.holds.iter().map(|hold| hold.of).collect();
    held.sort();
    awaited.sort();
    assert_ne!(awaited[0], awaited[1]);
    assert_eq!(held, awaited);
}
