//! Memory and debug info that lie: an answer or an error, never a panic, never a walk without end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ptr;

use leakcheck_inspect::{Error, Image, Memory, ProcessMemory, TaskLayout};
use tokio::runtime::{Builder, Handle};

use crate::support::LAYOUT;

/// Memory by address, as far as it was ever read.
#[derive(Default)]
struct Recorded(RefCell<BTreeMap<u64, Vec<u8>>>);

impl Memory for Recorded {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        ProcessMemory::own().read(address, into)?;
        self.0.borrow_mut().insert(address, into.to_vec());
        Ok(())
    }
}

struct Replayed(BTreeMap<u64, Vec<u8>>);

impl Memory for Replayed {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        let bytes = self.0.get(&address).and_then(|bytes| bytes.get(..into.len()));
        into.copy_from_slice(bytes.ok_or_else(|| Error::unreadable(address, into.len()))?);
        Ok(())
    }
}

/// Everything that a search for the oldest of some tasks reads, the handle's address, and the task's id.
fn recorded() -> (BTreeMap<u64, Vec<u8>>, u64, u64) {
    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let oldest = runtime.spawn(std::future::pending::<()>()).id().to_string().parse().unwrap();
    for _ in 0..8 {
        runtime.spawn(std::future::pending::<()>());
    }
    let handle: &Handle = runtime.handle();
    let handle = ptr::from_ref(handle) as u64;
    let memory = Recorded::default();
    assert!(LAYOUT.find_task(&memory, handle, oldest).unwrap().is_some());
    assert!(LAYOUT.find_task(&memory, handle, u64::MAX).unwrap().is_none());
    (memory.0.into_inner(), handle, oldest)
}

#[test]
fn any_flipped_bit_gives_an_answer_or_an_error() {
    let (memory, handle, id) = recorded();
    let addresses: Vec<u64> = memory.keys().copied().collect();
    let mut memory = Replayed(memory);
    assert!(LAYOUT.find_task(&memory, handle, id).unwrap().is_some());
    for address in addresses {
        for bit in 0..64 {
            let flip = |memory: &mut Replayed| {
                let bytes = memory.0.get_mut(&address).unwrap();
                bytes[bit / 8] ^= 1 << (bit % 8);
            };
            flip(&mut memory);
            let _ = LAYOUT.find_task(&memory, handle, id);
            let _ = LAYOUT.find_task(&memory, handle, u64::MAX);
            flip(&mut memory);
        }
    }
}

#[test]
fn missing_memory_gives_an_answer_or_an_error() {
    let (memory, handle, id) = recorded();
    for address in memory.keys() {
        let mut rest = memory.clone();
        rest.remove(address);
        // A walk that could not read all cannot say that a task is not there.
        assert!(!matches!(
            LAYOUT.find_task(&Replayed(rest.clone()), handle, u64::MAX),
            Ok(Some(_))
        ));
        let _ = LAYOUT.find_task(&Replayed(rest), handle, id);
    }
}

/// A list that leads back to itself.
struct Circle;

impl Memory for Circle {
    fn read(&self, _: u64, into: &mut [u8]) -> Result<(), Error> {
        into.fill(0);
        into[0] = 1;
        Ok(())
    }
}

#[test]
fn a_circle_ends() {
    assert!(LAYOUT.find_task(&Circle, 0, 7).is_err());
    assert_eq!(LAYOUT.find_running(&Circle, 0, 7).unwrap(), None);
}

#[test]
fn damaged_debug_info_gives_a_layout_or_an_error() {
    let intact = std::fs::read("/proc/self/exe").unwrap();
    // A fixed seed and xorshift: each run damages the same bytes.
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..12 {
        let mut damaged = intact.clone();
        for _ in 0..2_000 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let at = seed as usize % damaged.len();
            damaged[at] ^= 1 << (seed >> 61);
        }
        let _ = Image::parse(&damaged).and_then(TaskLayout::of_image);
    }
    for end in (0..intact.len()).step_by(intact.len() / 8) {
        let _ = Image::parse(&intact[..end]).and_then(TaskLayout::of_image);
    }
}
