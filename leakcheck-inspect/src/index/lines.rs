//! Line tables: which line an instruction was compiled from.
//!
//! Headers are gimli's business. The programs are run here: users run this unoptimised, where gimli
//! takes some hundred nanoseconds for each of a unit's many thousand rows.
//!
//! # Invariants
//!
//! 1. Each step consumes bytes, so a damaged program ends with its bytes.
//! 2. Linkers lay each function out by itself, so each has its own sequence of rows: that one is
//!    searched by its first bytes, and only where that fails all of the unit's rows are read.

use std::io::BufRead as _;
use std::ops::Range;

use gimli::constants as dw;
use gimli::{DebugLine, DebugLineOffset, DwLne, DwLns, EndianSlice, LittleEndian, SectionId};

use super::cursor::{fixed, sleb, uleb};
use super::unit::Unit;
use super::{Function, Index};
use crate::Error;

/// A line, as the unit numbers its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) file: u64,
    pub(crate) line: u32,
}

/// A unit's program: its place in the section, and what its header says of it.
pub(super) struct Header {
    program: Range<usize>,
    operand_counts: Vec<u8>,
    opcode_base: u8,
    line_base: i8,
    line_range: u8,
    instruction: u64,
}

/// One row, or the end of a sequence of rows.
#[derive(Clone, Copy)]
struct Row {
    address: u64,
    file: u64,
    line: u64,
    ends: bool,
}

/// How many bytes may come before a sequence's first address.
const PREFACE: usize = 32;

const BEGIN: Row = Row { address: 0, file: 1, line: 1, ends: false };

impl Index {
    /// The line of the instruction at, or around, an address of this function.
    pub(crate) fn line(&self, function: Function, address: u64) -> Option<Line> {
        let unit = self.unit(function.unit).ok()?;
        let section = self.image.section(SectionId::DebugLine).ok()?;
        let header = unit.lines.get_or_init(|| Header::of(unit, section));
        header.as_ref()?.line(section, function.low, address)
    }
}

impl Header {
    pub(super) fn of(unit: &Unit, section: &[u8]) -> Option<Self> {
        let at = DebugLineOffset(usize::try_from(unit.root.lines?).ok()?);
        let lines = DebugLine::new(section, LittleEndian);
        let program = lines.program(at, unit.encoding.address_size, None, None).ok()?;
        let header = program.header();
        let encoding = header.line_encoding();
        let bytes = header.raw_program_buf();
        let start = bytes.offset_from(EndianSlice::new(section, LittleEndian));
        let simple = encoding.line_range != 0 && encoding.maximum_operations_per_instruction <= 1;
        simple.then(|| Self {
            program: start..start + bytes.len(),
            operand_counts: header.standard_opcode_lengths().to_vec(),
            opcode_base: header.opcode_base(),
            line_base: encoding.line_base,
            line_range: encoding.line_range,
            instruction: u64::from(encoding.minimum_instruction_length),
        })
    }

    /// The line of the instruction at, or around, an address of the function that starts at `low`.
    pub(super) fn line(&self, section: &[u8], low: u64, address: u64) -> Option<Line> {
        let program = Program { header: self, bytes: section.get(self.program.clone())? };
        let own = program.sequence_at(low).and_then(|at| program.line_in(at, address, false));
        let row = own.or_else(|| program.line_in(0, address, true))?;
        let line = u32::try_from(row.line).ok().filter(|line| *line != 0)?;
        Some(Line { file: row.file, line })
    }
}

struct Program<'i> {
    header: &'i Header,
    bytes: &'i [u8],
}

impl Program<'_> {
    /// Where the rows that start at this address begin: a few instructions before the one that sets it.
    fn sequence_at(&self, low: u64) -> Option<usize> {
        let mut start = vec![0, 9, dw::DW_LNE_set_address.0];
        start.extend(low.to_le_bytes());
        // The standard library's own search is fast in unoptimised programs, too.
        let mut rest = self.bytes;
        while rest.skip_until(9).ok()? != 0 {
            let at = (self.bytes.len() - rest.len()).checked_sub(2);
            let found =
                at.filter(|at| self.bytes.get(*at..).is_some_and(|b| b.starts_with(&start)));
            if let Some(found) = found {
                return self.preface_of(found);
            }
        }
        None
    }

    /// Where the instructions start that set the file and the column before they set the address: after
    /// the end of the rows before, if nothing between makes a row.
    fn preface_of(&self, sets_address: usize) -> Option<usize> {
        let nearest = sets_address.saturating_sub(PREFACE);
        let before = self.bytes.get(nearest..sets_address)?;
        let end = [0, 1, dw::DW_LNE_end_sequence.0];
        let start = match before.windows(end.len()).rposition(|window| window == end) {
            Some(at) => nearest + at + end.len(),
            None if nearest == 0 => 0,
            None => return None,
        };
        let (mut at, mut row) = (start, BEGIN);
        while at < sets_address {
            if self.step(&mut at, &mut row).ok()? {
                return None;
            }
        }
        (at == sets_address).then_some(start)
    }

    /// The last row up to the address, if another follows that is beyond it: among those that begin here,
    /// up to their end or to that of all.
    fn line_in(&self, mut at: usize, address: u64, all: bool) -> Option<Row> {
        let (mut row, mut last) = (BEGIN, None::<Row>);
        while at < self.bytes.len() {
            if !self.step(&mut at, &mut row).ok()? {
                continue;
            }
            if let Some(last) = last.filter(|last| last.address <= address && address < row.address)
            {
                return Some(last);
            }
            last = Some(row);
            if row.ends {
                if !all {
                    break;
                }
                (row, last) = (BEGIN, None);
            }
        }
        None
    }

    /// Runs one instruction. Returns whether it makes a row.
    fn step(&self, at: &mut usize, row: &mut Row) -> Result<bool, Error> {
        let opcode = u8::try_from(fixed(self.bytes, at, 1)?).unwrap_or_default();
        if opcode >= self.header.opcode_base {
            let adjust = self.advance(opcode, row);
            let line =
                i64::from(self.header.line_base) + i64::from(adjust % self.header.line_range);
            row.line = row.line.wrapping_add_signed(line);
            return Ok(true);
        }
        match DwLns(opcode) {
            DwLns(0) => return self.extended(at, row),
            dw::DW_LNS_copy => return Ok(true),
            dw::DW_LNS_advance_pc => {
                let count = uleb(self.bytes, at)?;
                row.address = row.address.wrapping_add(count.wrapping_mul(self.header.instruction));
            }
            dw::DW_LNS_advance_line => {
                row.line = row.line.wrapping_add_signed(sleb(self.bytes, at)?);
            }
            dw::DW_LNS_set_file => row.file = uleb(self.bytes, at)?,
            dw::DW_LNS_const_add_pc => drop(self.advance(u8::MAX, row)),
            dw::DW_LNS_fixed_advance_pc => {
                row.address = row.address.wrapping_add(fixed(self.bytes, at, 2)?);
            }
            _ => {
                let operands = self.header.operand_counts.get(usize::from(opcode) - 1).copied();
                for _ in 0..operands.unwrap_or(0) {
                    uleb(self.bytes, at)?;
                }
            }
        }
        Ok(false)
    }

    /// Advances the address as a special opcode says, and returns what is left for the line.
    fn advance(&self, opcode: u8, row: &mut Row) -> u8 {
        let adjust = opcode.wrapping_sub(self.header.opcode_base);
        let count = u64::from(adjust / self.header.line_range);
        row.address = row.address.wrapping_add(count.wrapping_mul(self.header.instruction));
        adjust
    }

    fn extended(&self, at: &mut usize, row: &mut Row) -> Result<bool, Error> {
        let len = uleb(self.bytes, at)?;
        let mut operand = *at + 1;
        let opcode = fixed(self.bytes, at, 1)?;
        let rest = usize::try_from(len.saturating_sub(1)).unwrap_or(usize::MAX);
        *at = at.saturating_add(rest);
        match DwLne(u8::try_from(opcode).unwrap_or_default()) {
            dw::DW_LNE_end_sequence => {
                row.ends = true;
                return Ok(true);
            }
            dw::DW_LNE_set_address => row.address = fixed(self.bytes, &mut operand, rest.min(8))?,
            _ => {}
        }
        Ok(false)
    }
}
