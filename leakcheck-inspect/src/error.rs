use std::path::{Path, PathBuf};

/// Why nothing can be said about the tasks: one line, naming the remedy where there is one.
///
/// What it stands for is private on purpose: whoever meets one has no answer, and shows the line.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] Kind);

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("tasks can be inspected on 64-bit little-endian Linux only (x86-64, aarch64)")]
    Platform,
    #[error("cannot read the executable `{}`: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot read the executable: {0}")]
    Object(#[from] object::Error),
    #[error("the executable's `{0}` is compressed: link without `--compress-debug-sections`")]
    Compressed(&'static str),
    #[error(
        "the executable's debug info is split off: set `split-debuginfo = \"off\"` in its profile"
    )]
    Split,
    #[error(
        "the executable has no debug info about tokio's types: set `debug = 2` in its profile and do not strip it"
    )]
    NoTypes,
    #[error("the executable links {0} copies of tokio: which one is meant is unknown")]
    Copies(usize),
    #[error("the debug info is malformed: {0}")]
    Malformed(#[from] gimli::Error),
    #[error("`{of}` has no `{part}`: this tokio or rustc is newer than leakcheck knows")]
    Unknown { of: String, part: String },
    #[error("the {bytes} bytes at {address:#x} cannot be read")]
    Unreadable { address: u64, bytes: usize },
    #[error("{0:#x} is not the address of a tokio runtime handle")]
    NotAHandle(u64),
    #[error("the runtime's list of tasks kept changing while it was read")]
    Unsettled,
    #[error("{0}")]
    Known(String),
}

impl Error {
    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        Kind::Read { path, source }.into()
    }

    /// Whether what was to be read kept changing.
    pub(crate) fn is_unsettled(&self) -> bool {
        matches!(self.0, Kind::Unsettled)
    }

    pub(crate) fn unknown(of: &str, part: &str) -> Self {
        let (of, part) = (of.to_owned(), part.to_owned());
        Kind::Unknown { of, part }.into()
    }

    /// For implementors of [`Memory`](crate::Memory): these bytes are not there.
    pub fn unreadable(address: u64, bytes: usize) -> Self {
        Kind::Unreadable { address, bytes }.into()
    }
}

impl From<object::Error> for Error {
    fn from(error: object::Error) -> Self {
        Kind::from(error).into()
    }
}

impl From<gimli::Error> for Error {
    fn from(error: gimli::Error) -> Self {
        Kind::from(error).into()
    }
}
