//! The crate's one error type: opaque, its kind private.

use std::fmt;

/// Why leakcheck could not do as it was told.
///
/// Every message names what was given, what is accepted and the way out.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error {
    kind: Box<ErrorKind>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ErrorKind {
    #[error("the environment variable `{variable}` is `{value}`, which is not {accepted}")]
    Environment { variable: &'static str, value: String, accepted: &'static str },
    #[error(
        "the environment variable `LEAKCHECK_REPORT` is `{value}`, and no report can be written there \
         ({source}): it takes a folder, made if it is missing, in which files can be created"
    )]
    ReportFolder { value: String, source: std::io::Error },
    #[error("could not build the tokio runtime: {0}")]
    Runtime(std::io::Error),
    #[error("`{option}` {problem}: {fix}")]
    Options { option: &'static str, problem: &'static str, fix: &'static str },
    #[error(
        "leakcheck's `{hooks}` was replaced by the closure given to `Options::configure`, so that \
         tasks could come and go, or panic, unseen: use the methods of the same names on `Options`, \
         which run both"
    )]
    HooksReplaced { hooks: String },
    #[error("the tasks of the runtime cannot be dumped: {0}")]
    Dump(String),
    #[error(
        "`ignore_current` was called outside of a leak test: call it in the test's body, or in a task or \
         blocking closure of its runtime"
    )]
    NotInATest,
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        let kind = Box::new(kind);
        Self { kind }
    }
}

/// As `Display`: this is what `unwrap` shows.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn an_error_is_one_word_and_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
