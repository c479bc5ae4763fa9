//! The files that a unit's entries name by number.

use std::sync::Arc;

use gimli::{AttributeValue, DebugLine, DebugLineOffset, EndianSlice, LittleEndian};

use super::cursor::Text;
use super::unit::{Sections, Unit};

type Bytes<'i> = EndianSlice<'i, LittleEndian>;

/// More than any unit has.
const FILES: u64 = 1 << 16;

pub(super) fn files(unit: &Unit, sections: &Sections<'_>, lines: &[u8]) -> Vec<Option<Arc<str>>> {
    let program = unit.root.lines.and_then(|at| {
        let offset = DebugLineOffset(usize::try_from(at).ok()?);
        let lines = DebugLine::new(lines, LittleEndian);
        lines.program(offset, unit.encoding.address_size, None, None).ok()
    });
    let Some(program) = program else {
        return Vec::new();
    };
    let header = program.header();
    let text = |value| text(unit, sections, value);
    let path = |number| {
        let file = header.file(number)?;
        let folder = match file.directory_index() {
            // The first folder of version 5 is the unit's own, which version 4 leaves out.
            0 => None,
            number => header.directory(number).and_then(text),
        };
        let parts = [unit.root.folder.as_deref(), folder, text(file.path_name())];
        Some(join(parts.into_iter().flatten()).into())
    };
    let count = (header.file_names().len() as u64).saturating_add(1).min(FILES);
    (0..count).map(path).collect()
}

fn text<'i>(
    unit: &Unit,
    sections: &Sections<'i>,
    value: AttributeValue<Bytes<'i>>,
) -> Option<&'i str> {
    let text = match value {
        AttributeValue::String(bytes) => Text::Here(bytes.slice()),
        AttributeValue::DebugStrRef(at) => Text::Strings(at.0 as u64),
        AttributeValue::DebugLineStrRef(at) => Text::LineStrings(at.0 as u64),
        AttributeValue::DebugStrOffsetsIndex(index) => Text::Index(index.0 as u64),
        _ => return None,
    };
    unit.text(sections, text)
}

/// Later parts are inside earlier ones, unless they start anew.
fn join<'p>(parts: impl Iterator<Item = &'p str>) -> String {
    parts.fold(String::new(), |path, part| {
        if path.is_empty() || part.starts_with('/') {
            part.to_owned()
        } else {
            format!("{}/{part}", path.trim_end_matches('/'))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_part_starts_a_path_anew() {
        assert_eq!(join(["/w", "src", "main.rs"].into_iter()), "/w/src/main.rs");
        assert_eq!(join(["/w", "/c/lib", "lib.rs"].into_iter()), "/c/lib/lib.rs");
        assert_eq!(join(["main.rs"].into_iter()), "main.rs");
    }
}
