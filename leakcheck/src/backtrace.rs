//! Raw backtraces: addresses when a task is spawned, names only if it survives.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The return addresses of a spawn, not yet looked up.
#[derive(Clone, Debug)]
pub(crate) struct RawBacktrace {
    addresses: Vec<usize>,
}

/// One function of a resolved backtrace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) function: String,
    pub(crate) file: Option<PathBuf>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
}

impl RawBacktrace {
    /// Deeper frames are the test harness and the runtime itself, even under tower's stacks.
    const DEEPEST: usize = 192;

    pub(crate) fn capture() -> Self {
        let mut addresses = Vec::with_capacity(64);
        ::backtrace::trace(|frame| {
            addresses.push(frame.ip() as usize);
            addresses.len() < Self::DEEPEST
        });
        Self { addresses }
    }

    /// Looks the functions up, innermost first, inlined ones included. Slow the first time in a
    /// process: the executable's line tables are read.
    pub(crate) fn resolve(&self) -> Vec<Frame> {
        self.addresses.iter().flat_map(|address| frames_at(*address)).collect()
    }
}

/// The functions at an address. Facts about the executable, so they are kept: alike survivors share
/// most of their stacks.
fn frames_at(address: usize) -> Vec<Frame> {
    static KNOWN: Mutex<BTreeMap<usize, Vec<Frame>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(address).or_insert_with(|| look_up(address)).clone()
}

fn look_up(address: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    ::backtrace::resolve(address as *mut std::ffi::c_void, |symbol| {
        let Some(name) = symbol.name() else { return };
        frames.push(Frame {
            function: readable(&name.to_string()),
            file: symbol.filename().map(ToOwned::to_owned),
            line: symbol.lineno(),
            column: symbol.colno(),
        });
    });
    frames
}

/// Without the hash of legacy mangling and without the closures that an async body compiles to:
/// `app::serve::{{closure}}::h0123456789abcdef` is `app::serve`.
fn readable(name: &str) -> String {
    let unhashed = match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path
        }
        _ => name,
    };
    let mut path = unhashed;
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
        assert_eq!(
            readable("app::serve::{{closure}}::{{closure}}::h0123456789abcdef"),
            "app::serve"
        );
        assert_eq!(readable("app::serve::{closure#0}"), "app::serve");
        assert_eq!(readable("<app::Pool as app::Pooled>::get"), "<app::Pool as app::Pooled>::get");
        assert_eq!(readable("app::hash::hasher"), "app::hash::hasher");
    }

    #[test]
    fn a_backtrace_names_the_function_that_captured_it() {
        let frames = RawBacktrace::capture().resolve();
        let own = frames
            .iter()
            .find(|frame| frame.function.ends_with("names_the_function_that_captured_it"));
        let file = own.and_then(|frame| frame.file.as_ref()).expect("the frame has its file");
        assert!(file.ends_with("leakcheck/src/backtrace.rs"), "{file:?}");
    }
}
