//! What `#[leak_test]` expands to. Not part of the public API: it may change in any release.

use std::process::Termination;

pub use tokio;

use crate::harness::{self, Ending};
use crate::options::Options;
pub use crate::outcome;
use crate::runtime::Subject;

#[cfg(tokio_unstable)]
pub use crate::options::UnhandledPanic;

/// What the attribute knows of its test.
#[derive(Debug)]
pub struct Test<T> {
    /// The function's path, its crate first.
    pub path: &'static str,
    /// The package's name, where cargo builds.
    pub package: Option<&'static str>,
    /// The package's folder, where cargo builds.
    pub manifest_dir: Option<&'static str>,
    /// The test's source file, as rustc was given it.
    pub file: &'static str,
    /// Whether the test has `#[should_panic]`.
    pub should_panic: bool,
    /// The value of a `#[should_panic]` test that did not panic.
    pub not_panicked: Option<fn() -> T>,
    /// Whether a value is a failure, as far as its type tells.
    pub failed: fn(&T) -> bool,
}

/// Runs a `#[leak_test]`.
#[track_caller]
pub fn run<T: Termination>(test: Test<T>, options: Options, body: impl Future<Output = T>) -> T {
    let (_, name) = test.path.split_once("::").unwrap_or(("", test.path));
    let subject = Subject {
        test: options.test_name.clone().unwrap_or_else(|| name.to_owned()),
        package: test.package,
        manifest_dir: test.manifest_dir,
        file: Some(test.file),
    };
    let ending = Ending {
        failed: test.failed,
        confess: |value| {
            value.report();
        },
        not_panicked: test.not_panicked.filter(|_| test.should_panic),
    };
    harness::run(subject, options, &ending, body)
}

/// Sets `unhandled_panic`, which tokio has with `--cfg tokio_unstable` only.
#[cfg(tokio_unstable)]
#[doc(hidden)]
#[macro_export]
macro_rules! __with_unhandled_panic {
    ($options:expr, $behavior:ident) => {
        $options.unhandled_panic($crate::__private::UnhandledPanic::$behavior)
    };
}

/// Sets `unhandled_panic`, which tokio has with `--cfg tokio_unstable` only.
#[cfg(not(tokio_unstable))]
#[doc(hidden)]
#[macro_export]
macro_rules! __with_unhandled_panic {
    ($options:expr, $behavior:ident) => {
        ::core::compile_error!(
            "`unhandled_panic` needs tokio's unstable features: build with RUSTFLAGS=\"--cfg tokio_unstable\""
        )
    };
}

pub use crate::__with_unhandled_panic as with_unhandled_panic;
