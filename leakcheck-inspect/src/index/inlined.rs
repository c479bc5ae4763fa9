//! Inlined copies of functions, and which of them an address lies in.

use std::collections::BTreeSet;

use gimli::constants as dw;
use gimli::{
    DebugAddr, DebugAddrBase, DebugRanges, DebugRngLists, DebugRngListsBase, DebugRngListsIndex,
    LittleEndian, RangeLists, RangeListsOffset, SectionId,
};

use super::cursor::{Cursor, Entry, Value};
use super::unit::{Sections, Unit};
use super::{Function, Index, UnitNo, text_of};
use crate::Error;
use crate::tree::TypeId;

/// How many pieces an inlined copy may lie in.
const PIECES: usize = 1 << 10;

/// A function's copy inside another function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inlined {
    /// The function that it is a copy of.
    pub(crate) origin: TypeId,
    /// The place that calls it.
    pub(crate) call_file: Option<u64>,
    pub(crate) call_line: Option<u32>,
}

/// What an entry says about where its code lies.
#[derive(Default)]
struct Code<'i> {
    low: Option<Value<'i>>,
    high: Option<Value<'i>>,
    ranges: Option<Value<'i>>,
}

impl Index {
    /// The inlined copies around an address of this function, the outermost first.
    pub(crate) fn inlined_around(
        &self,
        function: Function,
        address: u64,
    ) -> Result<Vec<Inlined>, Error> {
        let (unit, sections) = (self.unit(function.unit)?, self.sections()?);
        let at = function.id.0;
        let mut cursor = Cursor::new(unit, unit.table(&sections)?, sections.info, at)?;
        let mut around = Vec::new();
        // Entries below this depth are inside what the address lies in.
        let mut inside = 0;
        // Entries below this depth are inside a copy that the address does not lie in.
        let mut outside = isize::MAX;
        cursor.next()?;
        while let Some(entry) = cursor.next()? {
            if entry.depth <= inside {
                break;
            }
            if entry.depth > outside {
                continue;
            }
            outside = isize::MAX;
            if entry.tag != dw::DW_TAG_inlined_subroutine {
                continue;
            }
            let (copy, code) = decode(&entry)?;
            let Some(copy) = copy.filter(|_| self.holds(unit, &sections, &code, address)) else {
                outside = entry.depth;
                continue;
            };
            around.push(copy);
            inside = entry.depth;
            if !entry.has_children {
                break;
            }
        }
        Ok(around)
    }

    /// Functions of the unit whose names start like this, with code of their own or not.
    pub(crate) fn functions_named(&self, unit: UnitNo, start: &str) -> Result<Vec<TypeId>, Error> {
        let (sections, outline) = (self.sections()?, self.outline(unit)?);
        let unit = self.unit(unit)?;
        let functions = outline.scopes.iter().filter(|scope| scope.tag == dw::DW_TAG_subprogram);
        let named = functions.filter(|scope| {
            text_of(unit, &sections, scope.name).is_some_and(|name| name.starts_with(start))
        });
        Ok(named.map(|scope| TypeId(scope.offset)).collect())
    }

    /// The unit's code that is one of these functions, inlined or by itself: which one, and the address
    /// of its first instruction.
    pub(crate) fn copies(
        &self,
        number: UnitNo,
        of: &BTreeSet<TypeId>,
    ) -> Result<Vec<(TypeId, u64)>, Error> {
        let (unit, sections) = (self.unit(number)?, self.sections()?);
        let mut cursor = Cursor::new(unit, unit.table(&sections)?, sections.info, unit.first)?;
        let mut copies = Vec::new();
        while let Some(entry) = cursor.next()? {
            if !matches!(entry.tag, dw::DW_TAG_inlined_subroutine | dw::DW_TAG_subprogram) {
                continue;
            }
            let (copy, code) = decode(&entry)?;
            let function = copy.map_or(TypeId(entry.offset), |copy| copy.origin);
            if of.contains(&function) {
                let pieces = self.pieces(unit, &sections, &code);
                copies.extend(pieces.first().map(|(low, _)| (function, *low)));
            }
        }
        Ok(copies)
    }

    fn holds(&self, unit: &Unit, sections: &Sections<'_>, code: &Code<'_>, address: u64) -> bool {
        let pieces = self.pieces(unit, sections, code);
        pieces.iter().any(|(low, high)| (*low..*high).contains(&address))
    }

    fn pieces(&self, unit: &Unit, sections: &Sections<'_>, code: &Code<'_>) -> Vec<(u64, u64)> {
        if let Some(ranges) = code.ranges {
            return self.listed(unit, sections, ranges).unwrap_or_default();
        }
        let low = code.low.and_then(|low| unit.address(sections, low));
        let high = match (low, code.high) {
            (Some(low), Some(Value::Uint(len))) => low.checked_add(len),
            (_, high) => high.and_then(|high| unit.address(sections, high)),
        };
        low.zip(high).into_iter().collect()
    }

    fn listed(
        &self,
        unit: &Unit,
        sections: &Sections<'_>,
        ranges: Value<'_>,
    ) -> Option<Vec<(u64, u64)>> {
        let section = |id| self.image.section(id).ok();
        let lists = RangeLists::new(
            DebugRanges::new(section(SectionId::DebugRanges)?, LittleEndian),
            DebugRngLists::new(section(SectionId::DebugRngLists)?, LittleEndian),
        );
        let offset = match ranges {
            Value::Offset(at) => RangeListsOffset(usize::try_from(at).ok()?),
            // Such an index cannot overflow in gimli.
            Value::ListIndex(index) if index < 1 << 32 => {
                let base = DebugRngListsBase(usize::try_from(unit.root.lists_base?).ok()?);
                let index = DebugRngListsIndex(usize::try_from(index).ok()?);
                lists.get_offset(unit.encoding, base, index).ok()?
            }
            _ => return None,
        };
        let base = unit.base(sections).unwrap_or(0);
        let addresses = DebugAddr::from(gimli::EndianSlice::new(sections.addresses, LittleEndian));
        let addresses_base = unit.root.addresses_base.unwrap_or(8);
        let addresses_base = DebugAddrBase(usize::try_from(addresses_base).ok()?);
        let mut list =
            lists.ranges(offset, unit.encoding, base, &addresses, addresses_base).ok()?;
        let mut pieces = Vec::new();
        while let Ok(Some(range)) = list.next() {
            if pieces.len() == PIECES {
                break;
            }
            pieces.push((range.begin, range.end));
        }
        Some(pieces)
    }
}

fn decode<'i>(entry: &Entry<'i>) -> Result<(Option<Inlined>, Code<'i>), Error> {
    let (mut origin, mut call_file, mut call_line) = (None, None, None);
    let mut code = Code::default();
    entry.attributes(|attribute, value| match (attribute, value) {
        (dw::DW_AT_abstract_origin, Value::Entry(at)) => origin = Some(TypeId(at)),
        (dw::DW_AT_call_file, Value::Uint(file)) => call_file = Some(file),
        (dw::DW_AT_call_line, Value::Uint(line)) => call_line = u32::try_from(line).ok(),
        (dw::DW_AT_low_pc, value) => code.low = Some(value),
        (dw::DW_AT_high_pc, value) => code.high = Some(value),
        (dw::DW_AT_ranges, value) => code.ranges = Some(value),
        _ => {}
    })?;
    Ok((origin.map(|origin| Inlined { origin, call_file, call_line }), code))
}
