//! What does not go together, with each other or with the function.

use syn::{Attribute, Error, Meta, Path, Result};

use crate::arguments::{Action, Arguments, Flavor};
use crate::item::TestFn;
use crate::value::Spanned;

/// Rejects a function that cannot be a leak test.
pub(crate) fn check_function(test: &TestFn) -> Result<()> {
    for attr in &test.attrs {
        if let Some(message) = conflict(attr, test) {
            return Err(Error::new_spanned(attr, message));
        }
    }
    if test.sig.asyncness.is_none() {
        let message = "the `async` keyword is missing from the function declaration";
        return Err(Error::new_spanned(&test.sig.fn_token, message));
    }
    Ok(())
}

/// Rejects arguments that contradict each other.
pub(crate) fn check_arguments(arguments: Arguments) -> Result<Arguments> {
    let multi_thread = arguments
        .flavor
        .as_ref()
        .is_some_and(|flavor| flavor.value == Flavor::MultiThread);
    if multi_thread {
        one_thread_only(arguments.start_paused.as_ref(), "start_paused")?;
        one_thread_only(arguments.unhandled_panic.as_ref(), "unhandled_panic")?;
    } else if let Some(worker_threads) = &arguments.worker_threads {
        return Err(worker_threads.error(
            "The `worker_threads` option requires the `multi_thread` runtime flavor. \
             Use `#[leak_test(flavor = \"multi_thread\")]`",
        ));
    }
    let off = arguments
        .action
        .as_ref()
        .is_some_and(|action| action.value == Action::Off);
    match &arguments.known_leak {
        Some(known_leak) if off => Err(known_leak.error(
            "`known_leak` needs the check that `action = \"off\"` turns off; remove one of them",
        )),
        _ => Ok(arguments),
    }
}

fn one_thread_only<T>(option: Option<&Spanned<T>>, name: &str) -> Result<()> {
    match option {
        None => Ok(()),
        Some(option) => Err(option.error(format_args!(
            "The `{name}` option requires the `current_thread` runtime flavor. \
             Use `#[leak_test(flavor = \"current_thread\")]`"
        ))),
    }
}

/// Why `attr` cannot stand beside `#[leak_test]`, if so.
pub(crate) fn conflict(attr: &Attribute, test: &TestFn) -> Option<&'static str> {
    let path = attr.path();
    if is_test_attribute(attr) {
        return Some(
            "second test attribute is supplied, consider removing or changing the order of your \
             test attributes",
        );
    }
    if ends_with(path, &["tokio", "test"]) {
        return Some("replace `#[tokio::test]` by `#[leak_test]`, which takes the same arguments");
    }
    if ends_with(path, &["leak_test"]) || ends_with(path, &["leakcheck", "test"]) {
        return Some("second `#[leak_test]`: put all arguments into one");
    }
    if ends_with(path, &["sqlx", "test"]) {
        return Some(
            "`#[sqlx::test]` starts a runtime of its own: keep it alone, and check inside it with \
             `leakcheck::run(options, future)`",
        );
    }
    let makes_cases = ends_with(path, &["test_case"])
        || ends_with(path, &["test_matrix"])
        || ends_with(path, &["case"]) && !test.attrs.iter().any(is_rstest);
    makes_cases
        .then_some("put `#[leak_test]` below `#[test_case]`: above it, every case would run twice")
}

/// Whether `attr` is `#[test]` as it is written, or as macros write it: `#[core::prelude::*::test]`
/// or the same of `std`.
fn is_test_attribute(attr: &Attribute) -> bool {
    let Meta::Path(path) = &attr.meta else {
        return false;
    };
    if path.is_ident("test") {
        return true;
    }
    let names: Vec<String> = path
        .segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect();
    match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [krate, "prelude", _, "test"] => krate == "core" || krate == "std",
        _ => false,
    }
}

fn is_rstest(attr: &Attribute) -> bool {
    ends_with(attr.path(), &["rstest"])
}

fn ends_with(path: &Path, names: &[&str]) -> bool {
    path.segments.len() >= names.len()
        && path
            .segments
            .iter()
            .rev()
            .zip(names.iter().rev())
            .all(|(segment, name)| segment.ident == name)
}
