//! An image with the damage that the input tells: places and what is written there. An input that is
//! an ELF file stands for itself.
#![no_main]

#[path = "../../tests/hostile/memory.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod memory;

use std::sync::LazyLock;
use std::time::Duration;

use leakcheck_inspect::{Image, Inspector, Memory, Process, Snapshot, TaskLayout};

static INTACT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tokio.so"));

/// The addresses of the image's `dyn Future` vtables.
static VTABLES: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let inspector = Inspector::new(Image::parse(INTACT).expect("an image"));
    let memory = Snapshot { address: 0, bytes: &[0; 8192] };
    let process = Process { memory: &memory, bias: 0, now: None };
    let known = |at: &u64| inspector.future(process, 4096, *at).is_ok();
    let vtables: Vec<u64> = (0..0x10000).step_by(8).filter(known).collect();
    assert!(!vtables.is_empty(), "the fixture has vtables");
    vtables
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let memory = memory::Chaos::new(input.len() as u64, &VTABLES);
    if input.starts_with(b"\x7fELF") {
        return ask(input, &memory);
    }
    let mut bytes = INTACT.to_vec();
    for damage in input.chunks_exact(10) {
        let at = damage[..3].iter().fold(0, |at, byte| at << 8 | usize::from(*byte)) % bytes.len();
        let len = usize::from(damage[3] % 7);
        let with = &damage[4..][..len.min(bytes.len() - at)];
        bytes[at..at + with.len()].copy_from_slice(with);
    }
    ask(&bytes, &memory);
});

fn ask(bytes: &[u8], memory: &(dyn Memory + Sync)) {
    let (Ok(image), Ok(same)) = (Image::parse(bytes), Image::parse(bytes)) else {
        return;
    };
    let _ = TaskLayout::of_image(image);
    let inspector = Inspector::new(same);
    let process = Process { memory, bias: 0, now: Some(Duration::from_secs(1)) };
    let _ = inspector.tasks(process, 64);
    for vtable in VTABLES.iter() {
        let _ = inspector.future(process, 4096, *vtable).map(|tree| tree.to_string());
    }
}
