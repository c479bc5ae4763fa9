//! A harness whose job is to fail is tested by failing tests: `targets` holds them, ignored, and
//! the other modules run them in a process of their own and read what it printed.

mod deadlocks;
mod dump;
mod environment;
mod ignores;
mod json;
mod panics;
mod reports;
mod runtime;
mod settling;
mod support;
mod targets;
mod verdicts;
