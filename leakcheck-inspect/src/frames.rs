//! The functions around an address of the code, inlined ones included, and their lines.

use std::fmt::Write as _;

use crate::index::{Function, Index, Line, UnitNo};
use crate::tree::TypeId;
use crate::{Error, Frame, Source};

/// How often an entry may say that another one completes it.
const ORIGINS: usize = 8;

/// A function around an address, as the debug info refers to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) function: TypeId,
    unit: UnitNo,
    line: Option<Line>,
}

/// The functions at an address of the executable file, innermost first, inlined ones included; empty
/// where the debug info does not tell.
///
/// For a return address, which may belong to the next line or even to the next function, ask for the
/// address before it.
pub(crate) fn frames(index: &Index, address: u64) -> Vec<Frame> {
    let Ok(Some((_, levels))) = levels(index, address) else {
        return Vec::new();
    };
    levels.iter().filter_map(|level| frame(index, *level)).collect()
}

fn frame(index: &Index, level: Level) -> Option<Frame> {
    Some(Frame { function: function_name(index, level.function)?, at: level.source(index) })
}

/// The function whose code this is, and all those around the address, innermost first.
pub(crate) fn levels(index: &Index, address: u64) -> Result<Option<(Function, Vec<Level>)>, Error> {
    let Some(around) = index.function_around(address)? else {
        return Ok(None);
    };
    let unit = around.unit;
    let mut line = index.line(around, address);
    let mut levels = Vec::new();
    // A damaged list of inlined copies still leaves the function itself.
    let inlined = index.inlined_around(around, address).unwrap_or_default();
    for copy in inlined.iter().rev() {
        levels.push(Level { function: copy.origin, unit, line });
        line = match (copy.call_file, copy.call_line) {
            (Some(file), Some(line)) if line != 0 => Some(Line { file, line }),
            _ => None,
        };
    }
    levels.push(Level { function: around.id, unit, line });
    Ok(Some((around, levels)))
}

impl Level {
    pub(crate) fn source(&self, index: &Index) -> Option<Source> {
        let line = self.line?;
        Some(Source { file: index.file(self.unit, line.file)?, line: line.line })
    }
}

/// The entry that names a function: its definition may refer to a declaration, and that to another.
pub(crate) fn named(index: &Index, function: TypeId) -> Result<TypeId, Error> {
    let mut id = function;
    for _ in 0..ORIGINS {
        match index.entry(id)?.origin {
            Some(origin) => id = origin,
            None => break,
        }
    }
    Ok(id)
}

/// The readable path of a function.
pub(crate) fn function_name(index: &Index, function: TypeId) -> Option<String> {
    let mut entry = index.entry(function).ok()?;
    for _ in 0..ORIGINS {
        if let Some(name) = entry.linkage_name {
            return Some(readable(name));
        }
        match entry.origin {
            Some(origin) => entry = index.entry(origin).ok()?,
            None => break,
        }
    }
    // What is not Rust is not mangled.
    entry.name.map(ToOwned::to_owned)
}

/// What a mangled name stands for, without its hash and without the closures that an async body
/// compiles to: the frame of `app::serve::{{closure}}::h0123456789abcdef` reads as `app::serve`.
fn readable(mangled: &str) -> String {
    let mut name = String::new();
    // The alternate form leaves hashes out. Writing to a string does not fail.
    let _ = write!(name, "{:#}", rustc_demangle::demangle(mangled));
    let mut path = name.as_str();
    while let Some(outer) = path.strip_suffix("::{{closure}}").or_else(|| strip_closure(path)) {
        path = outer;
    }
    path.to_owned()
}

/// Strips one `::{closure#N}` as the v0 mangling has it.
fn strip_closure(path: &str) -> Option<&str> {
    let (outer, closure) = path.rsplit_once("::{")?;
    closure.starts_with("closure").then_some(outer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_hashes_and_closures() {
        let legacy = "_ZN3app5serve28_$u7b$$u7b$closure$u7d$$u7d$28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE";
        assert_eq!(readable(legacy), "app::serve");
        assert_eq!(readable("_RNCNvCs1234_3app5serve0"), "app::serve");
        let method = "_ZN41_$LT$app..Pool$u20$as$u20$app..Pooled$GT$3get17h0123456789abcdefE";
        assert_eq!(readable(method), "<app::Pool as app::Pooled>::get");
    }

    #[test]
    fn what_is_not_mangled_is_its_own_name() {
        assert_eq!(readable("main"), "main");
    }
}
