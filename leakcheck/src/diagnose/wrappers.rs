//! Futures that are about another one, and those that anybody's code may spawn.

/// Futures that only wrap the one a task is about.
const WRAPPERS: [&str; 12] = [
    "core::",
    "alloc::",
    "std::",
    "futures_util::",
    "futures::",
    "tokio::",
    "tokio_util::",
    "tracing::",
    "tracing_futures::",
    "Pin<",
    "Box<",
    "dyn ",
];

/// Crates of combinators, some of which have tasks of their own too.
const COMBINATORS: [&str; 14] = [
    "async_compat::",
    "async_stream::",
    "backon::",
    "either::",
    "futures_lite::",
    "futures_concurrency::",
    "opentelemetry::",
    "pin_project_lite::",
    "tokio_metrics::",
    "tokio_retry::",
    "tokio_stream::",
    "tower::",
    "tower_http::",
    "(",
];

/// Whether a future only wraps the one a task is about.
pub(super) fn is_wrapper(name: &str) -> bool {
    WRAPPERS.iter().any(|path| begins(name, path))
}

/// Whether the name of a future says nothing of whose it is: unrelated tasks run such a one.
pub(crate) fn is_anybodys(name: &str) -> bool {
    let name = name.trim_start_matches(['&', '*']).trim_start_matches("mut ");
    is_wrapper(name) || COMBINATORS.iter().any(|path| begins(name, path))
}

/// Whether a readable name begins with a path: `<app::Cache as app::Store>::get` with `app::Cache`.
pub(super) fn begins(name: &str, path: &str) -> bool {
    let rest = name.trim_start_matches('<').strip_prefix(path);
    let in_a_word = |c: char| c.is_alphanumeric() || c == '_';
    rest.is_some_and(|rest| !path.ends_with(in_a_word) || !rest.starts_with(in_a_word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_combinator_is_anybodys_and_what_only_looks_like_one_is_not() {
        assert!(is_anybodys("futures_util::future::future::Map"));
        assert!(is_anybodys("<tokio_util::task::task_tracker::TrackedFuture<F> as Future>::poll"));
        assert!(!is_anybodys("tokio_postgres::connection::Connection<S, T>"));
        assert!(!is_anybodys("app::watch"));
    }
}
