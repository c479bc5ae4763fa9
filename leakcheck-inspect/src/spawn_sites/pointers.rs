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

#[cfg(test)]
mod tests {
    use super::*;

    /// An executable with code at `0x1000..0x1040`, and these sections.
    fn image(sections: &[(&str, u64, &[u64])]) -> Image {
        let mut sections: Vec<_> = sections.to_vec();
        sections.push((".text", 0x1000, &[0; 8]));
        let (mut contents, mut headers, mut names) = (vec![0; 64], vec![0; 64], vec![0]);
        let mut add = |name: usize, kind: u32, address: u64, start: usize, len: usize| {
            headers.extend([name as u32, kind].map(u32::to_le_bytes).as_flattened());
            let words = [0, address, start as u64, len as u64, 0, 1, 0];
            headers.extend(words.map(u64::to_le_bytes).as_flattened());
        };
        for (name, address, words) in sections {
            add(names.len(), 1, address, contents.len(), words.len() * 8);
            names.extend(name.bytes().chain([0]));
            contents.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        add(0, 3, 0, contents.len(), names.len());
        contents.extend(names);
        contents[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        contents[18] = 62;
        let (start, count) = (contents.len() as u64, headers.len() as u16 / 64);
        contents[40..48].copy_from_slice(&start.to_le_bytes());
        contents[52] = 64;
        contents[58] = 64;
        contents[60..62].copy_from_slice(&count.to_le_bytes());
        contents[62..64].copy_from_slice(&(count - 1).to_le_bytes());
        contents.extend(headers);
        Image::parse(&contents).unwrap()
    }

    #[test]
    fn relocations_say_what_slots_and_data_hold() {
        // A slot and a word of data; a slot of data, and one of another kind.
        let relocations =
            [[0x2000, 8, 0x1010], [0x3000, 8, 0x1020], [0x2008, 8, 0x3000], [0x2010, 6, 0x1010]];
        let pointers = Pointers::of(&image(&[
            (".got", 0x2000, &[0; 3]),
            (".rela.dyn", 0, relocations.as_flattened()),
            (".data", 0x3000, &[0, 0x1030]),
        ]));
        let pointers = pointers.unwrap();
        let slots = [0x1ff8, 0x2000, 0x2004, 0x2008, 0x2010, 0x2018].map(|at| pointers.in_slot(at));
        assert_eq!(slots, [None, Some(0x1010), None, None, None, None]);
        // The word that nothing moves is a number.
        assert_eq!(pointers.data, [0x1020]);
    }

    #[test]
    fn without_such_relocations_the_file_has_the_addresses() {
        let pointers = Pointers::of(&image(&[
            (".got", 0x2000, &[0x1010, 0x4000, 0x103f]),
            (".data.rel.ro", 0x3000, &[0x1020, 0x1040]),
            (".rodata", 0x800, &[0xfff, 0x1000]),
        ]));
        let pointers = pointers.unwrap();
        let slots = [0x2000, 0x2008, 0x2010].map(|at| pointers.in_slot(at));
        assert_eq!(slots, [Some(0x1010), None, Some(0x103f)]);
        assert_eq!(pointers.data, [0x1020, 0x1000]);
    }
}
