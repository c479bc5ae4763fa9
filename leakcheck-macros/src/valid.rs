//! What does not go together, with each other or with the function.

use syn::{Attribute, Error, Meta, Result};

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
        return Err(Error::new(test.sig.fn_token.span, message));
    }
    Ok(())
}

/// Rejects arguments that contradict each other.
pub(crate) fn check_arguments(arguments: &Arguments) -> Result<()> {
    let multi_thread =
        arguments.flavor.as_ref().is_some_and(|flavor| flavor.value == Flavor::MultiThread);
    if multi_thread {
        one_thread_only(arguments.start_paused.as_ref(), "start_paused")?;
        one_thread_only(arguments.unhandled_panic.as_ref(), "unhandled_panic")?;
    } else if let Some(worker_threads) = &arguments.worker_threads {
        return Err(worker_threads.error(
            "The `worker_threads` option requires the `multi_thread` runtime flavor. \
             Use `#[leak_test(flavor = \"multi_thread\")]`",
        ));
    }
    let off = arguments.action.as_ref().is_some_and(|action| action.value == Action::Off);
    match &arguments.known_leak {
        Some(known_leak) if off => Err(known_leak.error(
            "`known_leak` needs the check that `action = \"off\"` turns off; remove one of them",
        )),
        _ => Ok(()),
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
    let names = names(attr);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let bare = matches!(attr.meta, Meta::Path(_));
    let message = match names[..] {
        // As macros write it. One that has removed the `async` has also made a runtime.
        ["core" | "std", "prelude", _, "test"] if bare && test.sig.asyncness.is_none() => {
            SECOND_RUNTIME
        }
        ["test"] | ["core" | "std", "prelude", _, "test"] if bare => SECOND_TEST,
        [.., "tokio", "test"] => {
            "replace `#[tokio::test]` by `#[leak_test]`, which takes the same arguments"
        }
        [.., "leak_test"] | [.., "leakcheck", "test"] => {
            "second `#[leak_test]`: put all arguments into one"
        }
        [.., "sqlx", "test"] => {
            "`#[sqlx::test]` starts a runtime of its own: keep it alone, and check inside it with \
             `leakcheck::run(options, future)`"
        }
        [.., "test_case" | "test_matrix"] => CASES_BELOW,
        // rstest's cases are attributes of the same name, and fine.
        [.., "case"] if !test.attrs.iter().any(is_rstest) => CASES_BELOW,
        _ => return None,
    };
    Some(message)
}

const SECOND_TEST: &str = "second test attribute is supplied, consider removing or changing the \
                           order of your test attributes";
const SECOND_RUNTIME: &str = "second test attribute is supplied, consider removing or changing \
                              the order of your test attributes: `#[leak_test]` replaces \
                              `#[tokio::test]`";
const CASES_BELOW: &str =
    "put `#[leak_test]` below `#[test_case]`: above it, every case would run twice";

fn is_rstest(attr: &Attribute) -> bool {
    names(attr).last().is_some_and(|name| name == "rstest")
}

fn names(attr: &Attribute) -> Vec<String> {
    let segments = attr.path().segments.iter();
    segments.map(|segment| segment.ident.to_string()).collect()
}
