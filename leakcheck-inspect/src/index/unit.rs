//! Units: what one run of the compiler's back end described.

use std::sync::OnceLock;

use gimli::constants as dw;
use gimli::{Encoding, LittleEndian, UnitSectionOffset};

use super::abbreviations::{Table, declaration};
use super::cursor::{Entry, Text, Value, uleb};
use super::outline::Outline;
use crate::Error;

pub(crate) struct Unit {
    /// Offsets in the whole section: of the header, of the unit's own entry, and of the end.
    pub(super) start: u64,
    pub(super) first: u64,
    pub(super) end: u64,
    pub(super) encoding: Encoding,
    abbreviations: u64,
    pub(super) root: Root,
    table: OnceLock<Table>,
    pub(super) outline: OnceLock<Outline>,
    pub(super) files: OnceLock<Vec<Option<std::sync::Arc<str>>>>,
    pub(super) lines: OnceLock<Option<super::lines::Header>>,
}

/// What a unit says of itself.
#[derive(Default)]
pub(super) struct Root {
    pub(super) name: Option<String>,
    pub(super) folder: Option<String>,
    pub(super) lines: Option<u64>,
    pub(super) low: Option<u64>,
    pub(super) low_index: Option<u64>,
    pub(super) ranges: Option<u64>,
    pub(super) strings_base: Option<u64>,
    pub(super) addresses_base: Option<u64>,
    pub(super) lists_base: Option<u64>,
    pub(super) split: bool,
}

/// The sections that entries refer to.
pub(super) struct Sections<'i> {
    pub(super) info: &'i [u8],
    pub(super) abbreviations: &'i [u8],
    pub(super) strings: &'i [u8],
    pub(super) line_strings: &'i [u8],
    pub(super) string_offsets: &'i [u8],
    pub(super) addresses: &'i [u8],
}

/// The units of the image. A damaged one, or one of another language, says nothing about the others.
pub(super) fn units(sections: &Sections<'_>) -> Result<Vec<Unit>, Error> {
    let mut units = Vec::new();
    let mut headers = gimli::DebugInfo::new(sections.info, LittleEndian).units();
    while let Some(header) = headers.next()? {
        let UnitSectionOffset::DebugInfoOffset(start) = header.offset() else {
            continue;
        };
        let start = start.0 as u64;
        let mut unit = Unit {
            start,
            first: start + header.size_of_header() as u64,
            end: start + header.length_including_self() as u64,
            encoding: header.encoding(),
            abbreviations: header.debug_abbrev_offset().0 as u64,
            root: Root::default(),
            table: OnceLock::new(),
            outline: OnceLock::new(),
            files: OnceLock::new(),
            lines: OnceLock::new(),
        };
        if let Ok(root) = unit.read_root(sections) {
            unit.root = root;
            units.push(unit);
        }
    }
    Ok(units)
}

impl Unit {
    /// Which crate's build it is: rustc names units `PATH/@/CRATE.BUILD-cgu.N`, or where it builds
    /// incrementally, `PATH/@/HASH`.
    pub(super) fn build(&self) -> Option<&str> {
        let (_, unit) = self.root.name.as_ref()?.rsplit_once("/@/")?;
        Some(unit.split_once("-cgu.")?.0)
    }

    /// The file that the unit's crate starts with, which tells crates apart: the crate's name is not in
    /// the names of incremental builds.
    pub(super) fn crate_root(&self) -> Option<(&str, &str)> {
        let (root, _) = self.root.name.as_ref()?.rsplit_once("/@/")?;
        Some((self.root.folder.as_deref().unwrap_or_default(), root))
    }

    pub(super) fn of_crate(&self) -> Option<&str> {
        self.build()?.split('.').next()
    }

    /// The unit's abbreviations, parsed once.
    pub(super) fn table(&self, sections: &Sections<'_>) -> Result<&Table, Error> {
        if let Some(table) = self.table.get() {
            return Ok(table);
        }
        let table = Table::parse(self.declarations(sections), self.encoding)?;
        Ok(self.table.get_or_init(|| table))
    }

    fn declarations<'i>(&self, sections: &Sections<'i>) -> &'i [u8] {
        let start = usize::try_from(self.abbreviations).unwrap_or(usize::MAX);
        sections.abbreviations.get(start..).unwrap_or_default()
    }

    /// Reads the unit's own entry. Its abbreviation is mostly the first, so the others need not be read.
    fn read_root(&self, sections: &Sections<'_>) -> Result<Root, Error> {
        let mut at = usize::try_from(self.first).unwrap_or(usize::MAX);
        let code = uleb(sections.info, &mut at)?;
        let bytes = sections.info.get(at..).unwrap_or_default();
        let (declarations, mut at) = (self.declarations(sections), 0);
        let mut root = Root::default();
        while let Some((own, shape)) = declaration(declarations, &mut at, self.encoding)? {
            if own != code {
                continue;
            }
            let (mut name, mut folder) = (None, None);
            Entry::root(self, &shape, bytes).attributes(|attribute, value| {
                match (attribute, value) {
                    (dw::DW_AT_name, Value::Text(text)) => name = Some(text),
                    (dw::DW_AT_comp_dir, Value::Text(text)) => folder = Some(text),
                    (dw::DW_AT_stmt_list, Value::Offset(at) | Value::Uint(at)) => {
                        root.lines = Some(at);
                    }
                    (dw::DW_AT_low_pc, Value::Address(at)) => root.low = Some(at),
                    (dw::DW_AT_low_pc, Value::AddressIndex(at)) => root.low_index = Some(at),
                    (dw::DW_AT_rnglists_base, Value::Offset(at)) => root.lists_base = Some(at),
                    (dw::DW_AT_ranges, Value::Offset(at)) => root.ranges = Some(at),
                    (dw::DW_AT_str_offsets_base, Value::Offset(at)) => {
                        root.strings_base = Some(at);
                    }
                    (dw::DW_AT_addr_base, Value::Offset(at)) => root.addresses_base = Some(at),
                    (dw::DW_AT_dwo_name | dw::DW_AT_GNU_dwo_name, _) => root.split = true,
                    _ => {}
                }
            })?;
            let base = root.strings_base;
            let owned = |text| sections.text(self.encoding, base, text).map(ToOwned::to_owned);
            (root.name, root.folder) = (name.and_then(owned), folder.and_then(owned));
            break;
        }
        Ok(root)
    }

    pub(super) fn text<'i>(&self, sections: &Sections<'i>, text: Text<'i>) -> Option<&'i str> {
        sections.text(self.encoding, self.root.strings_base, text)
    }

    /// The address that the unit's lists of ranges count from.
    pub(super) fn base(&self, sections: &Sections<'_>) -> Option<u64> {
        let index = || self.address(sections, Value::AddressIndex(self.root.low_index?));
        self.root.low.or_else(index)
    }

    /// The address that this value of an entry means.
    pub(super) fn address(&self, sections: &Sections<'_>, value: Value<'_>) -> Option<u64> {
        match value {
            Value::Address(address) => Some(address),
            Value::AddressIndex(index) => {
                let base = self.root.addresses_base.unwrap_or(8);
                let at = index.checked_mul(8)?.checked_add(base)?;
                let mut at = usize::try_from(at).ok()?;
                super::cursor::fixed(sections.addresses, &mut at, 8).ok()
            }
            _ => None,
        }
    }
}

impl<'i> Sections<'i> {
    fn text(&self, encoding: Encoding, base: Option<u64>, text: Text<'i>) -> Option<&'i str> {
        let bytes = match text {
            Text::Here(bytes) => bytes,
            Text::Strings(at) => until_nul(self.strings, at)?,
            Text::LineStrings(at) => until_nul(self.line_strings, at)?,
            Text::Index(index) => {
                let word = u64::from(encoding.format.word_size());
                // The table's own header comes first.
                let base = base.unwrap_or(if word == 4 { 8 } else { 16 });
                let at = index.checked_mul(word)?.checked_add(base)?;
                let mut at = usize::try_from(at).ok()?;
                let word = usize::try_from(word).ok()?;
                let at = super::cursor::fixed(self.string_offsets, &mut at, word).ok()?;
                until_nul(self.strings, at)?
            }
        };
        std::str::from_utf8(bytes).ok()
    }
}

fn until_nul(bytes: &[u8], at: u64) -> Option<&[u8]> {
    let text = bytes.get(usize::try_from(at).ok()?..)?;
    // The standard library's own search is fast in unoptimised programs, too.
    std::ffi::CStr::from_bytes_until_nul(text).ok().map(std::ffi::CStr::to_bytes)
}
