//! Generated code is clean where the user's code is.

#![deny(
    warnings,
    absolute_paths_not_starting_with_crate,
    explicit_outlives_requirements,
    let_underscore_drop,
    missing_docs,
    redundant_imports,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unreachable_code,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    variant_size_differences,
    clippy::all,
    clippy::nursery,
    clippy::pedantic
)]
#![deny(
    clippy::absolute_paths,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::implicit_return,
    clippy::let_underscore_untyped,
    clippy::missing_docs_in_private_items,
    clippy::needless_return,
    clippy::pattern_type_mismatch,
    clippy::shadow_reuse,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unreachable,
    clippy::unwrap_used
)]

use core::error::Error;

use leakcheck::leak_test;
use rstest::rstest;
use tokio::task::yield_now;

/// With every argument.
#[leak_test(
    flavor = "multi_thread",
    worker_threads = 2,
    name = "lints",
    crate = "tokio",
    leakcheck = "leakcheck",
    grace = "1s",
    action = "warn",
    ignore(future = "*", spawned_at = "src/lib.rs:1", count = 2, reason = "the name of each"),
    on_failure,
    cleanup = clean_up
)]
async fn arguments() -> Result<(), Box<dyn Error>> {
    yield_now().await;
    return Ok(());
}

/// Ends a test.
async fn clean_up() {
    yield_now().await;
}

/// With a panic.
#[leak_test(start_paused = true)]
#[should_panic(expected = "as wanted")]
async fn panics() {
    yield_now().await;
    assert_eq!(1, 2, "as wanted");
}

/// With parameters of all kinds.
#[leakcheck::test]
#[rstest]
#[case(1, (2, 3), 4)]
async fn parameters(#[case] mut left: u32, #[case] (right, sum): (u32, u32), #[case] _: u32) {
    yield_now().await;
    left += right;
    assert_eq!(left, sum);
}
