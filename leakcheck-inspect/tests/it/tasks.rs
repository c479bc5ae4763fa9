//! Tasks that do not panic, and addresses that are no runtimes.

use std::ptr;

use leakcheck_inspect::{Image, Memory as _, ProcessMemory, Snapshot, TaskLayout};
use tokio::runtime::Handle;
use tokio::task::{Id, LocalSet};

use crate::support::{LAYOUT, find, find_running, on_each_flavor};

fn own(id: Id) -> bool {
    find(&Handle::current(), id).unwrap().is_some()
}

#[test]
fn a_task_is_found_until_it_ends() {
    on_each_flavor(|| async {
        let others: Vec<_> = (0..50).map(|_| tokio::spawn(std::future::pending::<()>())).collect();
        let task = tokio::spawn(std::future::pending::<()>());
        let id = task.id();
        let state = find(&Handle::current(), id).unwrap().unwrap();
        assert!(state.join_interest && !state.join_waker && !state.complete, "{state:?}");
        assert!(others.iter().all(|other| own(other.id())));

        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        // The join is told a moment before the runtime lets go.
        while own(id) {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_runtime_does_not_own_what_others_run() {
    on_each_flavor(|| async {
        let blocking = tokio::task::spawn_blocking(|| own(tokio::task::id()));
        assert!(!blocking.await.unwrap());
        let local = LocalSet::new();
        let task = local.spawn_local(std::future::pending::<()>());
        assert!(!own(task.id()));
    });
}

#[test]
fn only_the_running_thread_has_the_task_on_its_stack() {
    on_each_flavor(|| async {
        let other = tokio::spawn(std::future::pending::<()>());
        let task = async {
            let id = tokio::task::id();
            (id, find_running(id))
        };
        let (id, inside) = tokio::spawn(task).await.unwrap();
        assert!(inside.unwrap().unwrap().running);
        assert_eq!(find_running(id), Ok(None));
        assert_eq!(find_running(other.id()), Ok(None));
    });
}

#[test]
fn an_unknown_id_is_none() {
    on_each_flavor(|| async {
        let handle = Handle::current();
        let found =
            LAYOUT.find_task(&ProcessMemory::own(), ptr::from_ref(&handle) as u64, u64::MAX);
        assert_eq!(found.unwrap(), None);
    });
}

#[test]
fn an_address_that_is_no_handle_is_an_error() {
    let words = [1_u64, 8, u64::MAX, 0];
    let zeros = [0_u64; 512];
    let (words, zeros) = (ptr::from_ref(&words) as u64, ptr::from_ref(&zeros) as u64);
    for address in [
        0,
        1,
        8,
        0x1000,
        u64::MAX,
        u64::MAX - 7,
        i64::MAX as u64,
        words,
        words + 1,
        words + 8,
        zeros,
    ] {
        let found = LAYOUT.find_task(&ProcessMemory::own(), address, 1);
        assert!(found.is_err(), "{address:#x}: {found:?}");
        let found = LAYOUT.find_running(&ProcessMemory::own(), address, 1);
        assert!(!matches!(found, Ok(Some(_))), "{address:#x}: {found:?}");
    }
}

#[test]
fn a_snapshot_has_only_its_own_bytes() {
    let snapshot = Snapshot { address: 100, bytes: &[1, 2, 3] };
    let mut two = [0; 2];
    snapshot.read(101, &mut two).unwrap();
    assert_eq!(two, [2, 3]);
    for outside in [0, 99, 102, 103, u64::MAX] {
        let error = snapshot.read(outside, &mut two).unwrap_err();
        assert_eq!(error.to_string(), format!("the 2 bytes at {outside:#x} cannot be read"));
    }
}

#[test]
fn an_executable_without_types_says_how_to_get_them() {
    let shell = Image::open("/bin/sh".as_ref()).unwrap();
    let error = TaskLayout::of_image(shell).unwrap_err().to_string();
    assert!(error.contains("set `debug = 2`"), "{error}");
}

#[test]
fn what_is_no_executable_is_an_error() {
    assert!(Image::parse(b"").is_err());
    assert!(Image::parse(b"\x7fELF").is_err());
    let error = Image::open("/no/such/file".as_ref()).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the executable `/no/such/file`: "), "{error}");
}

#[test]
fn layouts_and_errors_go_anywhere() {
    fn anywhere<T: Send + Sync + 'static>() {}
    anywhere::<Image>();
    anywhere::<TaskLayout>();
    anywhere::<leakcheck_inspect::Error>();
}
