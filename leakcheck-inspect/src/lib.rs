//! Await trees out of a process's memory: every task of a tokio runtime, and where each of them waits,
//! by what the executable's debug info says of its types. On stable Rust, with no flags and no
//! wrappers, and nothing changed by the reading.
//!
//! Three things come in: an [`Image`] (an executable and its debug info), a [`Process`] (its [`Memory`],
//! and where the image lies in it), and an address to start from. Plain data comes out: [`Task`]s and
//! trees of [`Node`]s, with `Display` and serde. Nothing in here assumes that a process looks at itself.
//!
//! ```
//! use leakcheck_inspect::{Image, Inspector, Process};
//! use tokio::sync::mpsc;
//!
//! async fn work(mut jobs: mpsc::Receiver<u32>) {
//!     while jobs.recv().await.is_some() {}
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # if !cfg!(target_os = "linux") { return Ok(()); }
//! let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! let (queue, jobs) = mpsc::channel(8);
//! runtime.spawn(work(jobs));
//! runtime.block_on(tokio::task::yield_now()); // the task's first turn
//!
//! // Keep it: what it has learnt makes the next reading fast.
//! let inspector = Inspector::new(Image::current()?);
//! let handle = std::ptr::from_ref(runtime.handle()) as u64;
//! let tasks = inspector.tasks(Process::own()?, handle)?;
//! assert_eq!(tasks.len(), 1);
//! for task in &tasks {
//!     match (&task.tree, &task.unknown) {
//!         (Some(tree), _) => println!("{tree}"),
//!         (None, why) => println!("task {}: {:?}, {why:?}", task.id, task.phase),
//!     }
//! }
//! # drop(queue);
//! # Ok(())
//! # }
//! ```
//!
//! In a program with debug info this prints
//!
//! ```text
//! app::work at /home/me/app/src/main.rs:5
//!   tokio::sync::mpsc::Receiver<u32>::recv [a message, 1 sender left]
//! ```
//!
//! # What there is
//!
//! | to learn | ask |
//! | --- | --- |
//! | all tasks of a runtime, with states, wakers, trees, and the locks and receivers that they hold | [`Inspector::tasks`] |
//! | the tree of a future that one holds | [`Inspector::future`] |
//! | the places that spawn such a future | [`Inspector::spawn_sites`] |
//! | the functions at an address of the code | [`Inspector::frames`] |
//! | whether anybody can still join the task that a thread runs | [`Inspector::find_running`] |
//! | to start with what an earlier process learnt | [`Inspector::with_cache`], [`Inspector::save`] |
//!
//! A tree begins with the future that was spawned. A [`NodeKind::Function`] has the line of the `.await`
//! that it is suspended at, a [`NodeKind::Leaf`] has a [`Wait`]: what it waits for, and what could be
//! read of that (a timer's due time, a channel's senders, a semaphore's permits, the task that is
//! joined). Values of your own types are never read for showing. A future that is known, tokio's own
//! above all, is a leaf as a whole: what is inside `Receiver::recv` is tokio's affair.
//!
//! A panic hook needs less, and the layout alone gives it:
//!
//! ```
//! use leakcheck_inspect::{Image, ProcessMemory, TaskLayout};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # if !cfg!(target_os = "linux") { return Ok(()); }
//! # tokio::runtime::Runtime::new()?.block_on(async {
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
//! # What is unknown, and why
//!
//! A line that is shown is the line. Where that cannot be had, this is what is shown in its place:
//!
//! | what | what is shown | why |
//! | --- | --- | --- |
//! | a task that runs at the moment | no tree | its future changes while it is read |
//! | a task that never stands still | no tree: "it kept changing while it was read" | no two readings agree |
//! | a type without debug info: a crate built without `debug = 2`, a doctest | no tree, or a [`NodeKind::Cut`] that says so | its fields are not described |
//! | a `dyn Future` whose vtable the debug info does not describe | a [`NodeKind::Cut`] that says so | which type it is, is told by the vtable alone |
//! | what is behind `&`, `Arc` or `Rc` | nothing | it may be anybody's. Followed are an `Arc` of a lock around nothing but a future, and the future of futures' `Shared` |
//! | what is in a `MaybeUninit` or another union, or in a `ManuallyDrop` (but tracing's) | nothing | whether there is a value, only its owner knows |
//! | what a closure has captured, but one of `poll_fn` | nothing | it may be for later: `map`'s closure waits for nothing |
//! | the value of an enum whose tag may be negative | a [`NodeKind::Cut`] | how wide such a tag was written is not kept |
//! | a method's `impl` block, where two builds of the crate are linked | `{impl#3}` | which of them is meant, nothing says |
//! | an `.await` that `select!`, `join!` or another macro of tokio's or futures' wrote | the line where its function starts, and the macro: "in select!" | the line is one of the macro's file |
//! | a hand-written future that holds nothing known | a leaf of its name, "a hand-written future" | what it waits for is in its `poll` |
//! | a task of a `LocalSet` | below the future that runs the set | no runtime has it in its list |
//! | a generic type or function | its name without generics; leaves have their first | they make names unreadable, and are not always written |
//! | futures deeper in each other than 256 values (wrappers and boxes count) or than the stack allows; more than 1,024 in a collection; more than 65,536 values in a tree | a [`NodeKind::Cut`] in the place of the rest | memory may be damaged, and a walk has to end |
//! | the place of a spawn that goes through a function pointer, a `dyn` shim or code without debug info | no place | a way up that cannot be followed may lead to the right one |
//! | the place of a spawn, where several spawn the same type of future | all of them, as candidates | a task does not keep who spawned it, but with `tokio_unstable` |
//! | the same, for a spawn in a loop of an iterator: `iter.map(tokio::spawn)` | the line that runs the iterator | that one is the first that is not a library's |
//! | types of another library of the process (`dylib`, `cdylib`) | as without debug info | only the executable is an image |
//!
//! What a task *holds* ([`Hold`]) has limits of its own, which are told there.
//!
//! In optimised programs (with `debug = 2`) trees and their lines are the same: they are data, not code.
//! Places of spawns are looked for in code, and may be missing there.
//!
//! # Races
//!
//! Nothing is locked or stopped, and the runtime may run meanwhile. Each task is told as it was at some moment
//! of the call, though not all at the same one, and a task that comes or goes meanwhile may be missing.
//!
//! While no other thread of the process runs, that needs no proof ([`Memory::progress`]). Otherwise everything
//! that a tree was read from is read eight times more, forwards and backwards, and of a task that is busy its
//! state, which says whether it is being polled, before and after each piece. If all of it is the same each
//! time, the tree was true at a moment in between, else it is read anew. (Bytes that change and change back
//! between every two of these readings would not be noticed. A test looks for that while four workers run flat
//! out, `scripts/stress` for longer.)
//!
//! Only what cannot come back is certain afterwards: a dropped `JoinHandle`, an end, a task that nobody can
//! wake ([`Task::is_unwakeable`]). Readings of trees have a thread of their own for as long as they take, since
//! nobody knows how much room the caller's stack has left.
//!
//! # Limits
//!
//! - Executables for 64-bit little-endian Linux (x86-64, aarch64) with `debug = 2`, which is what cargo's
//!   dev and test profiles have, neither stripped, split off nor compressed. For everything else there is
//!   an [`Error`] of one line, which names the setting that helps; other systems compile, and get it too.
//! - Tokio 1.51 to 1.54 is what the tests run against. Fields are found by name, so most changes
//!   elsewhere do not matter, and a renamed one gives an [`Error`]; but the bits of the state have no
//!   names, so a tokio that moves them would be misread. An executable with two copies of tokio is
//!   refused.
//! - The first reading in a process outlines the debug info that it needs. [`Inspector::with_cache`] spares
//!   the next process of the same build that.

mod cache;
mod error;
mod follow;
mod frames;
mod hold;
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
pub use hold::{Hold, HoldKind, Resource};
pub use image::Image;
pub use inspector::{Inspector, Process};
pub use memory::{Memory, ProcessMemory, Snapshot};
pub use tokio::{TaskLayout, TaskState};
pub use tree::{Frame, Node, NodeKind, Phase, Source, SpawnSite, Task, TypeId};
pub use wait::{Wait, WaitKind};
