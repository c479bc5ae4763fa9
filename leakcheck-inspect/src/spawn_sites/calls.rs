//! Which instructions call which address.
//!
//! One pass over all instructions finds everything that may be a direct call or a tail call, and
//! chains what goes to the same place. Whether it really is an instruction is asked only for the few
//! that matter: in x86-64 any four bytes after an `e8` look like a call of something.

use std::io::BufRead as _;

use super::x86;
use crate::image::Machine;
use crate::index::Function;
use crate::{Error, Image};

/// What may be calls, by what they would call.
pub(crate) struct Calls {
    machine: Machine,
    start: u64,
    /// For each piece of the code, the last call that goes there, counted from 1.
    last: Vec<u32>,
    calls: Vec<Call>,
}

/// Both as offsets in the code.
#[derive(Clone, Copy)]
struct Call {
    at: u32,
    to: u32,
    /// The call before it that goes to the same piece.
    before: u32,
}

/// Functions are mostly aligned to this, so that a piece holds one entry.
const PIECE: u32 = 16;

impl Calls {
    pub(crate) fn of(image: &Image) -> Result<Self, Error> {
        let (start, code) = image.text()?;
        let machine = image.machine();
        // Beyond 4 GiB no direct call would reach everything anyway.
        let code = if u32::try_from(code.len()).is_ok() { code } else { &[] };
        let pieces = code.len() / PIECE as usize + 1;
        let mut calls = Self { machine, start, last: vec![0; pieces], calls: Vec::new() };
        match machine {
            Machine::X86_64 => {
                calls.scan_bytes(code, 0xe8);
                calls.scan_bytes(code, 0xe9);
            }
            Machine::Aarch64 => calls.scan_words(code),
        }
        Ok(calls)
    }

    /// The addresses of what may be calls of this one.
    pub(crate) fn to(&self, address: u64) -> Vec<u64> {
        let mut found = Vec::new();
        let Some(to) = address.checked_sub(self.start).and_then(|to| u32::try_from(to).ok()) else {
            return found;
        };
        let mut next = self.last.get((to / PIECE) as usize).copied().unwrap_or(0);
        while let Some(call) = next.checked_sub(1).and_then(|at| self.calls.get(at as usize)) {
            if call.to == to {
                found.push(self.start + u64::from(call.at));
            }
            next = call.before;
        }
        found
    }

    /// Whether what may be a call is an instruction of the function that it lies in. None where that
    /// cannot be told.
    pub(crate) fn is_instruction(
        &self,
        image: &Image,
        function: Function,
        call: u64,
    ) -> Option<bool> {
        if self.machine == Machine::Aarch64 {
            return Some(true);
        }
        let code = || {
            let (_, code) = image.text().ok()?;
            let low = usize::try_from(function.low.checked_sub(self.start)?).ok()?;
            Some((code.get(low..)?, usize::try_from(call.checked_sub(function.low)?).ok()?))
        };
        code().and_then(|(code, at)| x86::is_instruction(code, at))
    }

    fn scan_bytes(&mut self, code: &[u8], opcode: u8) {
        // The standard library's own search is fast in unoptimised programs, too.
        let mut rest = code;
        while rest.skip_until(opcode).is_ok_and(|skipped| skipped != 0) {
            let Some((operand, _)) = rest.split_first_chunk::<4>() else {
                break;
            };
            let after = (code.len() - rest.len()) as i64;
            self.add(after - 1, after + 4 + i64::from(i32::from_le_bytes(*operand)));
        }
    }

    fn scan_words(&mut self, code: &[u8]) {
        for (number, word) in code.chunks_exact(4).enumerate() {
            // The top byte of `bl` is 94 to 97, that of `b` 14 to 17.
            if word.get(3).is_some_and(|top| top & 0x7c == 0x14) {
                let word = word.try_into().map_or(0, i32::from_le_bytes);
                let at = number as i64 * 4;
                self.add(at, at + i64::from(word << 6 >> 4));
            }
        }
    }

    fn add(&mut self, at: i64, to: i64) {
        let (Ok(at), Ok(to)) = (u32::try_from(at), u32::try_from(to)) else {
            return;
        };
        let Some(last) = self.last.get_mut((to / PIECE) as usize) else {
            return;
        };
        let before = *last;
        self.calls.push(Call { at, to, before });
        *last = u32::try_from(self.calls.len()).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(machine: Machine, scan: impl FnOnce(&mut Calls)) -> Calls {
        let mut calls = Calls { machine, start: 0x1000, last: vec![0; 8], calls: Vec::new() };
        scan(&mut calls);
        calls
    }

    #[test]
    fn calls_are_found_by_what_they_call() {
        // Two calls of 0x1010, one of 0x1011 and one of what is no code.
        let code = b"\xe8\x0b\0\0\0\xe8\x06\0\0\0\xe8\x02\0\0\0\xe8\0\0\0\x80\xe8";
        let calls = scanned(Machine::X86_64, |calls| calls.scan_bytes(code, 0xe8));
        assert_eq!(calls.to(0x1010), [0x1005, 0x1000]);
        assert_eq!(calls.to(0x1011), [0x100a]);
        assert_eq!(calls.calls.len(), 3);
        for elsewhere in [0, 0xfff, 0x1012, 0x2000, u64::MAX] {
            assert_eq!(calls.to(elsewhere), [], "{elsewhere:#x}");
        }
    }

    #[test]
    fn branches_of_aarch64_go_both_ways() {
        // bl 0x1010; nop; b 0x1000; bl 0x1010; ret
        let words = [0x9400_0004_u32, 0xd503_201f, 0x17ff_fffe, 0x9400_0001, 0xd65f_03c0];
        let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let calls = scanned(Machine::Aarch64, |calls| calls.scan_words(&code));
        assert_eq!(calls.to(0x1010), [0x100c, 0x1000]);
        assert_eq!(calls.to(0x1000), [0x1008]);
    }
}
