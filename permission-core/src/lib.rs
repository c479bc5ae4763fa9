//! The permission service.
