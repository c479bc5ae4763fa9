//! Tasks in a recorded memory with the damage that the input tells: places, and words for them.
#![no_main]

#[path = "../../tests/hostile/memory.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod memory;

use std::sync::OnceLock;
use std::time::Duration;

use leakcheck_inspect::{Inspector, Process};
use memory::{Flaw, Pages};

static RECORDED: OnceLock<(Inspector, std::sync::Mutex<Pages>, u64, u64)> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let (inspector, pages, handle, bias) = RECORDED.get_or_init(|| {
        let (inspector, pages, handle) = memory::recorded();
        (inspector, pages.into(), handle, memory::bias())
    });
    let mut damaged = pages.lock().expect("no panic").clone();
    for flaw in input.chunks_exact(12) {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let page = usize::from(flaw[1]) % damaged.len();
        let at = number(&flaw[2..4]) as usize % 4096;
        let flaw = match flaw[0] % 4 {
            0 => Flaw::Flip { page, at, bit: flaw[4] % 8 },
            1 => Flaw::Word { page, at: at & !7, word: number(&flaw[4..]) },
            2 => {
                let to = (usize::from(flaw[4]) % damaged.len(), number(&flaw[5..7]) as usize & 0xff8);
                Flaw::Swap { from: (page, at & !7), to }
            }
            _ => Flaw::Lost { page },
        };
        flaw.inflict(&mut damaged);
    }
    let process = Process { memory: &damaged, bias: *bias, now: Some(Duration::ZERO) };
    for task in inspector.tasks(process, *handle).unwrap_or_default() {
        let _ = task.tree.map(|tree| tree.to_string());
    }
    assert!(damaged.reads() < 1_000_000, "{} readings", damaged.reads());
});
