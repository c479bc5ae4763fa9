//! The `#[leak_test]` attribute; documented where `leakcheck` re-exports it.
