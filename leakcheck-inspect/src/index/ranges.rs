//! Which unit an address belongs to: functions, and the vtables among the data.

use super::UnitNo;
use super::cursor::fixed;
use super::unit::Unit;
use crate::Error;

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
        let (mut told, mut at) = (0, 0);
        // What a damaged table said before its damage counts only if it was about most units.
        while let Ok(true) = set(section, &mut at, units, &mut ranges) {
            told += 1;
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

/// Reads the ranges of one unit, and tells whether there was one to read. The loop is written for
/// programs that are not optimised: a table has some ten thousand entries.
fn set(
    section: &[u8],
    at: &mut usize,
    units: &[Unit],
    ranges: &mut Vec<(u64, u64, UnitNo)>,
) -> Result<bool, Error> {
    let first = *at;
    if first >= section.len() {
        return Ok(false);
    }
    let mut length = fixed(section, at, 4)?;
    let wide = length == 0xffff_ffff;
    if wide {
        length = fixed(section, at, 8)?;
    }
    let end = usize::try_from(length).ok().and_then(|length| at.checked_add(length));
    let end = end.unwrap_or(usize::MAX).min(section.len());
    let _version = fixed(section, at, 2)?;
    let start = fixed(section, at, if wide { 8 } else { 4 })?;
    let (address_size, _segment_size) = (fixed(section, at, 1)?, fixed(section, at, 1)?);
    let unit = units.binary_search_by_key(&start, |unit| unit.start);
    if let (Ok(unit), 8) = (unit, address_size) {
        // Pairs are aligned to their size, counted from the set's start.
        *at = first + (*at - first).next_multiple_of(16);
        while *at + 16 <= end {
            let (begin, len) = (fixed(section, at, 8)?, fixed(section, at, 8)?);
            if begin != 0 {
                ranges.push((begin, begin.saturating_add(len), UnitNo(unit)));
            }
        }
    }
    *at = end.max(*at);
    Ok(true)
}
