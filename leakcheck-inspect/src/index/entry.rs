//! Entries, decoded: what types and functions consist of.

use gimli::DwTag;
use gimli::constants as dw;

use super::Index;
use super::cursor::{self, Cursor, Value};
use super::unit::{Sections, Unit};
use crate::Error;
use crate::error::Kind;
use crate::tree::TypeId;

/// How deep an entry is looked into: an enum's variant part, its variants, their members.
const LEVELS: isize = 3;

/// How many entries one type may have: tokio's and rustc's have some dozens.
const ENTRIES: usize = 1 << 14;

/// An entry, decoded as far as inspection needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'i> {
    pub(crate) id: TypeId,
    pub(crate) tag: DwTag,
    /// How deep below the entry that was asked for, which is at 0 itself.
    pub(crate) depth: isize,
    pub(crate) name: Option<&'i str>,
    pub(crate) ty: Option<TypeId>,
    pub(crate) size: Option<u64>,
    /// Where a member lies in what contains it.
    pub(crate) offset: Option<u64>,
    /// Which value of an enum's tag means this variant.
    pub(crate) discriminant: Option<u64>,
    /// How many elements an array has.
    pub(crate) count: Option<u64>,
    /// The type whose vtable this describes.
    pub(crate) containing: Option<TypeId>,
    /// The entry that this one completes: a declaration, or the original of an inlined copy.
    pub(crate) origin: Option<TypeId>,
    /// How a number is written: signed, for instance.
    pub(crate) encoding: Option<u64>,
    pub(crate) file: Option<u64>,
    pub(crate) line: Option<u32>,
    pub(crate) call_file: Option<u64>,
    pub(crate) call_line: Option<u32>,
    pub(crate) linkage_name: Option<&'i str>,
}

impl Index {
    /// The entry, or where it merely completes another, the one that has the name.
    pub(crate) fn described(&self, id: TypeId) -> Result<Entry<'_>, Error> {
        let mut entry = self.entry(id)?;
        for _ in 0..LEVELS {
            match entry.origin {
                Some(origin) if entry.name.is_none() => entry = self.entry(origin)?,
                _ => break,
            }
        }
        Ok(entry)
    }

    /// The first type that a function is generic over.
    pub(crate) fn first_type_parameter(&self, function: TypeId) -> Result<Option<TypeId>, Error> {
        let mut next = Some(function);
        for _ in 0..LEVELS {
            let Some(id) = next else { break };
            let (mut found, mut origin) = (None, None);
            self.each_below(id, 1, |entry| {
                match entry.depth {
                    0 => origin = entry.origin,
                    _ if entry.tag == dw::DW_TAG_template_type_parameter => found = entry.ty,
                    _ => {}
                }
                found.is_none()
            })?;
            if found.is_some() {
                return Ok(found);
            }
            next = origin;
        }
        Ok(None)
    }

    /// One entry, without what it contains.
    pub(crate) fn entry(&self, id: TypeId) -> Result<Entry<'_>, Error> {
        let mut first = None;
        self.each_below(id, 0, |entry| {
            first = Some(entry);
            false
        })?;
        Ok(first.ok_or(Kind::NoTypes)?)
    }

    /// The entry here, and what it contains, in the order of the section.
    pub(crate) fn tree(&self, id: TypeId) -> Result<Vec<Entry<'_>>, Error> {
        let mut tree = Vec::new();
        self.each_below(id, LEVELS, |entry| {
            tree.push(entry);
            tree.len() < ENTRIES
        })?;
        Ok(tree)
    }

    /// Calls `each` with the entry and those below it, to a depth, while it returns true.
    pub(crate) fn each_below<'i>(
        &'i self,
        id: TypeId,
        levels: isize,
        mut each: impl FnMut(Entry<'i>) -> bool,
    ) -> Result<(), Error> {
        let (number, sections) = (self.unit_of(id)?, self.sections()?);
        let unit = self.unit(number)?;
        let mut cursor = Cursor::new(unit, unit.table(&sections)?, sections.info, id.0)?;
        let mut first = true;
        while let Some(raw) = cursor.next()? {
            if !first && raw.depth <= 0 {
                break;
            }
            first = false;
            if raw.depth <= levels && !each(decode(unit, &sections, &raw)?) {
                break;
            }
            if raw.depth == 0 && !raw.has_children {
                break;
            }
        }
        Ok(())
    }
}

fn decode<'i>(
    unit: &'i Unit,
    sections: &Sections<'i>,
    raw: &cursor::Entry<'i>,
) -> Result<Entry<'i>, Error> {
    let mut entry = Entry {
        id: TypeId(raw.offset),
        tag: raw.tag,
        depth: raw.depth,
        name: None,
        ty: None,
        size: None,
        offset: None,
        discriminant: None,
        count: None,
        containing: None,
        origin: None,
        encoding: None,
        file: None,
        line: None,
        call_file: None,
        call_line: None,
        linkage_name: None,
    };
    let line = |value| u32::try_from(value).ok();
    raw.attributes(|attribute, value| match (attribute, value) {
        (dw::DW_AT_name, Value::Text(text)) => entry.name = unit.text(sections, text),
        (dw::DW_AT_linkage_name, Value::Text(text)) => {
            entry.linkage_name = unit.text(sections, text);
        }
        (dw::DW_AT_type, Value::Entry(at)) => entry.ty = Some(TypeId(at)),
        (dw::DW_AT_containing_type, Value::Entry(at)) => entry.containing = Some(TypeId(at)),
        (dw::DW_AT_abstract_origin | dw::DW_AT_specification, Value::Entry(at)) => {
            entry.origin = Some(TypeId(at));
        }
        (dw::DW_AT_byte_size, Value::Uint(size)) => entry.size = Some(size),
        (dw::DW_AT_data_member_location, Value::Uint(offset)) => entry.offset = Some(offset),
        (dw::DW_AT_discr_value, Value::Uint(value)) => entry.discriminant = Some(value),
        (dw::DW_AT_count, Value::Uint(count)) => entry.count = Some(count),
        (dw::DW_AT_encoding, Value::Uint(how)) => entry.encoding = Some(how),
        (dw::DW_AT_decl_file, Value::Uint(file)) => entry.file = Some(file),
        (dw::DW_AT_decl_line, Value::Uint(at)) => entry.line = line(at),
        (dw::DW_AT_call_file, Value::Uint(file)) => entry.call_file = Some(file),
        (dw::DW_AT_call_line, Value::Uint(at)) => entry.call_line = line(at),
        _ => {}
    })?;
    Ok(entry)
}
