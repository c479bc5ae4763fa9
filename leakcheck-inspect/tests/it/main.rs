//! The tests inspect their own process: real runtimes, found through this executable's debug info.

#![cfg(target_os = "linux")]

mod hostile;
mod panics;
mod support;
mod tasks;
