//! What the debug info says, and where: units, their outlines, entries, and what lies at an address.
//!
//! # Invariants
//!
//! 1. What is read here may be damaged. The cursor checks every offset, every walk ends with the
//!    bytes that it consumes, and a damaged unit says nothing about the others.
//! 2. Only what is asked for is decoded: a unit is outlined when something in it is looked for, and
//!    the units of other crates only where the crate's own ones do not tell.

mod abbreviations;
mod by_name;
mod cursor;
mod entry;
mod files;
mod inlined;
mod lines;
mod outline;
mod ranges;
mod unit;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use gimli::SectionId;

use crate::error::Kind;
use crate::spawn_sites::{Calls, Makers};
use crate::tree::TypeId;
use crate::{Error, Image};
pub(crate) use entry::Entry;
pub(crate) use lines::Line;
use outline::{Outline, Scope};
use unit::{Sections, Unit};

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
                |at: &usize| units[*at].of_crate() == wanted && units[*at].crate_root().is_some();
            (0..units.len()).filter(of).map(UnitNo).collect()
        };
        let named = those(Some(of_crate));
        let builds: BTreeSet<_> = named.iter().filter_map(|at| units[at.0].build()).collect();
        if builds.len() > 1 {
            // Which of them is meant, nothing says.
            return Ok(Vec::new());
        }
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
