//! The code that makes tasks: tokio's `new_task<F, S>`, for every future that a crate spawns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::index::{Index, UnitNo};
use crate::{Error, TypeId};

/// The namespaces around the function that makes every task, and how its name starts.
const AROUND: [&str; 3] = ["tokio", "runtime", "task"];
const NAME: &str = "new_task<";

/// What is known of each crate, by its first unit.
#[derive(Default)]
pub(crate) struct Makers(Mutex<BTreeMap<UnitNo, Arc<OfCrate>>>);

/// The name of each of the functions, and the addresses of its copies, inlined or not.
type OfCrate = Vec<(String, Vec<u64>)>;

/// Addresses in the code that makes tasks of this future.
///
/// A generic function's code is in the crate that uses it. So first the crate is asked that the
/// future's type was found in, which mostly spares to read the others.
pub(super) fn of(index: &Index, future: TypeId) -> Result<Vec<u64>, Error> {
    let start = format!("{NAME}{}, ", index.path(future)?.join("::"));
    let unit = index.unit_of(future)?;
    let (own, others): (Vec<_>, Vec<_>) =
        index.unit_numbers()?.partition(|other| index.are_of_one_crate(unit, *other));
    for units in [own, others] {
        let known = known(index, &units)?;
        let makers = known.iter().filter(|(name, _)| name.starts_with(&start));
        let addresses: Vec<u64> = makers.flat_map(|(_, addresses)| addresses).copied().collect();
        if !addresses.is_empty() {
            return Ok(addresses);
        }
    }
    Ok(Vec::new())
}

fn known(index: &Index, units: &[UnitNo]) -> Result<Arc<OfCrate>, Error> {
    let Some(first) = units.first() else {
        return Ok(Arc::default());
    };
    let kept = || index.makers.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept().get(first) {
        return Ok(known.clone());
    }
    let found = Arc::new(find(index, units)?);
    kept().insert(*first, found.clone());
    Ok(found)
}

fn find(index: &Index, units: &[UnitNo]) -> Result<OfCrate, Error> {
    let mut makers = BTreeMap::new();
    for unit in units {
        for function in index.functions_named(*unit, NAME)? {
            let path = index.path(function)?;
            if let Some((name, _)) = path.split_last().filter(|(_, around)| **around == AROUND) {
                makers.insert(function, ((*name).to_owned(), Vec::new()));
            }
        }
    }
    if makers.is_empty() {
        return Ok(OfCrate::new());
    }
    let (start, code) = index.image.text()?;
    // The linker drops functions, but not what the debug info says about them.
    let linked = |at: u64| at.checked_sub(start).is_some_and(|at| at < code.len() as u64);
    let functions: BTreeSet<TypeId> = makers.keys().copied().collect();
    for unit in units {
        for (function, address) in index.copies(*unit, &functions)? {
            if let Some((_, addresses)) = makers.get_mut(&function).filter(|_| linked(address)) {
                addresses.push(address);
            }
        }
    }
    Ok(makers.into_values().collect())
}
