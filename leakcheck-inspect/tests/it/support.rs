//! What a panic hook sees of the task that panics, kept by task id for the tests to look at.

use std::collections::HashMap;
use std::ptr;
use std::sync::{LazyLock, Once};

use leakcheck_inspect::{Image, Inspector, Memory, ProcessMemory, TaskLayout, TaskState};
use tokio::runtime::{self, Handle, LocalOptions};
use tokio::sync::watch;
use tokio::task::Id;

pub(crate) type Seen = Result<Option<TaskState>, String>;

pub(crate) static LAYOUT: LazyLock<TaskLayout> = LazyLock::new(|| {
    let image = Image::current().expect("an executable");
    TaskLayout::of_image(image).expect("debug info")
});

pub(crate) static INSPECTOR: LazyLock<Inspector> = LazyLock::new(|| {
    let image = Image::current().expect("an executable");
    Inspector::new(image)
});

/// Memory without anything in it.
pub(crate) struct NoMemory;

impl Memory for NoMemory {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), leakcheck_inspect::Error> {
        Err(leakcheck_inspect::Error::unreadable(address, into.len()))
    }
}

/// Copies of the bytes with a few thousand of their bits flipped, then ever shorter ones. A fixed seed
/// and xorshift: each run damages the same bits.
pub(crate) fn damaged(intact: &[u8]) -> impl Iterator<Item = Vec<u8>> + use<'_> {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let flipped = (0..12).map(move |_| {
        let mut damaged = intact.to_vec();
        for _ in 0..2_000 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let at = seed as usize % damaged.len();
            damaged[at] ^= 1 << (seed >> 61);
        }
        damaged
    });
    let cut = (0..intact.len()).step_by(intact.len() / 8).map(|end| intact[..end].to_vec());
    flipped.chain(cut)
}

/// What the runtime's list said, and what the thread's stack said.
#[derive(Debug, Clone)]
pub(crate) struct AtPanic {
    pub(crate) owned: Seen,
    pub(crate) running: Seen,
}

static AT_PANIC: LazyLock<watch::Sender<HashMap<Id, AtPanic>>> =
    LazyLock::new(watch::Sender::default);

/// Looks the task up among those of the runtime whose handle this is.
pub(crate) fn find(handle: &Handle, id: Id) -> Seen {
    let found = LAYOUT.find_task(&ProcessMemory::own(), ptr::from_ref(handle) as u64, number(id));
    found.map_err(|error| error.to_string())
}

/// Looks for the task on this thread's stack.
pub(crate) fn find_running(id: Id) -> Seen {
    let local = number(id);
    let found = LAYOUT.find_running(&ProcessMemory::own(), ptr::from_ref(&local) as u64, local);
    found.map_err(|error| error.to_string())
}

fn number(id: Id) -> u64 {
    id.to_string().parse().expect("ids are numbers")
}

/// Has every panicking task looked at by the hook, on its own thread, from now on.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    LazyLock::force(&LAYOUT);
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            match (tokio::task::try_id(), Handle::try_current()) {
                (Some(id), Ok(handle)) => {
                    let (owned, running) = (find(&handle, id), find_running(id));
                    let seen = AtPanic { owned, running };
                    AT_PANIC.send_modify(|all| {
                        all.insert(id, seen);
                    });
                }
                _ => previous(info),
            }
        }));
    });
}

/// What the hook saw when this task panicked, as soon as it has.
pub(crate) async fn seen_at_panic(id: Id) -> AtPanic {
    let mut all = AT_PANIC.subscribe();
    let all = all.wait_for(|all| all.contains_key(&id)).await.expect("never closed");
    all[&id].clone()
}

/// The state of a task that a runtime owns, when it panicked: the list and the stack agree on it.
pub(crate) async fn at_panic(id: Id) -> TaskState {
    let AtPanic { owned, running } = seen_at_panic(id).await;
    assert_eq!(owned, running);
    owned.expect("readable").expect("owned by the runtime")
}

/// Runs the scenario on each kind of runtime.
#[track_caller]
pub(crate) fn on_each_flavor<F: Future<Output = ()>>(scenario: impl Fn() -> F) {
    install();
    runtime::Builder::new_current_thread().build().unwrap().block_on(scenario());
    runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap().block_on(scenario());
    let options = LocalOptions::default();
    runtime::Builder::new_current_thread().build_local(options).unwrap().block_on(scenario());
}
