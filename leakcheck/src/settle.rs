//! Waiting for survivors to end by themselves: on events, under a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

use crate::registry::Registry;

/// Whose end is waited for.
pub(crate) trait Unsettled {
    /// Who is left that has to end. A `thorough` answer may be slow; any other may count some who
    /// need not be waited for.
    fn left(&mut self, thorough: bool) -> Left;
    /// How many tasks have ended so far, where that is told.
    fn ended(&self) -> Option<usize>;
    /// When the last of those goes on who wait for nothing but a timer that is due within this time.
    /// Slow.
    fn due(&mut self, within: Duration) -> Option<Duration>;
}

/// Who is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) tasks: usize,
    /// Whether an event will tell of the next end.
    pub(crate) told: bool,
}

/// The longest wait, in graces, while survivors keep ending.
const MOST_GRACES: u32 = 4;

/// Time's smallest step in tokio. Even without any grace, what is ready gets to run.
const TICK: Duration = Duration::from_millis(1);

/// Clocks end somewhere: no test waits for a year.
const LONGEST_GRACE: Duration = Duration::from_secs(365 * 24 * 3600);

/// Most ends are microseconds away: for this long ready tasks get their turns and no timer is set.
/// After that, where no event tells of an end, looks come at growing distances.
const AT_ONCE: Duration = Duration::from_micros(250);

/// The longest distance between two looks.
const LONGEST_LOOK: Duration = Duration::from_millis(20);

/// Waits until nobody is left or the grace is over. While one ended within the last quarter of a
/// grace it goes on, to four graces, and so it does, once, for those who only wait for a timer that
/// is due within one more. Runs on the test's own runtime, so that its tasks get their
/// turns; with a paused clock the grace is virtual, and nothing due later than it fires.
pub(crate) async fn settle(
    unsettled: &mut impl Unsettled,
    registry: &Arc<Registry>,
    grace: Duration,
) {
    let grace = grace.clamp(TICK, LONGEST_GRACE);
    let mut looks = Looks::default();
    let mut left = unsettled.left(false);
    let mut began = Instant::now();
    while left.tasks > 0 && looks.at_once().await {
        began += look(unsettled, &mut left, false);
    }
    if left.tasks == 0 {
        return;
    }
    began += look(unsettled, &mut left, true);
    if left.tasks == 0 {
        return;
    }
    let alarm = Alarm::for_paused_clock(registry, grace * MOST_GRACES);
    let mut patience = Patience::new(began, grace, left, unsettled.ended());
    while left.tasks > 0 && !alarm.rang() {
        if patience.is_over(registry) && !patience.goes_on_for_timers(unsettled) {
            break;
        }
        if left.told {
            let _ = tokio::time::timeout_at(patience.deadline, registry.changed()).await;
            looks = Looks::default();
        } else {
            looks.wait(registry, patience.deadline).await;
        }
        patience.give_back(look(unsettled, &mut left, true));
        patience.note(left, unsettled.ended());
    }
}

/// Looks who is left. Gives how long that took: symbols may have been looked up, and the grace is
/// the tasks' alone.
fn look(unsettled: &mut impl Unsettled, left: &mut Left, thorough: bool) -> Duration {
    let from = Instant::now();
    *left = unsettled.left(thorough);
    from.elapsed()
}

/// Looking again where nothing tells of an end.
#[derive(Default)]
struct Looks {
    began: Option<std::time::Instant>,
    distance: Duration,
}

impl Looks {
    /// Gives ready tasks a turn; false once the time for that is over. The real time decides: a
    /// paused clock does not move between turns.
    async fn at_once(&mut self) -> bool {
        let began = *self.began.get_or_insert_with(std::time::Instant::now);
        let early = began.elapsed() < AT_ONCE;
        if early {
            if has_workers() {
                // They may be waiting for the very core that this thread turns on.
                std::thread::yield_now();
            }
            tokio::task::yield_now().await;
        }
        early
    }

    async fn wait(&mut self, registry: &Registry, deadline: Instant) {
        if self.at_once().await {
            return;
        }
        self.distance = (self.distance * 2).clamp(TICK, LONGEST_LOOK);
        let until = deadline.min(Instant::now() + self.distance);
        let _ = tokio::time::timeout_at(until, registry.changed()).await;
    }
}

fn has_workers() -> bool {
    Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread
}

/// How long it is still waited for.
struct Patience {
    grace: Duration,
    deadline: Instant,
    /// Later than this nobody is waited for, however many keep ending.
    last: Instant,
    fewest: usize,
    ended: Option<usize>,
    /// When a survivor last ended.
    progress: Option<Instant>,
    asked_for_timers: bool,
}

impl Patience {
    fn new(began: Instant, grace: Duration, left: Left, ended: Option<usize>) -> Self {
        let (deadline, last) = (began + grace, began + grace * MOST_GRACES);
        Self {
            grace,
            deadline,
            last,
            fewest: left.tasks,
            ended,
            progress: None,
            asked_for_timers: false,
        }
    }

    /// Whether the wait is over; if not, there is a deadline ahead.
    fn is_over(&mut self, registry: &Registry) -> bool {
        let now = Instant::now();
        if now < self.deadline {
            return false;
        }
        let late = |at| now.duration_since(at) <= self.grace / 4;
        if registry.looks_into_a_panic() {
            // leakcheck itself holds the task up.
            self.deadline = now + LONGEST_LOOK;
        } else if self.deadline < self.last && self.progress.is_some_and(late) {
            self.deadline = self.last.min(self.deadline + self.grace);
        } else {
            return true;
        }
        false
    }

    /// Whether somebody waits only for a timer that is due soon. Then there is a deadline ahead that
    /// leaves them the time to end. Not with a paused clock: under it nothing due later than the
    /// grace may fire.
    fn goes_on_for_timers(&mut self, unsettled: &mut impl Unsettled) -> bool {
        if self.asked_for_timers || self.deadline >= self.last || clock_is_paused() {
            return false;
        }
        self.asked_for_timers = true;
        let from = Instant::now();
        let due = unsettled.due(self.grace);
        let now = Instant::now();
        self.last += now - from;
        let Some(due) = due else { return false };
        self.deadline = self.last.min(now + due + self.grace / 4);
        true
    }

    fn give_back(&mut self, looked: Duration) {
        self.deadline += looked;
        self.last += looked;
    }

    /// Where ends are not told, fewer tasks than ever before mean one.
    fn note(&mut self, left: Left, ended: Option<usize>) {
        let progressed =
            if ended.is_some() { ended != self.ended } else { left.tasks < self.fewest };
        if progressed {
            self.progress = Some(Instant::now());
        }
        self.fewest = self.fewest.min(left.tasks);
        self.ended = ended;
    }
}

/// A paused clock stands still for as long as blocking work runs, and a grace measured on it would
/// never be over: then, and only then, a thread watches the real time.
struct Alarm {
    rang: Arc<AtomicBool>,
    // Dropping it ends the thread.
    _cancel: Option<mpsc::Sender<()>>,
}

impl Alarm {
    fn for_paused_clock(registry: &Arc<Registry>, after: Duration) -> Self {
        let rang = Arc::new(AtomicBool::new(false));
        if !clock_is_paused() {
            return Self { rang, _cancel: None };
        }
        let (cancel, cancelled) = mpsc::channel::<()>();
        let (ring, registry) = (Arc::clone(&rang), Arc::clone(registry));
        std::thread::spawn(move || {
            if cancelled.recv_timeout(after) == Err(mpsc::RecvTimeoutError::Timeout) {
                ring.store(true, Ordering::SeqCst);
                registry.wake_settle();
            }
        });
        Self { rang, _cancel: Some(cancel) }
    }

    fn rang(&self) -> bool {
        self.rang.load(Ordering::SeqCst)
    }
}

/// tokio does not tell, but a clock that stands still while the real one moves is paused.
pub(crate) fn clock_is_paused() -> bool {
    let (real, told) = (std::time::Instant::now(), Instant::now());
    while real.elapsed() < Duration::from_micros(1) {
        std::hint::spin_loop();
    }
    Instant::now() == told
}
