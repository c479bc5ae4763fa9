//! How long x86-64 instructions are, and of a few whether they leave a register alone.
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

/// How many instructions may lie between the load of an address and its call: those that pass arguments.
const BETWEEN: usize = 16;

/// `rax`, `r10` and `r11`: no argument is in them, and after a call they hold nothing of before. From
/// others the same address could be passed on, or called once more further down.
const FREE: [u8; 3] = [0, 10, 11];

/// Where the function is called whose address the instruction with the opcode at `at` calls or loads.
/// None where what it loads may be called elsewhere, too.
pub(super) fn called_at(code: &[u8], at: usize) -> Option<usize> {
    let (opcode, modrm) = (*code.get(at)?, *code.get(at + 1)?);
    if !matches!(opcode, 0x8b | 0x8d) {
        return Some(at);
    }
    // An address of 64 bits: one with `REX.W`.
    let rex =
        at.checked_sub(1).and_then(|before| code.get(before)).filter(|rex| *rex & 0xf8 == 0x48)?;
    let register = modrm >> 3 & 7 | (rex & 4) << 1;
    if !FREE.contains(&register) {
        return None;
    }
    let mut at = at + 6;
    for _ in 0..BETWEEN {
        let next = code.get(at..)?;
        let (rex, skipped) = match *next.first()? {
            rex @ 0x40..=0x4f => (rex, 1),
            _ => (0, 0),
        };
        if let [0xff, modrm @ (0xd0..=0xd7 | 0xe0..=0xe7), ..] = *next.get(skipped..)? {
            return (modrm & 7 | (rex & 1) << 3 == register).then_some(at + skipped);
        }
        if !leaves_alone(next, register)? {
            return None;
        }
        at += length(next)?;
    }
    None
}

/// Whether the first instruction goes on to the next one, and neither reads nor changes the register:
/// true only of the commonest that do.
fn leaves_alone(code: &[u8], register: u8) -> Option<bool> {
    let mut at = code.iter().position(|byte| !matches!(byte, 0x66 | 0xf2 | 0xf3))?;
    let rex = *code.get(at).filter(|byte| matches!(byte, 0x40..=0x4f)).unwrap_or(&0);
    at += usize::from(rex != 0);
    let opcode = *code.get(at)?;
    at += 1;
    let names_register = match opcode {
        // mov r, imm
        0xb8..=0xbf => return Some(opcode & 7 | (rex & 1) << 3 != register),
        // mov, lea, movsxd, add, sub, xor, cmp, test
        0x01 | 0x03 | 0x29 | 0x2b | 0x31 | 0x33 | 0x39 | 0x3b | 0x63 | 0x85 | 0x89 | 0x8b
        | 0x8d => true,
        // mov of a byte; the second half of the registers may be `ah` and the like.
        0x88 | 0x8a if rex != 0 || code.get(at)? & 0x20 == 0 => true,
        // mov [..], imm
        0xc6 | 0xc7 if *code.get(at)? < 0xc0 => false,
        0x0f => {
            at += 1;
            match *code.get(at - 1)? {
                // movups, movaps, xorps, movdqa and movdqu: the register is a vector.
                0x10 | 0x11 | 0x28 | 0x29 | 0x57 | 0x6f | 0x7f => false,
                // movzx, movsx
                0xb6 | 0xb7 | 0xbe | 0xbf if *code.get(at)? < 0xc0 => true,
                _ => return Some(false),
            }
        }
        _ => return Some(false),
    };
    let modrm = *code.get(at)?;
    if names_register && modrm >> 3 & 7 | (rex & 4) << 1 == register {
        return Some(false);
    }
    if modrm < 0xc0 && modrm & 7 == 4 {
        let scaled = *code.get(at + 1)?;
        let (base, index) = (scaled & 7 | (rex & 1) << 3, scaled >> 3 & 7 | (rex & 2) << 2);
        return Some(base != register && index != register);
    }
    Some(modrm & 7 | (rex & 1) << 3 != register)
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

    #[test]
    fn loads_are_followed_to_their_call() {
        let load = b"\x48\x8b\x05\x01\x02\x03\x04"; // mov rax, [rip + ..]
        let called = |between: &[u8], call: &[u8]| {
            let code = [load, between, call].concat();
            assert_eq!(is_instruction(&code, 1), Some(true));
            called_at(&code, 1).map(|at| at - load.len() - between.len())
        };
        let call = b"\xff\xd0";
        let kept: [&[u8]; 6] = [
            b"",
            b"\x48\x8d\x7c\x24\x08\x89\xd6", // lea rdi, [rsp + 8]; mov esi, edx
            b"\xbe\x01\0\0\0",               // mov esi, 1
            b"\x48\xc7\x04\x24\x01\0\0\0",   // mov qword ptr [rsp], 1
            b"\x0f\x11\x04\x24",             // movups [rsp], xmm0
            b"\x49\x89\xc8\x4c\x8b\x44\x24\x08", // mov r8, rcx; mov r8, [rsp + 8]
        ];
        for between in kept {
            assert_eq!(called(between, call), Some(0), "{between:x?}");
        }
        let lost: [&[u8]; 9] = [
            b"\x48\x89\x04\x24",             // mov [rsp], rax
            b"\x48\x89\xc7",                 // mov rdi, rax
            b"\x48\x8d\x38",                 // lea rdi, [rax]
            b"\x48\x8d\x3c\x04",             // lea rdi, [rsp + rax]
            b"\x48\x8b\x05\x01\x02\x03\x04", // mov rax, [rip + ..]
            b"\xb8\x01\0\0\0",               // mov eax, 1
            b"\x8a\x64\x24\x08",             // mov ah, [rsp + 8]
            b"\xe8\0\0\0\0",                 // call ..
            b"\x74\0",                       // je ..
        ];
        for between in lost {
            assert_eq!(called(between, call), None, "{between:x?}");
        }
        // What is called is another register; then r10, jumped to; then rbx, which outlives the call.
        assert_eq!(called(b"", b"\xff\xd1"), None);
        assert_eq!(called(b"", b"\x41\xff\xd0"), None);
        assert_eq!(called_at(b"\x4c\x8d\x15\0\0\0\0\x41\xff\xe2", 1), Some(8));
        assert_eq!(called_at(b"\x48\x8b\x1d\0\0\0\0\xff\xd3", 1), None);
        // What is no load is the call itself.
        assert_eq!(called_at(b"\xff\x15\0\0\0\0", 0), Some(0));
        assert_eq!(called_at(b"\x8b\x05\0\0\0\0\xff\xd0", 0), None);
    }
}
