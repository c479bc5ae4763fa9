//! The places that spawn futures of a type, found in the program's code.
//!
//! Every task is made by tokio's `new_task<F, S>`. From its copies, calls are followed upwards while
//! the caller is tokio's or another library's that spawns what it is given: the first function of
//! somebody else is the place.
//!
//! # Invariants
//!
//! 1. Never a wrong place. A call counts only if it is an instruction of a function that the debug
//!    info knows; and where any way up cannot be followed to its end, through a pointer for instance,
//!    the places that were found may be the wrong ones, so none is told.
//! 2. Each function is visited once, and only so many functions and calls are.

mod calls;
mod makers;
mod pointers;
mod x86;

use std::collections::BTreeSet;

use crate::frames::{Level, function_name, levels, named};
use crate::index::Index;
use crate::{Error, SpawnSite, TypeId};
pub(crate) use calls::Calls;
pub(crate) use makers::Makers;

/// Crates whose functions spawn what they are given. Their own lines say nothing.
const LIBRARIES: [&str; 13] = [
    "tokio",
    "tokio_util",
    "tokio_stream",
    "futures",
    "futures_core",
    "futures_util",
    "futures_executor",
    "futures_channel",
    "std",
    "core",
    "alloc",
    "tracing",
    "tracing_futures",
];

/// How many functions may lie between tokio's innermost and all that spawn.
const FUNCTIONS: usize = 512;

/// How many calls may be looked at. What so many call is not about one future.
const CALLS: usize = 2048;

/// How many functions deep one way up may be.
const DEEPEST: usize = 32;

/// The places that spawn futures of this type: one is exact, several are candidates. None where not
/// all ways to spawn one can be followed.
///
/// # Errors
///
/// Where the image cannot be read, or the type is none of its types.
pub(crate) fn spawn_sites(index: &Index, future: TypeId) -> Result<Vec<SpawnSite>, Error> {
    let mut search = Search {
        index,
        seen: BTreeSet::new(),
        next: Vec::new(),
        sites: Vec::new(),
        calls_left: CALLS,
    };
    let calls = index.calls()?;
    let all = makers::of(index, future)?.into_iter().all(|at| search.visit(at));
    if !all {
        return Ok(Vec::new());
    }
    for _ in 0..DEEPEST {
        for function in std::mem::take(&mut search.next) {
            if !search.visit_callers(calls, function) {
                return Ok(Vec::new());
            }
        }
        if search.next.is_empty() {
            return Ok(search.told());
        }
    }
    Ok(Vec::new())
}

struct Search<'i> {
    index: &'i Index,
    /// Entries of library functions.
    seen: BTreeSet<u64>,
    /// Those whose callers are still to be visited.
    next: Vec<u64>,
    sites: Vec<SpawnSite>,
    calls_left: usize,
}

impl Search<'_> {
    /// Visits the callers of the function whose entry this is. Returns whether all is known.
    fn visit_callers(&mut self, calls: &Calls, entry: u64) -> bool {
        let Some(uses) = calls.to(entry) else {
            return false;
        };
        let mut any = false;
        for at in uses {
            let Some(left) = self.calls_left.checked_sub(1) else {
                return false;
            };
            self.calls_left = left;
            let function = self.index.function_around(at).ok().flatten();
            let real = match function {
                Some(function) => match calls.call(&self.index.image, function, at) {
                    Some(Some(call)) => self.visit(call).then_some(true),
                    Some(None) => Some(false),
                    None => None,
                },
                // Code that the debug info does not know may still call: a shim behind a pointer.
                None => None,
            };
            let Some(real) = real else {
                return false;
            };
            any |= real;
        }
        // What nobody calls directly is called through a pointer: linkers drop the rest.
        any
    }

    /// Notes the place that this code of a library belongs to, or the function whose callers tell.
    /// Returns whether one of both is known.
    fn visit(&mut self, address: u64) -> bool {
        let Ok(Some((function, levels))) = levels(self.index, address) else {
            return false;
        };
        for level in levels {
            match self.is_library(level) {
                Some(true) => {}
                Some(false) => return self.note(level),
                None => return false,
            }
        }
        if self.seen.insert(function.low) {
            self.next.push(function.low);
        }
        self.seen.len() <= FUNCTIONS
    }

    fn is_library(&self, level: Level) -> Option<bool> {
        let name = named(self.index, level.function).ok()?;
        let path = self.index.path(name).ok()?;
        Some(LIBRARIES.contains(path.first()?))
    }

    fn note(&mut self, level: Level) -> bool {
        let Some(at) = level.source(self.index) else {
            return false;
        };
        let site = SpawnSite { at, function: function_name(self.index, level.function) };
        if !self.sites.contains(&site) {
            self.sites.push(site);
        }
        true
    }

    fn told(self) -> Vec<SpawnSite> {
        let mut sites = self.sites;
        sites.sort_by(|one, other| {
            (&one.at.file, one.at.line).cmp(&(&other.at.file, other.at.line))
        });
        sites
    }
}
