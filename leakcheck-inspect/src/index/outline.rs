//! The outline of a unit: its named scopes, and what lies at which address.
//!
//! # Invariants
//!
//! 1. One pass over the unit, each entry stepped over or decoded once.
//! 2. Names stay where they are: most are never asked for.

use gimli::DwTag;
use gimli::constants as dw;

use super::cursor::{Cursor, Entry, Text, Value};
use super::unit::{Sections, Unit};
use crate::Error;

/// The entries that an outline looks at: those that are scopes, and variables, for vtables.
pub(super) const OUTLINED: [DwTag; 6] = [
    dw::DW_TAG_namespace,
    dw::DW_TAG_structure_type,
    dw::DW_TAG_union_type,
    dw::DW_TAG_enumeration_type,
    dw::DW_TAG_subprogram,
    dw::DW_TAG_variable,
];

/// The attributes that it decodes.
pub(super) const WANTED: [gimli::DwAt; 6] = [
    dw::DW_AT_name,
    dw::DW_AT_linkage_name,
    dw::DW_AT_byte_size,
    dw::DW_AT_low_pc,
    dw::DW_AT_high_pc,
    dw::DW_AT_location,
];

/// What a unit's entries are about, without their details.
#[derive(Default)]
pub(crate) struct Outline {
    /// In the order of the section, so by offset.
    pub(super) scopes: Vec<Scope>,
    /// Functions with code of their own, by address.
    pub(super) functions: Vec<Function>,
    /// Addresses of `dyn` vtables, and the entries that describe them.
    pub(super) vtables: Vec<(u64, u64)>,
    /// Functions in `impl` blocks, for the blocks' readable names.
    pub(super) impls: Vec<InImpl>,
}

/// A namespace, a type or a function.
pub(super) struct Scope {
    pub(super) offset: u64,
    /// The scope around it, if it is not the unit.
    pub(super) parent: Option<usize>,
    pub(super) tag: DwTag,
    pub(super) name: Option<Where>,
    /// The mangled name of a function.
    pub(super) linkage_name: Option<Where>,
    /// A mere declaration has none.
    pub(super) has_size: bool,
}

/// A function in an `impl` block: both as indices of scopes.
#[derive(Clone, Copy)]
pub(super) struct InImpl {
    pub(super) block: usize,
    pub(super) function: usize,
    /// How deep below the block: 1 for a method, 2 for the body of an async one.
    pub(super) levels: usize,
}

#[derive(Clone, Copy)]
pub(super) struct Function {
    pub(super) low: u64,
    pub(super) high: u64,
    pub(super) offset: u64,
}

/// A string's place, without the unit's lifetime: those inside an entry are found again.
#[derive(Clone, Copy)]
pub(super) enum Where {
    Strings(u64),
    LineStrings(u64),
    Index(u64),
    /// In the entry itself, at this offset of the section.
    Info(u64),
}

/// How deep below its `impl` block a function is looked at.
const IMPL_LEVELS: usize = 4;

impl Where {
    pub(super) fn of(text: Text<'_>, info: &[u8]) -> Self {
        match text {
            Text::Strings(at) => Self::Strings(at),
            Text::LineStrings(at) => Self::LineStrings(at),
            Text::Index(index) => Self::Index(index),
            Text::Here(bytes) => {
                Self::Info((bytes.as_ptr().addr()).wrapping_sub(info.as_ptr().addr()) as u64)
            }
        }
    }

    pub(super) fn text(self, info: &[u8]) -> Option<Text<'_>> {
        Some(match self {
            Self::Strings(at) => Text::Strings(at),
            Self::LineStrings(at) => Text::LineStrings(at),
            Self::Index(index) => Text::Index(index),
            Self::Info(at) => {
                let bytes = info.get(usize::try_from(at).ok()?..)?;
                Text::Here(std::ffi::CStr::from_bytes_until_nul(bytes).ok()?.to_bytes())
            }
        })
    }
}

impl Outline {
    /// What the unit says before its damage, if it is damaged.
    pub(super) fn of(unit: &Unit, sections: &Sections<'_>) -> Self {
        let mut outline = Self::default();
        // A damaged unit still says what it said before its damage.
        let _ = outline.fill(unit, sections);
        outline.functions.sort_unstable_by_key(|function| function.low);
        outline.vtables.sort_unstable();
        outline
    }

    fn fill(&mut self, unit: &Unit, sections: &Sections<'_>) -> Result<(), Error> {
        let mut cursor = Cursor::new(unit, unit.table(sections)?, sections.info, unit.first)?;
        // The scopes around the entry, with their depths.
        let mut around: Vec<(isize, usize)> = Vec::new();
        while let Some(entry) = cursor.next_outlined()? {
            let scope = entry.tag != dw::DW_TAG_variable;
            while around.last().is_some_and(|(depth, _)| *depth >= entry.depth) {
                around.pop();
            }
            let parent = around.last().map(|(_, scope)| *scope);
            if scope {
                let place = self.scopes.len();
                self.add(unit, sections, &entry, parent)?;
                if entry.has_children {
                    around.push((entry.depth, place));
                }
            } else if parent.is_none_or(|at| self.is_namespace(at)) {
                self.add_vtable(unit, sections, &entry)?;
            }
        }
        Ok(())
    }

    fn is_namespace(&self, at: usize) -> bool {
        self.scopes.get(at).is_some_and(|scope| scope.tag == dw::DW_TAG_namespace)
    }

    fn add(
        &mut self,
        unit: &Unit,
        sections: &Sections<'_>,
        entry: &Entry<'_>,
        parent: Option<usize>,
    ) -> Result<(), Error> {
        let (offset, tag) = (entry.offset, entry.tag);
        let mut scope =
            Scope { offset, parent, tag, name: None, linkage_name: None, has_size: false };
        let (mut low, mut high) = (None, None);
        entry.wanted_attributes(|attribute, value| match (attribute, value) {
            (dw::DW_AT_name, Value::Text(text)) => {
                scope.name = Some(Where::of(text, sections.info));
            }
            (dw::DW_AT_linkage_name, Value::Text(text)) => {
                scope.linkage_name = Some(Where::of(text, sections.info));
            }
            (dw::DW_AT_byte_size, _) => scope.has_size = true,
            (dw::DW_AT_low_pc, value) => low = unit.address(sections, value),
            (dw::DW_AT_high_pc, value) => high = Some(value),
            _ => {}
        })?;
        if let (Some(low), Some(high)) = (low, high) {
            let high = match high {
                Value::Uint(len) => low.saturating_add(len),
                high => unit.address(sections, high).unwrap_or(low),
            };
            if low != 0 {
                self.functions.push(Function { low, high, offset });
            }
        }
        if scope.linkage_name.is_some() {
            self.note_impl(parent, unit, sections);
        }
        self.scopes.push(scope);
        Ok(())
    }

    /// Remembers the function that is about to be added, if an `impl` block is around it that has none yet.
    fn note_impl(&mut self, parent: Option<usize>, unit: &Unit, sections: &Sections<'_>) {
        let function = self.scopes.len();
        let mut around = parent;
        for levels in 1..=IMPL_LEVELS {
            let Some(block) = around else { return };
            let Some(scope) = self.scopes.get(block) else { return };
            let name = scope.name.and_then(|name| name.text(sections.info));
            let name = name.and_then(|name| unit.text(sections, name)).unwrap_or_default();
            if name.starts_with("{impl#") {
                if self.impls.last().is_none_or(|last| last.block != block) {
                    self.impls.push(InImpl { block, function, levels });
                }
                return;
            }
            around = scope.parent;
        }
    }

    fn add_vtable(
        &mut self,
        unit: &Unit,
        sections: &Sections<'_>,
        entry: &Entry<'_>,
    ) -> Result<(), Error> {
        let (mut name, mut location) = (None, None);
        entry.wanted_attributes(|attribute, value| match (attribute, value) {
            (dw::DW_AT_name, Value::Text(text)) => name = Some(text),
            (dw::DW_AT_location, Value::Block(block)) => location = Some(block),
            _ => {}
        })?;
        let address = location.and_then(|block| address_in(unit, sections, block));
        let Some(address) = address else {
            return Ok(());
        };
        let name = name.and_then(|name| unit.text(sections, name));
        if name.is_some_and(|name| name.ends_with("::{vtable}")) {
            self.vtables.push((address, entry.offset));
        }
        Ok(())
    }
}

/// The address that an expression consists of, if it is nothing else.
fn address_in(unit: &Unit, sections: &Sections<'_>, expression: &[u8]) -> Option<u64> {
    let (operation, rest) = expression.split_first()?;
    match gimli::DwOp(*operation) {
        dw::DW_OP_addr => super::cursor::fixed(rest, &mut 0, 8).ok(),
        dw::DW_OP_addrx | dw::DW_OP_GNU_addr_index => {
            let index = super::cursor::uleb(rest, &mut 0).ok()?;
            unit.address(sections, Value::AddressIndex(index))
        }
        _ => None,
    }
}
