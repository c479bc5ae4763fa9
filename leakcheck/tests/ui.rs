//! Each mistake in `#[leak_test]` is an error at the place where it was made.
//!
//! The files are named after the mistakes. `TRYBUILD=overwrite cargo test --test ui` rewrites what
//! they are told: read it before committing it.

#[test]
fn mistakes_are_told_apart() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
