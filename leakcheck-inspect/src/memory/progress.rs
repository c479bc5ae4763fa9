//! Whether this process's other threads ran meanwhile.
//!
//! A thread that sleeps, and sleeps later having been given a processor no more often, has not run in
//! between. Processor time alone does not prove it: the kernel does not count what the machine below it takes
//! away, and gives it back late.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

const THREADS: &str = "/proc/self/task";

/// Each thread costs some 20 µs: with more than these it is quicker to compare what was read.
const MANY: usize = 16;

/// A number that stands for how far all other threads have got: if it is the same later, none of them ran
/// in between, so none has written anything.
///
/// None where one does not sleep, where there are many or they come and go, and where the kernel does not count.
pub(super) fn of_other_threads() -> Option<u64> {
    let threads = other_threads()?;
    let mut hash = DefaultHasher::new();
    for thread in &threads {
        (thread, asleep(thread)?).hash(&mut hash);
    }
    // Who sleeps starts no thread, so one that was started while the others were asked is listed now.
    (other_threads()? == threads).then(|| hash.finish())
}

/// The threads' ids, as the kernel spells them.
fn other_threads() -> Option<Vec<String>> {
    let own = nix::unistd::gettid().to_string();
    let mut threads = Vec::new();
    for entry in fs::read_dir(THREADS).ok()? {
        let thread = entry.ok()?.file_name().into_string().ok()?;
        if thread != own {
            threads.push(thread);
        }
        if threads.len() > MANY {
            return None;
        }
    }
    Some(threads)
}

/// How long and how often a thread has run, if it sleeps: see proc_pid_stat(5), proc_pid_schedstat(5).
fn asleep(thread: &str) -> Option<(u64, u64)> {
    let folder = Path::new(THREADS).join(thread);
    let counts = fs::read_to_string(folder.join("schedstat")).ok()?;
    let mut counts = counts.split_ascii_whitespace().map(|count| count.parse().ok());
    let (ran, times) = (counts.next()??, counts.nth(1)??);
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_, state) = stat.rsplit_once(") ")?;
    (state.starts_with('S') && times > 0).then_some((ran, times))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Ends a thread also where the test fails before.
    struct Stop<'a>(&'a AtomicBool);

    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn nothing_is_told_while_a_thread_runs() {
        let (running, stop) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    running.store(true, Ordering::Relaxed);
                }
            });
            let _stop = Stop(&stop);
            while !running.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            assert_eq!(of_other_threads(), None);
        });
    }
}
