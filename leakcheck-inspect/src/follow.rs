//! A runtime's tasks, followed through its lists while the runtime goes on.

use crate::error::Kind;
use crate::inspector::Process;
use crate::knowledge::Knowledge;
use crate::reader::{Pace, Reader};
use crate::tokio::OwnedTasks;
use crate::walk::Walk;
use crate::{Error, Task};

/// How often a task, or a list of tasks, that changes under our eyes is read anew.
const TRIES: usize = 16;

/// How many tasks are read at once, while nothing of them changes, and while nothing changes at all.
const QUIET: usize = 32;
const STILL: usize = 128;

/// For so many tasks room is made in advance.
const ROOM: u64 = 1 << 18;

/// A reading of all tasks.
struct Following<'a> {
    walk: Walk<'a>,
    reader: &'a Reader<'a>,
    process: Process<'a>,
    owned: OwnedTasks<'a>,
    /// How many tasks a list has at the most.
    most: u64,
    tasks: Vec<Task>,
}

/// A list of tasks, as far as it was followed.
struct Followed {
    list: u64,
    /// 0 after the last.
    next: u64,
    seen: u64,
    tries: usize,
}

/// Every task that the runtime of the handle at this address owns, by id.
pub(crate) fn tasks(
    knowledge: &Knowledge,
    process: Process<'_>,
    handle: u64,
) -> Result<Vec<Task>, Error> {
    let owned = knowledge.layout()?.owned_tasks(process.memory, handle)?;
    let reader = Reader::new(process.memory);
    let walk = Walk::new(knowledge, &reader, process.bias, process.now);
    let most = owned.most()?;
    let tasks = Vec::with_capacity(most.min(ROOM) as usize);
    let mut lists = (0..owned.list_count())
        .map(|list| Ok(Followed { list, next: owned.head(list)?, seen: 0, tries: 1 }))
        .collect::<Result<Vec<_>, Error>>()?;
    let mut following = Following { walk, reader: &reader, process, owned, most, tasks };
    // Tasks that were spawned one after the other are near each other, in different lists.
    while lists.iter().any(|followed| followed.next != 0) {
        lists.iter_mut().try_for_each(|followed| following.some_of(followed))?;
    }
    Ok(by_id(following.tasks))
}

impl Following<'_> {
    /// Some of the list's tasks; what changes is followed to its end, without a pause.
    fn some_of(&mut self, followed: &mut Followed) -> Result<(), Error> {
        while followed.next != 0 {
            let before = self.tasks.len();
            match self.some_from(followed.list, followed.next) {
                Ok(after) if followed.seen <= self.most => {
                    followed.seen += (self.tasks.len() - before) as u64;
                    followed.next = after;
                }
                told if followed.tries == TRIES => return Err(self.lost(told.err())?),
                _ => {
                    self.reader.renew();
                    followed.next = self.owned.head(followed.list)?;
                    (followed.seen, followed.tries) = (0, followed.tries + 1);
                }
            }
            if self.reader.pace() != Pace::Lively {
                break;
            }
        }
        Ok(())
    }

    /// Why a list cannot be followed: where tasks come and go, what led nowhere was no task any more.
    fn lost(&self, error: Option<Error>) -> Result<Error, Error> {
        let unsettled = Error::from(Kind::Unsettled);
        Ok(if self.owned.changed()? { unsettled } else { error.unwrap_or(unsettled) })
    }

    /// Adds the tasks of a list from this address on: several at once, or the first one alone where they do
    /// not stand still. Gives the address of the one after them.
    fn some_from(&mut self, list: u64, first: u64) -> Result<u64, Error> {
        let before = self.tasks.len();
        while self.reader.pace() != Pace::Lively {
            let most = if self.reader.pace() == Pace::Still { STILL } else { QUIET };
            self.reader.begin();
            let read = self.read_from(list, first, most);
            let same = self.reader.unchanged();
            match read {
                Ok(after) if same => return Ok(after),
                _ => self.tasks.truncate(before),
            }
            if same {
                break;
            }
            // It has to be read more carefully.
        }
        self.one_from(list, first)
    }

    fn read_from(&mut self, list: u64, first: u64, most: usize) -> Result<u64, Error> {
        let (mut next, mut left) = (first, most);
        while next != 0 && left > 0 {
            let after = self.owned.after(&self.walk, list, next)?;
            self.tasks.push(self.walk.task(next)?);
            (next, left) = (after, left - 1);
        }
        Ok(next)
    }

    fn one_from(&mut self, list: u64, first: u64) -> Result<u64, Error> {
        let after = |walk: &Walk<'_>| self.owned.after(walk, list, first);
        let one = settled(&self.walk, self.reader, |walk| Ok((after(walk)?, walk.task(first)?)));
        // One that never stands still is told without its tree.
        let (after, task) = one.or_else(|error| {
            if !error.is_unsettled() {
                return Err(error);
            }
            let restless = |walk: &Walk<'_>| walk.restless_task(first, self.process.memory);
            settled(&self.walk, self.reader, |walk| Ok((after(walk)?, restless(walk)?)))
        })?;
        self.tasks.push(task);
        Ok(after)
    }
}

/// What `read` gives once everything that it read was true at the same moment.
pub(crate) fn settled<T>(
    walk: &Walk<'_>,
    reader: &Reader<'_>,
    read: impl Fn(&Walk<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut last = Err(Kind::Unsettled.into());
    for _ in 0..TRIES {
        reader.begin();
        last = read(walk);
        if reader.unchanged() {
            return last;
        }
    }
    match last {
        Err(error) => Err(error),
        Ok(_) => Err(Kind::Unsettled.into()),
    }
}

/// The tasks by id, each as it was told last. Tasks are large: numbers are sorted, and then each task is
/// moved to its place.
fn by_id(mut tasks: Vec<Task>) -> Vec<Task> {
    // Lists have the youngest task first. So most are near their places, and the caches are spared.
    tasks.reverse();
    let mut order: Vec<(u64, usize)> =
        tasks.iter().enumerate().map(|(at, task)| (task.id, at)).collect();
    order.sort_unstable();
    let mut again = Vec::new();
    order.dedup_by(|(id, at), (kept, _)| {
        let same = id == kept;
        again.extend(same.then_some(*at));
        same
    });
    let kept = order.len();
    // Where what belongs at each place is now; what was told again goes to the end.
    let mut from: Vec<usize> = order.into_iter().map(|(_, at)| at).chain(again).collect();
    for start in 0..from.len() {
        let mut to = start;
        // Round the circle of those that take each other's places.
        while let Some(next) = from.get_mut(to).map(|next| std::mem::replace(next, to)) {
            if next == start {
                break;
            }
            tasks.swap(to, next);
            to = next;
        }
    }
    tasks.truncate(kept);
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TaskState;

    #[test]
    fn tasks_are_put_in_order_and_what_was_told_last_counts() {
        let told = |id, refs| {
            let mut task = Task::new(id, TaskState::of_word(refs << 6), crate::Phase::Waiting);
            task.wakers = refs;
            task
        };
        let all = vec![told(7, 1), told(3, 2), told(7, 3), told(1, 4), told(5, 5), told(3, 6)];
        let order: Vec<_> = by_id(all).iter().map(|task| (task.id, task.wakers)).collect();
        assert_eq!(order, [(1, 4), (3, 6), (5, 5), (7, 3)]);
    }
}
