//! Finds what async Rust leaves behind.
