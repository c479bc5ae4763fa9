//! What the debug info says, and where: units, their entries, and types by their full names.
//!
//! # Invariants
//!
//! 1. What is read here may be damaged. Nothing is indexed, the parser checks every offset, and
//!    every walk ends with the bytes that it consumes.
//! 2. Only what is asked for is decoded. Functions are skipped, and the units of other crates are
//!    opened only where the crate's own ones do not tell.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use gimli::{
    Abbreviation, Abbreviations, AttributeValue, DebugStrOffsetsBase, DwTag, EndianSlice,
    EntriesRaw, LittleEndian, UnitHeader, UnitOffset, UnitSectionOffset, constants as dw,
};

use crate::error::Kind;
use crate::{Error, Image};

type Bytes<'i> = EndianSlice<'i, LittleEndian>;

/// How deep an entry is looked into: an enum's variant part, its variants, their members.
const LEVELS: isize = 3;

/// How many entries one type may have: tokio's and rustc's have some dozens.
const ENTRIES: usize = 1 << 14;

/// An image's units.
pub(crate) struct Index<'i> {
    units: Vec<Unit<'i>>,
    abbreviations: gimli::DebugAbbrev<Bytes<'i>>,
    strings: gimli::DebugStr<Bytes<'i>>,
    line_strings: gimli::DebugLineStr<Bytes<'i>>,
    string_offsets: gimli::DebugStrOffsets<Bytes<'i>>,
}

/// What one run of the compiler's back end described.
struct Unit<'i> {
    header: UnitHeader<Bytes<'i>>,
    opened: OnceCell<Opened<'i>>,
}

/// What must be known of a unit before its entries can be read.
struct Opened<'i> {
    abbreviations: Abbreviations,
    string_offsets: DebugStrOffsetsBase,
    name: Option<&'i str>,
    split: bool,
}

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    unit: usize,
    offset: UnitOffset,
}

/// An entry, as far as types need it.
pub(crate) struct Entry<'i> {
    pub(crate) tag: DwTag,
    /// How deep below the type that was asked for, which is at 0 itself.
    pub(crate) depth: isize,
    pub(crate) name: Option<&'i str>,
    pub(crate) ty: Option<Spot>,
    pub(crate) size: Option<u64>,
    /// Where a member lies in what contains it.
    pub(crate) offset: Option<u64>,
    /// Which value of an enum's tag means this variant.
    pub(crate) discriminant: Option<u64>,
}

impl<'i> Index<'i> {
    pub(crate) fn of(image: &'i Image) -> Result<Self, Error> {
        let mut units = Vec::new();
        let mut headers = gimli::DebugInfo::new(&image.info, LittleEndian).units();
        while let Some(header) = headers.next()? {
            let opened = OnceCell::new();
            units.push(Unit { header, opened });
        }
        Ok(Self {
            units,
            abbreviations: gimli::DebugAbbrev::new(&image.abbreviations, LittleEndian),
            strings: gimli::DebugStr::new(&image.strings, LittleEndian),
            line_strings: Bytes::new(&image.line_strings, LittleEndian).into(),
            string_offsets: Bytes::new(&image.string_offsets, LittleEndian).into(),
        })
    }

    /// The structs with these full names, for instance `tokio::runtime::handle::Handle`, of one crate.
    pub(crate) fn structs<const N: usize>(
        &self,
        of_crate: &str,
        names: [&str; N],
    ) -> Result<[Spot; N], Error> {
        let mut copies = BTreeSet::new();
        let mut split = false;
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for number in 0..self.units.len() {
            // A damaged unit, or one of another language, says nothing about the others.
            let Ok(unit) = self.open(number) else {
                continue;
            };
            split |= unit.split;
            match unit.name.and_then(|name| copy_of(of_crate, name)) {
                Some(copy) => {
                    copies.insert(copy);
                    own.push(number);
                }
                None => others.push(number),
            }
        }
        if copies.len() > 1 {
            return Err(Kind::Copies(copies.len()).into());
        }
        let found = [None; N];
        let mut search = Search { names, found };
        for unit in own.into_iter().chain(others) {
            // What a damaged unit still said before its damage counts.
            let _ = self.scan(unit, &mut search);
            if let Some(all) = search.complete() {
                return Ok(all);
            }
        }
        let missing = if split { Kind::Split } else { Kind::NoTypes };
        Err(missing.into())
    }

    /// The entry here, and what it contains, in the order of the file.
    pub(crate) fn tree(&self, spot: Spot) -> Result<Vec<Entry<'i>>, Error> {
        let (header, opened) = self.unit(spot.unit)?;
        let mut raw = header.entries_raw(&opened.abbreviations, Some(spot.offset))?;
        let mut tree = Vec::new();
        while tree.len() < ENTRIES && !raw.is_empty() {
            let depth = raw.next_depth();
            if depth <= 0 && !tree.is_empty() {
                break;
            }
            match raw.read_abbreviation()? {
                Some(abbreviation) if depth <= LEVELS => {
                    tree.push(self.entry(spot.unit, &mut raw, abbreviation, depth)?);
                }
                Some(abbreviation) => raw.skip_attributes(abbreviation.attributes())?,
                None if tree.is_empty() => break,
                None => {}
            }
        }
        Ok(tree)
    }

    /// Notes which of the wanted structs the unit describes in full.
    fn scan<const N: usize>(&self, unit: usize, search: &mut Search<'_, N>) -> Result<(), Error> {
        let (header, opened) = self.unit(unit)?;
        let mut raw = header.entries_raw(&opened.abbreviations, None)?;
        let mut path: Vec<&str> = Vec::new();
        while !raw.is_empty() && !search.is_complete() {
            let (depth, offset) = (raw.next_depth(), raw.next_offset());
            let Some(abbreviation) = raw.read_abbreviation()? else {
                continue;
            };
            // The unit itself is at 0, its outermost namespaces are at 1.
            let level = usize::try_from(depth - 1).unwrap_or(usize::MAX);
            path.truncate(level);
            match abbreviation.tag() {
                dw::DW_TAG_namespace if level == path.len() => {
                    let entry = self.entry(unit, &mut raw, abbreviation, depth)?;
                    path.push(entry.name.unwrap_or_default());
                }
                dw::DW_TAG_structure_type if level == path.len() && search.wants_some_of(&path) => {
                    let entry = self.entry(unit, &mut raw, abbreviation, depth)?;
                    // Without a size it is a mere declaration.
                    if entry.size.is_some() {
                        search.note(&path, entry.name, Spot { unit, offset });
                    }
                }
                _ => raw.skip_attributes(abbreviation.attributes())?,
            }
        }
        Ok(())
    }

    fn entry(
        &self,
        unit: usize,
        raw: &mut EntriesRaw<'_, '_, Bytes<'i>>,
        abbreviation: &Abbreviation,
        depth: isize,
    ) -> Result<Entry<'i>, Error> {
        let mut entry = Entry {
            tag: abbreviation.tag(),
            depth,
            name: None,
            ty: None,
            size: None,
            offset: None,
            discriminant: None,
        };
        for spec in abbreviation.attributes() {
            let attribute = raw.read_attribute(*spec)?;
            match attribute.name() {
                dw::DW_AT_name => entry.name = self.text(unit, attribute.value()),
                dw::DW_AT_type => entry.ty = self.spot(unit, attribute.value()),
                dw::DW_AT_byte_size => entry.size = attribute.udata_value(),
                dw::DW_AT_data_member_location => entry.offset = attribute.udata_value(),
                dw::DW_AT_discr_value => entry.discriminant = attribute.udata_value(),
                _ => {}
            }
        }
        Ok(entry)
    }

    fn unit(&self, number: usize) -> Result<(&UnitHeader<Bytes<'i>>, &Opened<'i>), Error> {
        let unit = self.units.get(number).ok_or(Kind::NoTypes)?;
        Ok((&unit.header, self.open(number)?))
    }

    /// Reads the unit's abbreviations and its own entry, once.
    fn open(&self, number: usize) -> Result<&Opened<'i>, Error> {
        let unit = self.units.get(number).ok_or(Kind::NoTypes)?;
        if let Some(opened) = unit.opened.get() {
            return Ok(opened);
        }
        let encoding = unit.header.encoding();
        let abbreviations = unit.header.abbreviations(&self.abbreviations)?;
        let mut raw = unit.header.entries_raw(&abbreviations, None)?;
        let (mut name, mut split) = (None, false);
        let mut string_offsets = DebugStrOffsetsBase::default_for_encoding_and_file(
            encoding,
            gimli::DwarfFileType::Main,
        );
        let attributes = raw.read_abbreviation()?.map_or(&[][..], Abbreviation::attributes);
        for spec in attributes {
            let attribute = raw.read_attribute(*spec)?;
            match (attribute.name(), attribute.value()) {
                (dw::DW_AT_name, value) => name = Some(value),
                (dw::DW_AT_str_offsets_base, AttributeValue::DebugStrOffsetsBase(base)) => {
                    string_offsets = base;
                }
                (dw::DW_AT_dwo_name | dw::DW_AT_GNU_dwo_name, _) => split = true,
                _ => {}
            }
        }
        let name = name.and_then(|value| self.string(&unit.header, string_offsets, value));
        Ok(unit.opened.get_or_init(|| Opened { abbreviations, string_offsets, name, split }))
    }

    fn text(&self, unit: usize, value: AttributeValue<Bytes<'i>>) -> Option<&'i str> {
        let unit = self.units.get(unit)?;
        self.string(&unit.header, unit.opened.get()?.string_offsets, value)
    }

    fn string(
        &self,
        header: &UnitHeader<Bytes<'i>>,
        base: DebugStrOffsetsBase,
        value: AttributeValue<Bytes<'i>>,
    ) -> Option<&'i str> {
        let bytes = match value {
            AttributeValue::String(bytes) => bytes,
            AttributeValue::DebugStrRef(offset) => self.strings.get_str(offset).ok()?,
            AttributeValue::DebugLineStrRef(offset) => self.line_strings.get_str(offset).ok()?,
            // A damaged index must not overflow when the parser multiplies it.
            AttributeValue::DebugStrOffsetsIndex(index) if index.0 <= usize::MAX / 16 => {
                let offset =
                    self.string_offsets.get_str_offset(header.format(), base, index).ok()?;
                self.strings.get_str(offset).ok()?
            }
            _ => return None,
        };
        std::str::from_utf8(bytes.slice()).ok()
    }

    /// What a reference refers to; with link-time optimisation that is in another unit, perhaps.
    fn spot(&self, unit: usize, value: AttributeValue<Bytes<'i>>) -> Option<Spot> {
        match value {
            AttributeValue::UnitRef(offset) => Some(Spot { unit, offset }),
            AttributeValue::DebugInfoRef(offset) => {
                let after = self.units.partition_point(|unit| match unit.header.offset() {
                    UnitSectionOffset::DebugInfoOffset(start) => start <= offset,
                    UnitSectionOffset::DebugTypesOffset(_) => false,
                });
                let unit = after.checked_sub(1)?;
                let offset = offset.to_unit_offset(&self.units.get(unit)?.header)?;
                Some(Spot { unit, offset })
            }
            _ => None,
        }
    }
}

/// Structs by their full names, and where they are, once that is known.
struct Search<'n, const N: usize> {
    names: [&'n str; N],
    found: [Option<Spot>; N],
}

impl<const N: usize> Search<'_, N> {
    fn wants_some_of(&self, path: &[&str]) -> bool {
        self.names.iter().any(|name| {
            let of = name.rsplit_once("::").map(|(of, _)| of);
            of.is_some_and(|of| of.split("::").eq(path.iter().copied()))
        })
    }

    fn note(&mut self, path: &[&str], name: Option<&str>, spot: Spot) {
        let full = || path.iter().copied().chain(name);
        for (wanted, found) in self.names.iter().zip(&mut self.found) {
            if found.is_none() && wanted.split("::").eq(full()) {
                *found = Some(spot);
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.found.iter().all(Option::is_some)
    }

    fn complete(&self) -> Option<[Spot; N]> {
        let all: Vec<Spot> = self.found.iter().copied().flatten().collect();
        all.try_into().ok()
    }
}

/// Which build of the crate a unit belongs to, if to any: rustc names units `PATH/@/CRATE.BUILD-cgu.N`.
fn copy_of<'n>(of_crate: &str, unit_name: &'n str) -> Option<&'n str> {
    let (_, unit) = unit_name.rsplit_once("/@/")?;
    let (build, _) = unit.strip_prefix(of_crate)?.strip_prefix('.')?.split_once("-cgu.")?;
    Some(build)
}
