//! What the debug info says, and where: units, their outlines, entries, and what lies at an address.
//!
//! # Invariants
//!
//! 1. What is read here may be damaged. The cursor checks every offset, every walk ends with the
//!    bytes that it consumes, and a damaged unit says nothing about the others.
//! 2. Only what is asked for is decoded: a unit is outlined when something in it is looked for, and
//!    the units of other crates only where the crate's own ones do not tell.

mod abbreviations;
mod cursor;
mod files;
mod inlined;
mod lines;
mod outline;
mod ranges;
mod unit;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use gimli::constants as dw;
use gimli::{DwTag, SectionId};

use crate::error::Kind;
use crate::spawn_sites::{Calls, Makers};
use crate::tree::TypeId;
use crate::{Error, Image};
use cursor::{Cursor, Value};
pub(crate) use lines::Line;
use outline::{Outline, Scope};
use unit::{Sections, Unit};

/// How deep an entry is looked into: an enum's variant part, its variants, their members.
const LEVELS: isize = 3;

/// How many entries one type may have: tokio's and rustc's have some dozens.
const ENTRIES: usize = 1 << 14;

/// How deep namespaces and types may be nested.
const NESTED: usize = 128;

/// An image's debug info.
pub(crate) struct Index {
    pub(crate) image: Image,
    units: OnceLock<Vec<Unit>>,
    ranges: OnceLock<ranges::Ranges>,
    calls: OnceLock<Calls>,
    pub(crate) makers: Makers,
}

/// A unit, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UnitNo(usize);

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
    pub(crate) file: Option<u64>,
    pub(crate) line: Option<u32>,
    pub(crate) call_file: Option<u64>,
    pub(crate) call_line: Option<u32>,
    pub(crate) linkage_name: Option<&'i str>,
}

/// A function with code of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    pub(crate) unit: UnitNo,
    pub(crate) id: TypeId,
    pub(crate) low: u64,
}

impl Index {
    pub(crate) fn new(image: Image) -> Self {
        Self {
            image,
            units: OnceLock::new(),
            ranges: OnceLock::new(),
            calls: OnceLock::new(),
            makers: Makers::default(),
        }
    }

    fn sections(&self) -> Result<Sections<'_>, Error> {
        Ok(Sections {
            info: self.image.section(SectionId::DebugInfo)?,
            abbreviations: self.image.section(SectionId::DebugAbbrev)?,
            strings: self.image.section(SectionId::DebugStr)?,
            line_strings: self.image.section(SectionId::DebugLineStr)?,
            string_offsets: self.image.section(SectionId::DebugStrOffsets)?,
            addresses: self.image.section(SectionId::DebugAddr)?,
        })
    }

    fn units(&self) -> Result<&[Unit], Error> {
        if let Some(units) = self.units.get() {
            return Ok(units);
        }
        let units = unit::units(&self.sections()?)?;
        Ok(self.units.get_or_init(|| units))
    }

    fn unit(&self, number: UnitNo) -> Result<&Unit, Error> {
        Ok(self.units()?.get(number.0).ok_or(Kind::NoTypes)?)
    }

    pub(crate) fn unit_numbers(&self) -> Result<impl Iterator<Item = UnitNo> + use<>, Error> {
        Ok((0..self.units()?.len()).map(UnitNo))
    }

    /// The units that may be of the crate of this name: those that say so, or else those that do not
    /// say of which they are.
    pub(crate) fn units_of(&self, of_crate: &str) -> Result<Vec<UnitNo>, Error> {
        let units = self.units()?;
        let those = |wanted: Option<&str>| -> Vec<UnitNo> {
            let of =
                |at: &usize| units[*at].of_crate() == wanted && units[*at].crate_file().is_some();
            (0..units.len()).filter(of).map(UnitNo).collect()
        };
        let named = those(Some(of_crate));
        Ok(if named.is_empty() { those(None) } else { named })
    }

    /// The units of the same crate as this one, itself among them.
    pub(crate) fn units_beside(&self, number: UnitNo) -> Result<Vec<UnitNo>, Error> {
        let all = self.unit_numbers()?;
        Ok(all.filter(|other| self.are_of_one_crate(number, *other)).collect())
    }

    /// Whether both units are of the same crate.
    pub(crate) fn are_of_one_crate(&self, one: UnitNo, other: UnitNo) -> bool {
        let root = |number| self.unit(number).ok()?.crate_root();
        one == other || root(one).is_some_and(|one| root(other) == Some(one))
    }

    fn outline(&self, number: UnitNo) -> Result<&Outline, Error> {
        let (unit, sections) = (self.unit(number)?, self.sections()?);
        Ok(unit.outline.get_or_init(|| Outline::of(unit, &sections)))
    }

    /// The unit that describes the entry.
    pub(crate) fn unit_of(&self, id: TypeId) -> Result<UnitNo, Error> {
        let after = self.units()?.partition_point(|unit| unit.start <= id.0);
        let number = UnitNo(after.checked_sub(1).ok_or(Kind::NoTypes)?);
        match self.unit(number)?.end > id.0 {
            true => Ok(number),
            false => Err(Kind::NoTypes.into()),
        }
    }

    /// The structs with these full names, for instance `tokio::runtime::handle::Handle`, of one crate.
    pub(crate) fn structs<const N: usize>(
        &self,
        of_crate: &str,
        names: [&str; N],
    ) -> Result<[TypeId; N], Error> {
        let units = self.units()?;
        let of_it = |unit: &Unit| unit.of_crate() == Some(of_crate);
        let copies: BTreeSet<_> =
            units.iter().filter(|unit| of_it(unit)).filter_map(Unit::build).collect();
        if copies.len() > 1 {
            return Err(Kind::Copies(copies.len()).into());
        }
        let (own, others): (Vec<_>, Vec<_>) = (0..units.len()).partition(|at| of_it(&units[*at]));
        let mut found = [None; N];
        for number in own.into_iter().chain(others) {
            self.note_structs(UnitNo(number), &names, &mut found)?;
            let all: Vec<TypeId> = found.iter().copied().flatten().collect();
            if let Ok(all) = all.try_into() {
                return Ok(all);
            }
        }
        let split = units.iter().any(|unit| unit.root.split);
        Err(if split { Kind::Split } else { Kind::NoTypes }.into())
    }

    fn note_structs<const N: usize>(
        &self,
        number: UnitNo,
        names: &[&str; N],
        found: &mut [Option<TypeId>; N],
    ) -> Result<(), Error> {
        let (unit, sections, outline) =
            (self.unit(number)?, self.sections()?, self.outline(number)?);
        let last = |name: &str| name.rsplit("::").next().unwrap_or_default().to_owned();
        let lasts: Vec<String> = names.iter().map(|name| last(name)).collect();
        for scope in &outline.scopes {
            if scope.tag != dw::DW_TAG_structure_type || !scope.has_size {
                continue;
            }
            let Some(name) = text_of(unit, &sections, scope.name) else {
                continue;
            };
            for ((wanted, last), found) in names.iter().zip(&lasts).zip(&mut *found) {
                if found.is_none() && name == last {
                    let path = self.path_in(number, scope)?;
                    *found = (path.join("::") == *wanted).then_some(TypeId(scope.offset));
                }
            }
        }
        Ok(())
    }

    /// The names of the scopes around a type and its own, as they are written.
    pub(crate) fn path(&self, id: TypeId) -> Result<Vec<&str>, Error> {
        let number = self.unit_of(id)?;
        match scope_at(self.outline(number)?, id) {
            Some((_, scope)) => self.path_in(number, scope),
            None => Ok(self.entry(id)?.name.into_iter().collect()),
        }
    }

    fn path_in<'s>(&'s self, number: UnitNo, scope: &'s Scope) -> Result<Vec<&'s str>, Error> {
        let (unit, sections, outline) =
            (self.unit(number)?, self.sections()?, self.outline(number)?);
        let mut path = Vec::new();
        let mut next = Some(scope);
        while let Some(scope) = next.filter(|_| path.len() < NESTED) {
            path.push(text_of(unit, &sections, scope.name).unwrap_or("_"));
            next = scope.parent.and_then(|parent| outline.scopes.get(parent));
        }
        path.reverse();
        Ok(path)
    }

    /// The mangled name of a function in the `impl` block with this path, such as `app::{impl#3}`, and
    /// how many levels below the block it is; none if the unit knows none.
    pub(crate) fn in_impl(
        &self,
        number: UnitNo,
        block: &[&str],
    ) -> Result<Option<(usize, &str)>, Error> {
        let (unit, sections, outline) =
            (self.unit(number)?, self.sections()?, self.outline(number)?);
        for known in &outline.impls {
            let (Some(scope), Some(function)) =
                (outline.scopes.get(known.block), outline.scopes.get(known.function))
            else {
                continue;
            };
            if text_of(unit, &sections, scope.name) == block.last().copied()
                && self.path_in(number, scope)? == block
            {
                let name = text_of(unit, &sections, function.linkage_name);
                return Ok(name.map(|name| (known.levels, name)));
            }
        }
        Ok(None)
    }

    /// The function whose code starts here.
    pub(crate) fn function_at(&self, address: u64) -> Result<Option<Function>, Error> {
        let starts = |function: &Function| function.low == address;
        Ok(self.function_around(address)?.filter(starts))
    }

    /// The function with this address in its code.
    pub(crate) fn function_around(&self, address: u64) -> Result<Option<Function>, Error> {
        for number in self.units_at(address)? {
            let functions = &self.outline(number)?.functions;
            let after = functions.partition_point(|function| function.low <= address);
            let before = functions.get(..after).unwrap_or_default();
            // Functions do not overlap, but empty and merged ones share their start.
            let around = before.iter().rev().take(4).find(|function| address < function.high);
            if let Some(around) = around {
                let (id, low) = (TypeId(around.offset), around.low);
                return Ok(Some(Function { unit: number, id, low }));
            }
        }
        Ok(None)
    }

    /// Which instructions call which.
    pub(crate) fn calls(&self) -> Result<&Calls, Error> {
        if let Some(calls) = self.calls.get() {
            return Ok(calls);
        }
        let calls = Calls::of(&self.image)?;
        Ok(self.calls.get_or_init(|| calls))
    }

    /// The type that a `dyn` pointer with the vtable at this address points to, and the vtable's name.
    pub(crate) fn behind_vtable(&self, address: u64) -> Result<Option<TypeId>, Error> {
        for number in self.units_at(address)? {
            let vtables = &self.outline(number)?.vtables;
            let at = vtables.partition_point(|(vtable, _)| *vtable < address);
            let Some((_, entry)) = vtables.get(at).filter(|(vtable, _)| *vtable == address) else {
                continue;
            };
            let ty = self.entry(TypeId(*entry))?.ty;
            if let Some(ty) = ty {
                return Ok(self.entry(ty)?.containing);
            }
        }
        Ok(None)
    }

    /// Where to look for an address: the unit that claims it, or else all.
    fn units_at(&self, address: u64) -> Result<Vec<UnitNo>, Error> {
        let ranges = match self.ranges.get() {
            Some(ranges) => ranges,
            None => {
                let section = self.image.section(SectionId::DebugAranges)?;
                let ranges = ranges::Ranges::of(section, self.units()?);
                self.ranges.get_or_init(|| ranges)
            }
        };
        match ranges.unit_at(address) {
            Some(unit) => Ok(vec![unit]),
            None if ranges.are_complete() => Ok(Vec::new()),
            None => Ok(self.unit_numbers()?.collect()),
        }
    }

    /// The struct of this name in these scopes, if the unit describes it in full.
    pub(crate) fn struct_in(
        &self,
        number: UnitNo,
        around: &str,
        name: &str,
    ) -> Result<Option<TypeId>, Error> {
        let (unit, sections, outline) =
            (self.unit(number)?, self.sections()?, self.outline(number)?);
        for scope in &outline.scopes {
            if scope.tag == dw::DW_TAG_structure_type
                && scope.has_size
                && text_of(unit, &sections, scope.name) == Some(name)
            {
                let path = self.path_in(number, scope)?;
                if path.split_last().is_some_and(|(_, path)| path.join("::") == around) {
                    return Ok(Some(TypeId(scope.offset)));
                }
            }
        }
        Ok(None)
    }

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

    /// The path of a unit's file, by the number that its entries give it.
    pub(crate) fn file(&self, number: UnitNo, file: u64) -> Option<Arc<str>> {
        let unit = self.unit(number).ok()?;
        let files = match unit.files.get() {
            Some(files) => files,
            None => {
                let lines = self.image.section(SectionId::DebugLine).ok()?;
                let files = files::files(unit, &self.sections().ok()?, lines);
                unit.files.get_or_init(|| files)
            }
        };
        files.get(usize::try_from(file).ok()?)?.clone()
    }
}

fn text_of<'i>(
    unit: &Unit,
    sections: &Sections<'i>,
    place: Option<outline::Where>,
) -> Option<&'i str> {
    unit.text(sections, place?.text(sections.info)?)
}

fn scope_at(outline: &Outline, id: TypeId) -> Option<(usize, &Scope)> {
    let at = outline.scopes.partition_point(|scope| scope.offset < id.0);
    outline.scopes.get(at).filter(|scope| scope.offset == id.0).map(|scope| (at, scope))
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
        (dw::DW_AT_decl_file, Value::Uint(file)) => entry.file = Some(file),
        (dw::DW_AT_decl_line, Value::Uint(at)) => entry.line = line(at),
        (dw::DW_AT_call_file, Value::Uint(file)) => entry.call_file = Some(file),
        (dw::DW_AT_call_line, Value::Uint(at)) => entry.call_line = line(at),
        _ => {}
    })?;
    Ok(entry)
}
