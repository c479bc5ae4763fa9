//! The future that a runtime blocks on, where a dump may look at it.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the body's fat pointer lies, and whether the body is being polled.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// 0 while nothing is blocked on.
    pointer: AtomicU64,
    /// How many polls began and ended: odd while one runs.
    polls: AtomicU64,
}

/// What a body was doing while it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen<T> {
    /// There is none.
    Nothing,
    /// It was polled, so that nothing can be said of where it waits.
    Running,
    Waiting(T),
}

impl Body {
    /// Looks at the body through its fat pointer's address. What it saw counts only if nobody polled
    /// the body meanwhile.
    pub(crate) fn look<T>(&self, look: impl FnOnce(u64) -> T) -> Seen<T> {
        let state = || (self.pointer.load(Ordering::SeqCst), self.polls.load(Ordering::SeqCst));
        let before = state();
        match before {
            (0, _) => Seen::Nothing,
            (_, polls) if polls % 2 == 1 => Seen::Running,
            (pointer, _) => {
                let seen = look(pointer);
                if state() == before { Seen::Waiting(seen) } else { Seen::Running }
            }
        }
    }
}

/// Runs the future as the body.
pub(crate) async fn watched<F: Future>(body: &Body, mut future: Pin<&mut F>) -> F::Output {
    // A dump reads the two words of it: the future's address, and the vtable that names its type.
    let fat: *const (dyn Future<Output = F::Output> + '_) = std::ptr::from_ref(&*future);
    let _told = Told::new(body, std::ptr::from_ref(&fat) as u64);
    std::future::poll_fn(|context| {
        let _poll = Poll::begin(body);
        future.as_mut().poll(context)
    })
    .await
}

/// The body's pointer is known until this is dropped; then the one before is again.
struct Told<'a> {
    body: &'a Body,
    before: u64,
}

impl<'a> Told<'a> {
    fn new(body: &'a Body, pointer: u64) -> Self {
        Self { body, before: body.pointer.swap(pointer, Ordering::SeqCst) }
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.body.pointer.store(self.before, Ordering::SeqCst);
    }
}

struct Poll<'a>(&'a Body);

impl<'a> Poll<'a> {
    fn begin(body: &'a Body) -> Self {
        body.polls.fetch_add(1, Ordering::SeqCst);
        Self(body)
    }
}

impl Drop for Poll<'_> {
    /// Also after a panic of the future.
    fn drop(&mut self) {
        self.0.polls.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_body_is_seen_between_its_polls_only() {
        let body = Body::default();
        let during = std::cell::Cell::new(Seen::Nothing);
        let future = pin!(async {
            during.set(body.look(|_| ()));
            std::future::pending::<()>().await;
        });
        {
            let mut watched = pin!(watched(&body, future));
            let _ = watched.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(during.replace(Seen::Nothing), Seen::Running);
            assert_eq!(body.look(|pointer| pointer != 0), Seen::Waiting(true));
        }
        assert_eq!(body.look(|_| ()), Seen::Nothing);
    }

    #[test]
    fn a_look_during_which_the_body_was_polled_does_not_count() {
        let body = Body::default();
        let _told = Told::new(&body, 1);
        assert_eq!(body.look(|_| drop(Poll::begin(&body))), Seen::Running);
    }
}
