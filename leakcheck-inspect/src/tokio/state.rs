/// The word that tokio keeps for each task: how far it is, and who still holds on to it.
///
/// It is one atomic word, so its parts were true at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct TaskState {
    /// A thread polls the task, or drops its future.
    pub running: bool,
    /// The future is gone; the output, or the panic, is stored or dropped.
    pub complete: bool,
    /// The task waits for its turn.
    pub notified: bool,
    /// Its `JoinHandle` exists. Only then can anybody still learn how the task ended.
    pub join_interest: bool,
    /// Whoever has the `JoinHandle` waits for the end: an `.await`, or a `JoinSet`, from the moment the task was put in.
    pub join_waker: bool,
    /// The task was aborted, or its runtime shuts down.
    pub cancelled: bool,
    /// How many references keep the task's memory: the runtime's, the `JoinHandle`'s, wakers, abort handles.
    pub refs: u64,
}

impl TaskState {
    /// The flags and the count as `tokio::runtime::task::state` packs them.
    pub(crate) fn of_word(word: u64) -> Self {
        let flag = |bit: u32| word >> bit & 1 == 1;
        Self {
            running: flag(0),
            complete: flag(1),
            notified: flag(2),
            join_interest: flag(3),
            join_waker: flag(4),
            cancelled: flag(5),
            refs: word >> 6,
        }
    }
}
