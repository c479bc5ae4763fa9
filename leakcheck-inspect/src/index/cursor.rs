//! Steps through the entries of a unit.
//!
//! The loops here run some hundred thousand times in programs that are not optimised, where each
//! call costs. So they index instead of calling `get`, after a check of their own.

use gimli::constants as dw;
use gimli::{DwForm, DwTag};

use super::abbreviations::{Attribute, Shape, Table, size};
use super::unit::Unit;
use crate::Error;
use crate::error::Kind;

/// Where in a unit's entries we are. Every step consumes bytes, so every walk ends.
pub(super) struct Cursor<'i> {
    unit: &'i Unit,
    table: &'i Table,
    bytes: &'i [u8],
    at: usize,
    depth: isize,
    /// The entry that was given last: its attributes are not yet stepped over.
    open: Option<&'i Shape>,
}

/// An entry, not yet decoded.
pub(super) struct Entry<'i> {
    /// In the whole section.
    pub(super) offset: u64,
    /// Below the entry where the cursor started, which is at 0.
    pub(super) depth: isize,
    pub(super) tag: DwTag,
    pub(super) has_children: bool,
    unit: &'i Unit,
    shape: &'i Shape,
    bytes: &'i [u8],
}

/// An attribute's value, as far as inspection needs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'i> {
    Uint(u64),
    Address(u64),
    /// An index into the unit's table of addresses.
    AddressIndex(u64),
    /// An index into the unit's table of lists of ranges.
    ListIndex(u64),
    /// Another entry, by its offset in the whole section.
    Entry(u64),
    /// An offset in another section.
    Offset(u64),
    Text(Text<'i>),
    Block(&'i [u8]),
    /// Something that says nothing here.
    Other,
}

/// Where a string is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Text<'i> {
    Here(&'i [u8]),
    Strings(u64),
    LineStrings(u64),
    Index(u64),
}

fn damaged() -> Error {
    Kind::Malformed(gimli::Error::UnexpectedEof(gimli::ReaderOffsetId(0))).into()
}

impl<'i> Cursor<'i> {
    /// `bytes` end with the unit; `at` is the offset of an entry in them.
    pub(super) fn new(
        unit: &'i Unit,
        table: &'i Table,
        section: &'i [u8],
        at: u64,
    ) -> Result<Self, Error> {
        let at = usize::try_from(at).map_err(|_| damaged())?;
        let end = usize::try_from(unit.end).unwrap_or(usize::MAX);
        let bytes = section.get(..end).ok_or_else(damaged)?;
        Ok(Self { unit, table, bytes, at, depth: 0, open: None })
    }

    /// The next entry, or none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Entry<'i>>, Error> {
        self.advance(false)
    }

    /// The next entry that an outline looks at, or none at the end.
    pub(super) fn next_outlined(&mut self) -> Result<Option<Entry<'i>>, Error> {
        self.advance(true)
    }

    fn advance(&mut self, only_outlined: bool) -> Result<Option<Entry<'i>>, Error> {
        let end = self.bytes.len();
        loop {
            if let Some(shape) = self.open.take() {
                match shape.size {
                    Some(size) => self.at += size,
                    None => self.step_over(shape)?,
                }
                if shape.has_children {
                    self.depth += 1;
                }
            }
            if self.at >= end {
                return Ok(None);
            }
            let offset = self.at;
            let mut code = u64::from(self.bytes[offset]);
            if code < 0x80 {
                self.at += 1;
            } else {
                code = uleb(self.bytes, &mut self.at)?;
            }
            if code == 0 {
                self.depth -= 1;
                continue;
            }
            let Some(shape) = self.table.get(code) else {
                return Err(damaged());
            };
            self.open = Some(shape);
            if only_outlined && !shape.outlined {
                continue;
            }
            return Ok(Some(Entry {
                offset: offset as u64,
                depth: self.depth,
                tag: shape.tag,
                has_children: shape.has_children,
                unit: self.unit,
                shape,
                bytes: self.bytes.get(self.at..).ok_or_else(damaged)?,
            }));
        }
    }

    fn step_over(&mut self, shape: &Shape) -> Result<(), Error> {
        for attribute in &shape.attributes {
            match attribute.size {
                Some(size) => self.at += size,
                None => skip(self.unit, attribute.form, self.bytes, &mut self.at, 0)?,
            }
        }
        Ok(())
    }
}

impl<'i> Entry<'i> {
    /// The entry of this shape whose attributes are at the start of the bytes.
    pub(super) fn root(unit: &'i Unit, shape: &'i Shape, bytes: &'i [u8]) -> Self {
        let (tag, has_children) = (shape.tag, shape.has_children);
        Self { offset: unit.first, depth: 0, tag, has_children, unit, shape, bytes }
    }

    /// Calls `each` with every attribute.
    pub(super) fn attributes(
        &self,
        mut each: impl FnMut(gimli::DwAt, Value<'i>),
    ) -> Result<(), Error> {
        let mut at = 0;
        for attribute in &self.shape.attributes {
            each(attribute.name, self.value(attribute, &mut at)?);
        }
        Ok(())
    }

    /// As [`Entry::attributes`], with those only that an outline wants.
    pub(super) fn wanted_attributes(
        &self,
        mut each: impl FnMut(gimli::DwAt, Value<'i>),
    ) -> Result<(), Error> {
        let mut at = 0;
        for attribute in &self.shape.attributes {
            match (attribute.wanted, attribute.size) {
                (false, Some(size)) => at += size,
                (false, None) => skip(self.unit, attribute.form, self.bytes, &mut at, 0)?,
                (true, _) => each(attribute.name, self.value(attribute, &mut at)?),
            }
        }
        Ok(())
    }

    fn value(&self, attribute: &Attribute, at: &mut usize) -> Result<Value<'i>, Error> {
        match attribute.form {
            dw::DW_FORM_implicit_const => Ok(Value::Uint(attribute.constant as u64)),
            form => read(self.unit, form, self.bytes, at, 0),
        }
    }
}

/// How often a form may say that another form follows.
const INDIRECTIONS: usize = 2;

fn skip(
    unit: &Unit,
    form: DwForm,
    bytes: &[u8],
    at: &mut usize,
    depth: usize,
) -> Result<(), Error> {
    if form == dw::DW_FORM_exprloc {
        let len = uleb(bytes, at)?;
        let end = usize::try_from(len).ok().and_then(|len| at.checked_add(len));
        *at = end.filter(|end| *end <= bytes.len()).ok_or_else(damaged)?;
        return Ok(());
    }
    match size(form, unit.encoding) {
        Some(size) => *at = at.checked_add(size).ok_or_else(damaged)?,
        None => drop(read(unit, form, bytes, at, depth)?),
    }
    Ok(())
}

fn read<'i>(
    unit: &Unit,
    form: DwForm,
    bytes: &'i [u8],
    at: &mut usize,
    depth: usize,
) -> Result<Value<'i>, Error> {
    // By far the most frequent one.
    if form == dw::DW_FORM_strp && unit.encoding.format == gimli::Format::Dwarf32 {
        return Ok(Value::Text(Text::Strings(fixed(bytes, at, 4)?)));
    }
    let sized = |at: &mut usize| fixed(bytes, at, size(form, unit.encoding).unwrap_or(0));
    Ok(match form {
        dw::DW_FORM_addr => Value::Address(sized(at)?),
        dw::DW_FORM_addrx1 | dw::DW_FORM_addrx2 | dw::DW_FORM_addrx3 | dw::DW_FORM_addrx4 => {
            Value::AddressIndex(sized(at)?)
        }
        dw::DW_FORM_addrx | dw::DW_FORM_GNU_addr_index => Value::AddressIndex(uleb(bytes, at)?),
        dw::DW_FORM_data1
        | dw::DW_FORM_data2
        | dw::DW_FORM_data4
        | dw::DW_FORM_data8
        | dw::DW_FORM_flag => Value::Uint(sized(at)?),
        dw::DW_FORM_flag_present => Value::Uint(1),
        dw::DW_FORM_udata => Value::Uint(uleb(bytes, at)?),
        dw::DW_FORM_sdata => Value::Uint(sleb(bytes, at)? as u64),
        dw::DW_FORM_ref1 | dw::DW_FORM_ref2 | dw::DW_FORM_ref4 | dw::DW_FORM_ref8 => {
            Value::Entry(unit.start.saturating_add(sized(at)?))
        }
        dw::DW_FORM_ref_udata => Value::Entry(unit.start.saturating_add(uleb(bytes, at)?)),
        dw::DW_FORM_ref_addr => Value::Entry(sized(at)?),
        dw::DW_FORM_sec_offset => Value::Offset(sized(at)?),
        dw::DW_FORM_strp => Value::Text(Text::Strings(sized(at)?)),
        dw::DW_FORM_line_strp => Value::Text(Text::LineStrings(sized(at)?)),
        dw::DW_FORM_strx1 | dw::DW_FORM_strx2 | dw::DW_FORM_strx3 | dw::DW_FORM_strx4 => {
            Value::Text(Text::Index(sized(at)?))
        }
        dw::DW_FORM_strx | dw::DW_FORM_GNU_str_index => Value::Text(Text::Index(uleb(bytes, at)?)),
        dw::DW_FORM_string => {
            let text = bytes.get(*at..).ok_or_else(damaged)?;
            let end = text.iter().position(|byte| *byte == 0).ok_or_else(damaged)?;
            *at += end + 1;
            Value::Text(Text::Here(text.get(..end).unwrap_or_default()))
        }
        dw::DW_FORM_exprloc | dw::DW_FORM_block => {
            let len = uleb(bytes, at)?;
            Value::Block(block(bytes, at, len)?)
        }
        dw::DW_FORM_block1 | dw::DW_FORM_block2 | dw::DW_FORM_block4 => {
            let width = match form {
                dw::DW_FORM_block1 => 1,
                dw::DW_FORM_block2 => 2,
                _ => 4,
            };
            let len = fixed(bytes, at, width)?;
            Value::Block(block(bytes, at, len)?)
        }
        dw::DW_FORM_rnglistx => Value::ListIndex(uleb(bytes, at)?),
        dw::DW_FORM_loclistx => {
            uleb(bytes, at)?;
            Value::Other
        }
        dw::DW_FORM_indirect if depth < INDIRECTIONS => {
            let form = u16::try_from(uleb(bytes, at)?).map_err(|_| damaged())?;
            read(unit, DwForm(form), bytes, at, depth + 1)?
        }
        _ => match size(form, unit.encoding) {
            Some(size) => {
                *at = at.checked_add(size).ok_or_else(damaged)?;
                Value::Other
            }
            None => return Err(Kind::Malformed(gimli::Error::UnknownForm(form)).into()),
        },
    })
}

fn block<'i>(bytes: &'i [u8], at: &mut usize, len: u64) -> Result<&'i [u8], Error> {
    let end = usize::try_from(len).ok().and_then(|len| at.checked_add(len)).ok_or_else(damaged)?;
    let block = bytes.get(*at..end).ok_or_else(damaged)?;
    *at = end;
    Ok(block)
}

/// A little-endian number of at most eight bytes.
pub(super) fn fixed(bytes: &[u8], at: &mut usize, size: usize) -> Result<u64, Error> {
    let from = *at;
    if size > 8 || from > bytes.len() || bytes.len() - from < size {
        return Err(damaged());
    }
    *at = from + size;
    let mut word = 0;
    let mut byte = size;
    while byte > 0 {
        byte -= 1;
        word = word << 8 | bytes[from + byte] as u64;
    }
    Ok(word)
}

pub(super) fn uleb(bytes: &[u8], at: &mut usize) -> Result<u64, Error> {
    let mut value = 0;
    let mut shift = 0;
    while *at < bytes.len() {
        let byte = bytes[*at];
        *at += 1;
        if shift < 64 {
            value |= ((byte & 0x7f) as u64) << shift;
        }
        if byte & 0x80 == 0 {
            return Ok(value);
        }
        shift += 7;
    }
    Err(damaged())
}

pub(super) fn sleb(bytes: &[u8], at: &mut usize) -> Result<i64, Error> {
    let from = *at;
    let value = uleb(bytes, at)?;
    let bits = 7 * (*at - from);
    let negative = bytes.get(*at - 1).is_some_and(|last| last & 0x40 != 0);
    if negative && bits < 64 {
        return Ok((value | u64::MAX << bits) as i64);
    }
    Ok(value as i64)
}
