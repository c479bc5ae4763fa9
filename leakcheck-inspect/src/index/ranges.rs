//! Which unit an address belongs to: functions, and the vtables among the data.

use gimli::{DebugAranges, LittleEndian};

use super::UnitNo;
use super::unit::Unit;

#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// Start, end and unit, by start.
    ranges: Vec<(u64, u64, UnitNo)>,
}

/// An image with fewer than this per hundred units in its table has none worth the name.
const MOST: usize = 50;

impl Ranges {
    pub(super) fn of(section: &[u8], units: &[Unit]) -> Self {
        let mut ranges = Vec::new();
        let mut told = 0;
        let section = DebugAranges::new(section, LittleEndian);
        let mut headers = section.headers();
        while let Ok(Some(header)) = headers.next() {
            let start = header.debug_info_offset().0 as u64;
            let Ok(unit) = units.binary_search_by_key(&start, |unit| unit.start) else {
                continue;
            };
            told += 1;
            let mut entries = header.entries();
            while let Ok(Some(entry)) = entries.next() {
                let range = entry.range();
                // What the linker dropped is at 0. The rest is mostly in order: quickly sorted.
                if range.begin != 0 {
                    ranges.push((range.begin, range.end, UnitNo(unit)));
                }
            }
        }
        if told * 100 < units.len() * MOST {
            return Self::default();
        }
        ranges.sort_unstable();
        Self { ranges }
    }

    pub(super) fn unit_at(&self, address: u64) -> Option<UnitNo> {
        let after = self.ranges.partition_point(|(start, ..)| *start <= address);
        let (_, end, unit) = self.ranges.get(after.checked_sub(1)?)?;
        (address < *end).then_some(*unit)
    }

    /// Whether what is not found here is nowhere.
    pub(super) fn are_complete(&self) -> bool {
        !self.ranges.is_empty()
    }
}
