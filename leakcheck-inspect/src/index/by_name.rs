//! Finding types and `impl` blocks by their names.

use std::collections::BTreeSet;

use gimli::constants as dw;

use super::unit::Unit;
use super::{Index, UnitNo, text_of};
use crate::Error;
use crate::error::Kind;
use crate::tree::TypeId;

impl Index {
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

    /// The structs of this name in these scopes that the unit describes in full.
    pub(crate) fn structs_in(
        &self,
        number: UnitNo,
        around: &str,
        name: &str,
    ) -> Result<Vec<TypeId>, Error> {
        let (unit, sections, outline) =
            (self.unit(number)?, self.sections()?, self.outline(number)?);
        let mut found = Vec::new();
        for scope in &outline.scopes {
            if scope.tag == dw::DW_TAG_structure_type
                && scope.has_size
                && text_of(unit, &sections, scope.name) == Some(name)
            {
                let path = self.path_in(number, scope)?;
                if path.split_last().is_some_and(|(_, path)| path.join("::") == around) {
                    found.push(TypeId(scope.offset));
                }
            }
        }
        Ok(found)
    }
}
