//! Tokio's tasks: the only room that knows tokio's private names.

mod layout;
mod owned;
mod running;
mod state;
mod tasks;

pub use layout::TaskLayout;
pub(crate) use owned::OwnedTasks;
pub use state::TaskState;
pub(crate) use tasks::{Vtable, task_type};
