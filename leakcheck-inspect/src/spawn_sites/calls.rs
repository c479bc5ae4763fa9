//! Which instructions call which address.
//!
//! One pass over all instructions finds everything that may be a direct call or a tail call, and
//! chains what goes to the same place. Whether it really is an instruction is asked only for the few
//! that matter: in x86-64 any four bytes after an `e8` look like a call of something.
//!
//! # Where pointers begin
//!
//! Code of a library's crate calls through the global offset table (GOT): the call names a slot, and
//! the loader writes the function's address there once, as the file says. Nothing else writes it, so
//! such a call is as good as a direct one. Where unwinding needs it, unoptimised code takes the address
//! into a register first, and calls that at once. This is followed from the one to the other, along
//! instructions that are known to leave the register alone ([`x86::called_at`]).
//!
//! Every other use of a function's address makes it one that anybody may call: an address that is
//! loaded but not called at once, or kept besides, and one that stands in data outside the GOT, as in
//! vtables. Of such a function the callers are not told, whoever else calls it in plain sight. Not
//! looked for are loads into a vector or onto the stack, by which compilers build data of several
//! addresses at once. Most of tokio's functions that spawn are `#[track_caller]` and safe from all of
//! this: a pointer to one is to a shim, whose own callers nobody can find.

use std::io::BufRead as _;

use super::pointers::Pointers;
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
    /// The opcode of what calls or loads, or [`DATA`].
    at: u32,
    to: u32,
    /// The call before it that goes to the same piece.
    before: u32,
}

/// Functions are mostly aligned to this, so that a piece holds one entry.
const PIECE: u32 = 16;

/// In place of an instruction's offset: the address stands in data.
const DATA: u32 = u32::MAX;

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
        let pointers = Pointers::of(image)?;
        for to in &pointers.data {
            calls.add(i64::from(DATA), to.wrapping_sub(start) as i64);
        }
        if machine == Machine::X86_64 {
            calls.scan_relative(code, &pointers);
        }
        Ok(calls)
    }

    /// The addresses of what may call this one, or load it to call it. None where data has it, too.
    pub(crate) fn to(&self, address: u64) -> Option<Vec<u64>> {
        let mut found = Vec::new();
        let Some(to) = address.checked_sub(self.start).and_then(|to| u32::try_from(to).ok()) else {
            return Some(found);
        };
        let mut next = self.last.get((to / PIECE) as usize).copied().unwrap_or(0);
        while let Some(call) = next.checked_sub(1).and_then(|at| self.calls.get(at as usize)) {
            if call.to == to {
                if call.at == DATA {
                    return None;
                }
                found.push(self.start + u64::from(call.at));
            }
            next = call.before;
        }
        Some(found)
    }

    /// The call that this is or loads for, if it is an instruction of the function that it lies in at
    /// all. None where that cannot be told, or what is loaded may go elsewhere.
    pub(crate) fn call(&self, image: &Image, function: Function, at: u64) -> Option<Option<u64>> {
        if self.machine == Machine::Aarch64 {
            return Some(Some(at));
        }
        let code = || {
            let (_, code) = image.text().ok()?;
            let low = usize::try_from(function.low.checked_sub(self.start)?).ok()?;
            Some((code.get(low..)?, usize::try_from(at.checked_sub(function.low)?).ok()?))
        };
        let (code, at) = code()?;
        if !x86::is_instruction(code, at)? {
            return Some(None);
        }
        let call = x86::called_at(code, at)?;
        Some(Some(function.low + call as u64))
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

    /// What names an address, or a slot that has one, by its distance: `lea` and `mov` into a register,
    /// `call` and `jmp` through a slot.
    fn scan_relative(&mut self, code: &[u8], pointers: &Pointers) {
        // The second byte is rarer in code than the `ff` before it.
        for (byte, opcode_first) in [(0x8d, true), (0x8b, true), (0x15, false), (0x25, false)] {
            let mut rest = code;
            while rest.skip_until(byte).is_ok_and(|skipped| skipped != 0) {
                let at = code.len() - rest.len() - 1;
                let &[next, ..] = rest else {
                    break;
                };
                let (opcode, distance) = if opcode_first {
                    // Relative to the next instruction, into any of the registers.
                    if next & 0xc7 != 5 {
                        continue;
                    }
                    (at, at + 2)
                } else {
                    let Some(before) = at.checked_sub(1).filter(|at| code.get(*at) == Some(&0xff))
                    else {
                        continue;
                    };
                    (before, at + 1)
                };
                let Some(&[a, b, c, d]) = code.get(distance..distance + 4) else {
                    break;
                };
                let to = (distance + 4) as i64 + i64::from(i32::from_le_bytes([a, b, c, d]));
                if byte == 0x8d {
                    self.add(opcode as i64, to);
                } else if let Some(to) = pointers.in_slot(self.start.wrapping_add_signed(to)) {
                    self.add(opcode as i64, to.wrapping_sub(self.start) as i64);
                }
            }
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
        assert_eq!(calls.to(0x1010), Some(vec![0x1005, 0x1000]));
        assert_eq!(calls.to(0x1011), Some(vec![0x100a]));
        assert_eq!(calls.calls.len(), 3);
        for elsewhere in [0, 0xfff, 0x1012, 0x2000, u64::MAX] {
            assert_eq!(calls.to(elsewhere), Some(vec![]), "{elsewhere:#x}");
        }
    }

    #[test]
    fn branches_of_aarch64_go_both_ways() {
        // bl 0x1010; nop; b 0x1000; bl 0x1010; ret
        let words = [0x9400_0004_u32, 0xd503_201f, 0x17ff_fffe, 0x9400_0001, 0xd65f_03c0];
        let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let calls = scanned(Machine::Aarch64, |calls| calls.scan_words(&code));
        assert_eq!(calls.to(0x1010), Some(vec![0x100c, 0x1000]));
        assert_eq!(calls.to(0x1000), Some(vec![0x1008]));
    }

    #[test]
    fn slots_lead_to_what_they_hold() {
        // call [0x2000]; jmp [0x2008]; mov rax, [0x2000]; lea rax, [0x1010]; call [0x3000]
        let code = b"\xff\x15\xfa\x0f\0\0\xff\x25\xfc\x0f\0\0\x48\x8b\x05\xed\x0f\0\0\
            \x48\x8d\x05\xf6\xff\xff\xff\xff\x15\xe0\x1f\0\0\xff\x15\0";
        let pointers = Pointers::for_test(0x2000, &[0x1010, 0x1020]);
        let mut calls = scanned(Machine::X86_64, |calls| calls.scan_relative(code, &pointers));
        assert_eq!(calls.to(0x1010), Some(vec![0x1000, 0x100d, 0x1014]));
        assert_eq!(calls.to(0x1020), Some(vec![0x1006]));
        assert_eq!(calls.calls.len(), 4);
        calls.add(i64::from(DATA), 0x20);
        assert_eq!(calls.to(0x1020), None);
    }
}
