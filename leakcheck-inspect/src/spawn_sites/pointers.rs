//! The addresses of code that stand in data once the program is loaded.

use crate::image::Machine;
use crate::{Error, Image};

pub(super) struct Pointers {
    /// Where the global offset table starts.
    start: u64,
    /// What its slots hold; 0 where that is not code of this program.
    slots: Vec<u64>,
    /// What code the other data points to, with repetitions.
    pub(super) data: Vec<u64>,
}

impl Pointers {
    /// Where addresses are the loader's to add to, relocations hold them (`.rela.dyn`) or the data
    /// itself does (`.relr.dyn`). Where they are fixed, the data has them.
    pub(super) fn of(image: &Image) -> Result<Self, Error> {
        let (text, code) = image.text()?;
        let is_code = |address: u64| address.wrapping_sub(text) < code.len() as u64;
        let (start, table) = image.loaded(".got")?;
        let mut pointers = Self { start, slots: words(table).collect(), data: Vec::new() };
        let (_, relocations) = image.loaded(".rela.dyn")?;
        let relative = match image.machine() {
            Machine::X86_64 => 8_u64,
            Machine::Aarch64 => 1027,
        };
        let mut moved = false;
        for relocation in relocations.chunks_exact(24) {
            if word(relocation, 8) != relative {
                continue;
            }
            moved = true;
            let to = word(relocation, 16);
            if is_code(to) {
                match pointers.slot_mut(word(relocation, 0)) {
                    Some(slot) => *slot = to,
                    None => pointers.data.push(to),
                }
            }
        }
        for slot in &mut pointers.slots {
            *slot = if is_code(*slot) { *slot } else { 0 };
        }
        // Where these relocations move everything, the data in the file says nothing.
        let (_, packed) = image.loaded(".relr.dyn")?;
        if !moved || !packed.is_empty() {
            for table in [".data.rel.ro", ".data", ".rodata", ".init_array", ".fini_array"] {
                // A number that looks like an address costs a place at most.
                let (_, table) = image.loaded(table)?;
                pointers.data.extend(words(table).filter(|word| is_code(*word)));
            }
        }
        Ok(pointers)
    }

    /// What code the slot at this address points to.
    pub(super) fn in_slot(&self, address: u64) -> Option<u64> {
        let offset = address.checked_sub(self.start).filter(|offset| offset % 8 == 0)?;
        let to = self.slots.get(usize::try_from(offset / 8).ok()?)?;
        (*to != 0).then_some(*to)
    }

    fn slot_mut(&mut self, address: u64) -> Option<&mut u64> {
        let offset = address.checked_sub(self.start).filter(|offset| offset % 8 == 0)?;
        self.slots.get_mut(usize::try_from(offset / 8).ok()?)
    }

    #[cfg(test)]
    pub(super) fn for_test(start: u64, slots: &[u64]) -> Self {
        Self { start, slots: slots.to_vec(), data: Vec::new() }
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..) {
        Some(&[a, b, c, d, e, f, g, h, ..]) => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes.chunks_exact(8).map(|bytes| word(bytes, 0))
}
