//! Raw backtraces: addresses when a task is spawned, names only if it survives.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::inspect::Look;

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

    /// The functions, innermost first, inlined ones included. Each address is looked up when the
    /// iterator comes to it: whoever knows enough stops.
    pub(crate) fn frames(&self) -> impl Iterator<Item = Frame> + '_ {
        self.addresses.iter().flat_map(|address| frames_at(*address))
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
    let inspected = Look::new().map(|look| look.frames(address)).unwrap_or_default();
    if inspected.is_empty() {
        // An executable that cannot be inspected, or another library's code.
        return look_up_slowly(address);
    }
    let frames = inspected.into_iter().map(|frame| Frame {
        function: readable(&frame.function),
        file: frame.at.as_ref().map(|at| PathBuf::from(&*at.file)),
        line: frame.at.as_ref().map(|at| at.line),
        column: None,
    });
    frames.collect()
}

/// The first time in a process all line tables are read: half a second, and more.
fn look_up_slowly(address: usize) -> Vec<Frame> {
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
pub(crate) fn readable(name: &str) -> String {
    let unhashed = match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path
        }
        _ => name,
    };
    let mut path = unhashed;
    while let Some(outer) = inside(path) {
        path = outer;
    }
    path.to_owned()
}

/// The function around a `{{closure}}`, a `{closure#0}` or an `{async block}`.
fn inside(path: &str) -> Option<&str> {
    let (outer, inner) = path.rsplit_once("::{")?;
    let is_own = inner.ends_with('}')
        && ["{", "closure", "async"].iter().any(|kind| inner.starts_with(kind));
    is_own.then_some(outer)
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
        assert_eq!(readable("app::serve::{async block}::{async_fn_env#0}"), "app::serve");
        assert_eq!(readable("<app::Pool as app::Pooled>::get"), "<app::Pool as app::Pooled>::get");
        assert_eq!(readable("app::hash::hasher"), "app::hash::hasher");
    }

    #[test]
    fn a_backtrace_names_the_function_that_captured_it() {
        let backtrace = RawBacktrace::capture();
        let own = backtrace
            .frames()
            .find(|frame| frame.function.ends_with("names_the_function_that_captured_it"));
        let file = own.and_then(|frame| frame.file).expect("the frame has its file");
        assert!(file.ends_with("leakcheck/src/backtrace.rs"), "{file:?}");
    }
}
