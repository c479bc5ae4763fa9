//! An image small enough to be damaged often: `tests/fixture/tokio.rs`, compiled.

use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use leakcheck_inspect::{Image, Inspector, Process, Snapshot};
use object::{Object as _, ObjectSection as _};
use proptest::prelude::*;

pub(crate) struct Fixture {
    pub(crate) bytes: Vec<u8>,
    /// The addresses of `dyn Future` vtables.
    pub(crate) vtables: Vec<u64>,
    /// Where in the file the tables and sections lie that are read.
    places: Vec<(usize, usize)>,
}

impl Fixture {
    /// Where in the file the debug info lies.
    pub(crate) fn info(&self) -> Range<usize> {
        let (start, end) = self.places[0];
        start..end
    }
}

pub(crate) fn get() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let bytes = compiled();
        let vtables = vtables(&bytes);
        assert!(vtables.len() > 1, "the fixture has vtables: {vtables:?}");
        let places = places(&bytes);
        Fixture { bytes, vtables, places }
    })
}

fn compiled() -> Vec<u8> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture/tokio.rs");
    let into = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.so", std::process::id()));
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let flags = "--edition 2024 --crate-name tokio --crate-type cdylib -C debuginfo=2 -C panic=abort \
                 -C codegen-units=1 -C link-arg=-nostdlib";
    let mut rustc = Command::new(rustc);
    let done = rustc.args(flags.split_whitespace()).arg("-o").arg(&into).arg(source).status();
    assert!(done.expect("rustc").success(), "the fixture compiles");
    let bytes = std::fs::read(&into).expect("the fixture");
    std::fs::remove_file(into).expect("the fixture");
    bytes
}

fn vtables(bytes: &[u8]) -> Vec<u64> {
    let elf = object::File::parse(bytes).expect("an executable");
    let data = elf.section_by_name(".data.rel.ro").expect("constants");
    let inspector = Inspector::new(Image::parse(bytes).expect("an image"));
    let memory = Snapshot { address: 0, bytes: &[0; 8192] };
    let process = Process { memory: &memory, bias: 0, now: None };
    let words = (data.address()..data.address() + data.size()).step_by(8);
    words.filter(|at| inspector.future(process, 4096, *at).is_ok()).collect()
}

fn places(bytes: &[u8]) -> Vec<(usize, usize)> {
    let elf = object::File::parse(bytes).expect("an executable");
    let read = [
        ".debug_info",
        ".debug_abbrev",
        ".debug_str",
        ".debug_aranges",
        ".debug_line",
        ".symtab",
        ".strtab",
    ];
    let sections = read.iter().filter_map(|name| elf.section_by_name(name)?.file_range());
    let mut places: Vec<_> =
        sections.map(|(start, len)| (start as usize, (start + len) as usize)).collect();
    // Most of the debug info is the core library's; the fixture's own comes first.
    let (start, _) = places[0];
    places.extend([(start, start + 0x1000), (start, start + 64)]);
    // The tables of segments and of sections, at the start and at the end.
    places.extend([(0, 64), (64, 512), (bytes.len() - 2048, bytes.len())]);
    places
}

/// Something that happens to an image's bytes.
#[derive(Clone, Debug)]
pub(crate) struct Damage {
    at: usize,
    with: With,
}

#[derive(Clone, Debug)]
enum With {
    Flip(u8),
    Byte(u8),
    Bytes(u8, usize),
    Word(u64),
}

/// Any damage, in any of the places that are read.
pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    let place = proptest::sample::select(get().places.clone());
    let at = place.prop_flat_map(|(start, end)| start..end);
    let edge = proptest::sample::select(vec![0_u8, 1, 0x7f, 0x80, 0xff]);
    let word = proptest::sample::select(vec![0_u64, 1, u64::MAX, u64::MAX >> 1, 1 << 63, 1 << 32]);
    let with = prop_oneof![
        4 => (0..8_u8).prop_map(With::Flip),
        2 => any::<u8>().prop_map(With::Byte),
        2 => (edge, 1..64_usize).prop_map(|(byte, len)| With::Bytes(byte, len)),
        1 => word.prop_map(With::Word),
    ];
    (at, with).prop_map(|(at, with)| Damage { at, with })
}

impl Damage {
    pub(crate) fn inflict(&self, bytes: &mut [u8]) {
        let rest = &mut bytes[self.at..];
        match self.with {
            With::Flip(bit) => rest[0] ^= 1 << bit,
            With::Byte(byte) => rest[0] = byte,
            With::Bytes(byte, len) => rest.iter_mut().take(len).for_each(|old| *old = byte),
            With::Word(word) => {
                rest.iter_mut().zip(word.to_le_bytes()).for_each(|(old, new)| *old = new);
            }
        }
    }
}
