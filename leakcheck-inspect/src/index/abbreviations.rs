//! Abbreviations: which attributes the entries of a unit have, and how to step over them quickly.
//!
//! Inspection runs in its users' tests, mostly unoptimised, and most entries are only stepped over.
//! So they are compiled into tables by which stepping over most entries is one addition.

use gimli::constants as dw;
use gimli::{DwAt, DwForm, DwTag, Encoding, Format};

use super::cursor::{sleb, uleb};
use crate::Error;

/// Compiled abbreviations, by their code.
pub(super) struct Table {
    by_code: Vec<Option<Shape>>,
}

/// What all entries with one abbreviation have in common.
pub(super) struct Shape {
    pub(super) tag: DwTag,
    pub(super) has_children: bool,
    /// How many bytes the attributes take, if always the same number.
    pub(super) size: Option<usize>,
    /// Whether an outline has to look at such entries.
    pub(super) outlined: bool,
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Clone, Copy)]
pub(super) struct Attribute {
    pub(super) name: DwAt,
    pub(super) form: DwForm,
    /// How many bytes the form takes, if always the same number.
    pub(super) size: Option<usize>,
    /// Whether an outline wants it.
    pub(super) wanted: bool,
    /// The value of `DW_FORM_implicit_const`.
    pub(super) constant: i64,
}

/// Compilers number abbreviations from 1 without gaps; a larger code is damage.
const CODES: u64 = 1 << 16;

impl Table {
    /// The table at the start of these bytes.
    pub(super) fn parse(bytes: &[u8], encoding: Encoding) -> Result<Self, Error> {
        let mut by_code = Vec::new();
        let mut at = 0;
        while let Some((code, shape)) = declaration(bytes, &mut at, encoding)? {
            let code = usize::try_from(code.min(CODES)).unwrap_or_default();
            if by_code.len() <= code {
                by_code.resize_with(code + 1, || None);
            }
            if let Some(place) = by_code.get_mut(code) {
                *place = Some(shape);
            }
        }
        Ok(Self { by_code })
    }

    pub(super) fn get(&self, code: u64) -> Option<&Shape> {
        if code < self.by_code.len() as u64 { self.by_code[code as usize].as_ref() } else { None }
    }
}

/// The next declaration and its code, or none at the table's end.
pub(super) fn declaration(
    bytes: &[u8],
    at: &mut usize,
    encoding: Encoding,
) -> Result<Option<(u64, Shape)>, Error> {
    let code = uleb(bytes, at)?;
    if code == 0 {
        return Ok(None);
    }
    let tag = DwTag(narrow(uleb(bytes, at)?));
    let has_children = uleb(bytes, at)? == u64::from(dw::DW_CHILDREN_yes.0);
    let mut attributes = Vec::new();
    loop {
        let (name, form) = (uleb(bytes, at)?, uleb(bytes, at)?);
        if (name, form) == (0, 0) {
            break;
        }
        let form = DwForm(narrow(form));
        let constant = match form {
            dw::DW_FORM_implicit_const => sleb(bytes, at)?,
            _ => 0,
        };
        let (name, size) = (DwAt(narrow(name)), size(form, encoding));
        let wanted = super::outline::WANTED.contains(&name);
        attributes.push(Attribute { name, form, size, wanted, constant });
    }
    let size =
        attributes.iter().try_fold(0, |sum: usize, attribute| sum.checked_add(attribute.size?));
    let outlined = super::outline::OUTLINED.contains(&tag);
    Ok(Some((code, Shape { tag, has_children, size, outlined, attributes })))
}

/// Numbers that do not fit mean nothing to us, like 0.
fn narrow(number: u64) -> u16 {
    u16::try_from(number).unwrap_or_default()
}

/// How many bytes a value of the form takes; none where that depends on the value.
pub(super) fn size(form: DwForm, encoding: Encoding) -> Option<usize> {
    let offset = match encoding.format {
        Format::Dwarf32 => 4,
        Format::Dwarf64 => 8,
    };
    Some(match form {
        dw::DW_FORM_flag_present | dw::DW_FORM_implicit_const => 0,
        dw::DW_FORM_data1
        | dw::DW_FORM_ref1
        | dw::DW_FORM_flag
        | dw::DW_FORM_strx1
        | dw::DW_FORM_addrx1 => 1,
        dw::DW_FORM_data2 | dw::DW_FORM_ref2 | dw::DW_FORM_strx2 | dw::DW_FORM_addrx2 => 2,
        dw::DW_FORM_strx3 | dw::DW_FORM_addrx3 => 3,
        dw::DW_FORM_data4
        | dw::DW_FORM_ref4
        | dw::DW_FORM_ref_sup4
        | dw::DW_FORM_strx4
        | dw::DW_FORM_addrx4 => 4,
        dw::DW_FORM_data8 | dw::DW_FORM_ref8 | dw::DW_FORM_ref_sig8 | dw::DW_FORM_ref_sup8 => 8,
        dw::DW_FORM_data16 => 16,
        dw::DW_FORM_addr => usize::from(encoding.address_size),
        dw::DW_FORM_ref_addr if encoding.version <= 2 => usize::from(encoding.address_size),
        dw::DW_FORM_ref_addr
        | dw::DW_FORM_strp
        | dw::DW_FORM_line_strp
        | dw::DW_FORM_strp_sup
        | dw::DW_FORM_sec_offset
        | dw::DW_FORM_GNU_ref_alt
        | dw::DW_FORM_GNU_strp_alt => offset,
        _ => return None,
    })
}
