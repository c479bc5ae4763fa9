//! The tests inspect their own process: real runtimes, found through this executable's debug info.

#![cfg(target_os = "linux")]

mod frames;
mod holds;
mod hostile;
mod panics;
mod spawn_sites;
mod still;
mod support;
mod tasks;
