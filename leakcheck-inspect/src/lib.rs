//! Reads the state of tokio's tasks out of a process's memory, by the names in its executable's
//! debug info: on stable Rust, with no flags and no wrappers, and nothing changed by the reading.
//!
//! A test or a panic hook learns whether anybody can still join a task:
//!
//! ```
//! use leakcheck_inspect::{Image, ProcessMemory, TaskLayout};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # if !cfg!(target_os = "linux") { return Ok(()); }
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! // Slow, so once per process.
//! let layout = TaskLayout::of_image(Image::current()?)?;
//!
//! let handle = tokio::runtime::Handle::current();
//! let task = tokio::spawn(std::future::pending::<()>());
//! let id = task.id().to_string().parse()?;
//! let find = || layout.find_task(&ProcessMemory::own(), std::ptr::from_ref(&handle) as u64, id);
//!
//! assert!(find()?.is_some_and(|task| task.join_interest));
//! drop(task);
//! assert!(find()?.is_some_and(|task| !task.join_interest));
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # Limits
//!
//! - Executables for 64-bit little-endian Linux (x86-64, aarch64) only, with `debug = 2`, which is
//!   what cargo's dev and test profiles have, neither stripped, split off nor compressed.
//! - Tokio 1.51 to 1.54 is what the tests run against. Fields are found by name, so most changes
//!   elsewhere do not matter, and a renamed one gives an [`Error`]; but the bits of the state have no
//!   names, so a tokio that moves them would be misread.
//! - A state is what it was a moment ago. Only what cannot come back is certain: a dropped `JoinHandle`, an end.

mod cache;
mod error;
mod frames;
mod image;
mod index;
mod inspector;
mod knowledge;
mod leaves;
mod map;
mod memory;
mod names;
mod reader;
mod resolve;
mod shape;
mod spawn_sites;
mod tokio;
mod tree;
mod types;
mod wait;
mod walk;

pub use error::Error;
pub use image::Image;
pub use inspector::{Inspector, Process};
pub use memory::{Memory, ProcessMemory, Snapshot};
pub use tokio::{TaskLayout, TaskState};
pub use tree::{Frame, Node, NodeKind, Phase, Source, SpawnSite, Task, TypeId};
pub use wait::{Wait, WaitKind};
