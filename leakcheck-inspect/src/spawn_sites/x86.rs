//! How long x86-64 instructions are, and nothing else about them.
//!
//! That is all it takes to tell a call from a constant that looks like one. A full decoder would cost
//! every user seconds of compilation; this one was compared with `objdump` over whole executables.

/// What follows an opcode.
#[derive(Clone, Copy)]
struct Operands {
    /// A ModRM byte, with the address that it describes.
    modrm: bool,
    immediate: usize,
}

/// What the prefixes change about lengths.
#[derive(Clone, Copy, Default)]
struct Prefixes {
    narrow: bool,
    short_address: bool,
    wide: bool,
}

const LONGEST: usize = 15;

/// How far from its function's start an instruction is believed to be one: rustc's largest are smaller.
const FARTHEST: usize = 1 << 18;

/// Whether the call or jump whose opcode is at `at` is an instruction of the function that starts with
/// the code. None where that cannot be told.
pub(super) fn is_instruction(code: &[u8], at: usize) -> Option<bool> {
    if at > FARTHEST {
        return None;
    }
    let mut start = 0;
    while start < at {
        let len = length(code.get(start..)?)?;
        if start + len > at {
            // Linkers fill what was a longer instruction up with prefixes.
            let prefixes = code.get(start..at).unwrap_or_default();
            return Some(prefixes.iter().all(|byte| matches!(byte, 0x40..=0x4f | 0x66 | 0x67)));
        }
        start += len;
    }
    Some(start == at)
}

/// How many bytes the first instruction takes.
fn length(code: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut prefixes = Prefixes::default();
    let opcode = loop {
        let byte = *code.get(at)?;
        at += 1;
        match byte {
            0x66 => prefixes.narrow = true,
            0x67 => prefixes.short_address = true,
            0xf0 | 0xf2 | 0xf3 | 0x2e | 0x36 | 0x3e | 0x26 | 0x64 | 0x65 => {}
            _ => break byte,
        }
        if at == LONGEST {
            return None;
        }
    };
    let opcode = match opcode {
        0x40..=0x4f => {
            prefixes.wide = opcode & 8 != 0;
            at += 1;
            *code.get(at - 1)?
        }
        _ => opcode,
    };
    let operands = match opcode {
        0x0f => escaped(code, &mut at)?,
        0xc5 => vector(code, &mut at, 1, u8::MAX)?,
        0xc4 => vector(code, &mut at, 2, 0x1f)?,
        0x62 => vector(code, &mut at, 3, 0x07)?,
        _ => plain(opcode, prefixes, code.get(at).copied())?,
    };
    if operands.modrm {
        at += address(code.get(at..)?)?;
    }
    Some(at + operands.immediate)
}

/// The opcodes of one byte.
fn plain(opcode: u8, prefixes: Prefixes, next: Option<u8>) -> Option<Operands> {
    let word = if prefixes.narrow && !prefixes.wide { 2 } else { 4 };
    let (modrm, immediate) = match opcode {
        0x00..=0x3f => match opcode & 7 {
            0..=3 => (true, 0),
            4 => (false, 1),
            5 => (false, word),
            _ => return None,
        },
        0x63 | 0x84..=0x8f | 0xd0..=0xd3 | 0xd8..=0xdf | 0xfe | 0xff => (true, 0),
        0x6b | 0x80 | 0x83 | 0xc0 | 0xc1 | 0xc6 => (true, 1),
        0x69 | 0x81 | 0xc7 => (true, word),
        0xf6 => (true, usize::from(next? & 0x30 == 0)),
        0xf7 => (true, if next? & 0x30 == 0 { word } else { 0 }),
        0x6a | 0x70..=0x7f | 0xa8 | 0xb0..=0xb7 | 0xcd | 0xe0..=0xe7 | 0xeb => (false, 1),
        0x68 | 0xa9 => (false, word),
        0xb8..=0xbf if prefixes.wide => (false, 8),
        0xb8..=0xbf => (false, word),
        0xa0..=0xa3 => (false, if prefixes.short_address { 4 } else { 8 }),
        0xc2 | 0xca => (false, 2),
        0xc8 => (false, 3),
        0xe8 | 0xe9 => (false, 4),
        0x60..=0x62 | 0x82 | 0x9a | 0xc4 | 0xc5 | 0xce | 0xd4..=0xd6 | 0xea => return None,
        _ => (false, 0),
    };
    Some(Operands { modrm, immediate })
}

/// The opcodes after `0f`.
fn escaped(code: &[u8], at: &mut usize) -> Option<Operands> {
    let opcode = *code.get(*at)?;
    *at += 1;
    let map = match opcode {
        0x38 => 2,
        0x3a => 3,
        0x80..=0x8f => return Some(Operands { modrm: false, immediate: 4 }),
        0x05..=0x09 | 0x0b | 0x0e | 0x30..=0x37 | 0xa0..=0xa2 | 0xa8..=0xaa | 0xc8..=0xcf => {
            return Some(Operands { modrm: false, immediate: 0 });
        }
        _ => return mapped(1, opcode),
    };
    let opcode = *code.get(*at)?;
    *at += 1;
    mapped(map, opcode)
}

/// The opcodes after a vector prefix with so many bytes of payload, whose first has the map's number in
/// these bits, if it has it at all.
fn vector(code: &[u8], at: &mut usize, payload: usize, bits: u8) -> Option<Operands> {
    let map = if bits == u8::MAX { 1 } else { code.get(*at)? & bits };
    *at += payload;
    let opcode = *code.get(*at)?;
    *at += 1;
    mapped(map, opcode)
}

fn mapped(map: u8, opcode: u8) -> Option<Operands> {
    let (modrm, immediate) = match (map, opcode) {
        (1, 0x77) => (false, 0),
        (1, 0x70..=0x73 | 0xa4 | 0xac | 0xba | 0xc2 | 0xc4..=0xc6) | (3, _) => (true, 1),
        (1 | 2 | 5 | 6, _) => (true, 0),
        _ => return None,
    };
    Some(Operands { modrm, immediate })
}

/// How many bytes a ModRM byte and what belongs to it take.
fn address(code: &[u8]) -> Option<usize> {
    let modrm = *code.first()?;
    let (mode, register) = (modrm >> 6, modrm & 7);
    if mode == 3 {
        return Some(1);
    }
    let scaled = register == 4;
    let base = if scaled { code.get(1)? & 7 } else { register };
    let displacement = match mode {
        0 if base == 5 => 4,
        0 => 0,
        1 => 1,
        _ => 4,
    };
    Some(1 + usize::from(scaled) + displacement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_manual() {
        let instructions: [&[u8]; 12] = [
            b"\x55",                                     // push rbp
            b"\x48\x89\xe5",                             // mov rbp, rsp
            b"\x48\x81\xec\x00\x01\x00\x00",             // sub rsp, 0x100
            b"\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08", // movabs rax, ..
            b"\x66\xc7\x44\x24\x08\x01\x00",             // mov word ptr [rsp + 8], 1
            b"\xf6\x45\xf0\x01",                         // test byte ptr [rbp - 0x10], 1
            b"\xf7\xd8",                                 // neg eax
            b"\x0f\x28\x05\x01\x02\x03\x04",             // movaps xmm0, [rip + ..]
            b"\x0f\x84\x01\x02\x03\x04",                 // je ..
            b"\xc5\xf8\x77",                             // vzeroupper
            b"\xc4\xe3\x7d\x39\xc1\x01",                 // vextracti128 xmm1, ymm0, 1
            b"\x62\xf1\x7c\x48\x11\x44\x24\x01",         // vmovups [rsp + 0x40], zmm0
        ];
        for instruction in instructions {
            assert_eq!(length(instruction), Some(instruction.len()), "{instruction:x?}");
        }
    }

    #[test]
    fn a_constant_that_looks_like_a_call_is_none() {
        // mov eax, 0xe8; then a call that the linker filled up.
        let code = b"\xb8\xe8\x00\x00\x00\x67\xe8\x01\x02\x03\x04\xc3";
        assert_eq!(is_instruction(code, 1), Some(false));
        assert_eq!(is_instruction(code, 6), Some(true));
        // sub eax, ..
        assert_eq!(is_instruction(b"\x81\xe8\x01\x02\x03\x04", 1), Some(false));
        assert_eq!(is_instruction(b"", 1), None);
    }
}
