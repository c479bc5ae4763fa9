//! Task ids as keys, made cheap: they are looked up for every task of every test.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::{Id, LocalSet};

use crate::survivor::number;

/// A task id that nothing has: ids are a counter of the process, so every task with a smaller one was
/// spawned before. The task that it was made for runs nowhere and is gone.
pub(crate) fn mark() -> u64 {
    number(LocalSet::new().spawn_local(async {}).id())
}

/// What one of a runtime's threads polls: the key of a task, or 0. The begin of a poll, and the end
/// of a poll that ends its task, touch nothing else, so that most tasks cost two short locks in
/// all.
#[derive(Debug, Default)]
pub(crate) struct Polling(AtomicU64);

impl Polling {
    /// Whether it polls this task at the moment.
    pub(crate) fn polls(&self, id: Id) -> bool {
        self.0.load(Ordering::SeqCst) == key(id)
    }
}

/// What the hooks tell of the thread that they run on.
#[cfg(tokio_unstable)]
impl Polling {
    pub(crate) fn began(&self, id: Id) {
        self.0.store(key(id), Ordering::Relaxed);
    }

    /// The end of a poll. False if its task ended with it.
    pub(crate) fn ended(&self) -> bool {
        self.0.swap(0, Ordering::Relaxed) != 0
    }

    /// The end of a task, perhaps of the one that is being polled.
    pub(crate) fn terminated(&self, id: Id) {
        let _ = self.0.compare_exchange(key(id), 0, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// The number in an id, as its hash gives it: tokio shows it, and gives it in no other way that
/// costs as little. Only ever compared with another of these.
fn key(id: Id) -> u64 {
    #[derive(Default)]
    struct Number(u64);

    impl Hasher for Number {
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
            }
        }

        fn write_u64(&mut self, number: u64) {
            self.0 = number;
        }

        fn finish(&self) -> u64 {
            self.0
        }
    }

    let mut number = Number::default();
    id.hash(&mut number);
    number.finish()
}

/// Task ids are a counter: multiplying by a large odd number spreads them, and costs a
/// nanosecond where the default hasher, made for hostile keys, costs twenty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHash;

impl BuildHasher for IdHash {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher(0)
    }
}

#[derive(Debug)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let spread = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ (spread >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
