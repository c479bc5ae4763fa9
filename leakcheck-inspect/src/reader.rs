//! Reads a process page by page, and proves afterwards that what was read was true at one moment.

mod log;
mod pages;

use std::cell::{Cell, RefCell};

use crate::{Error, Memory};
use log::{Log, Present, Round};
use pages::Pages;

/// After a change, so many readings are each made alone, and compared more closely: what is busy changes
/// again, and may change back.
const LIVELY: u32 = 256;

/// How often a reading is compared. A round lets a busy task's torn reading pass about once in ten times
/// (measured by `scripts/stress`, with optimisation), and there may be a million of them in a second.
const ROUNDS: usize = 8;

/// What is going on in the memory, as far as the last reading showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Nothing is written, or nothing was read yet. What is read need not be compared, so much may be read at once.
    Still,
    /// Something is written, but not where we read.
    Quiet,
    /// What was read changed lately, so much read at once would have, too.
    Lively,
}

/// A memory whose pages are read once, until they are found to have changed.
pub(crate) struct Reader<'m> {
    memory: &'m dyn Memory,
    pages: RefCell<Pages>,
    /// What was read since the last [`Reader::begin`], if it may have to be compared.
    log: RefCell<Log>,
    present: RefCell<Present>,
    pace: Cell<Pace>,
    /// How many readings are still to be compared more closely.
    lively: Cell<u32>,
    /// How far the memory's writers had got when the reading began, and whether it is taken on trust
    /// that they get no further.
    began: Cell<Option<u64>>,
    trusting: Cell<bool>,
}

impl<'m> Reader<'m> {
    pub(crate) fn new(memory: &'m dyn Memory) -> Self {
        let (log, present, lively, began, trusting) = Default::default();
        let (pages, pace) = (RefCell::new(Pages::new()), Cell::new(Pace::Still));
        Self { memory, pages, log, present, pace, lively, began, trusting }
    }

    pub(crate) fn pace(&self) -> Pace {
        self.pace.get()
    }

    /// What is read from now on has to have been true at the same moment.
    pub(crate) fn begin(&self) {
        self.log.borrow_mut().clear();
        let now = match self.pace() {
            Pace::Still if self.began.get().is_some() => self.began.get(),
            Pace::Still | Pace::Quiet => self.memory.progress(),
            Pace::Lively => None,
        };
        if self.began.replace(now) != now {
            // What was kept is of an earlier moment.
            self.renew();
        }
        self.trusting.set(now.is_some() && self.pace() == Pace::Still);
    }

    /// What is read from now on is only true while the word at this address is this.
    pub(crate) fn guard(&self, address: u64, value: u64) {
        if !self.trusting.get() {
            self.log.borrow_mut().guard(address, value);
        }
    }

    /// Whether all that was read since [`Reader::begin`] was true at one moment: because nothing was
    /// written meanwhile, or because it is unchanged. If not, it has to be read again.
    pub(crate) fn unchanged(&self) -> bool {
        let began = self.began.get();
        if began.is_some() && self.memory.progress() == began {
            self.pace.set(Pace::Still);
            return true;
        }
        if self.trusting.get() {
            self.pace.set(Pace::Quiet);
            return false;
        }
        let same = self.compare();
        self.lively.set(if same { self.lively.get().saturating_sub(1) } else { LIVELY });
        self.pace.set(if self.lively.get() == 0 { Pace::Quiet } else { Pace::Lively });
        same
    }

    /// Whether what was read is unchanged. What has changed is forgotten.
    fn compare(&self) -> bool {
        let (mut log, mut present) = (self.log.borrow_mut(), self.present.borrow_mut());
        let guarded = self.pace() == Pace::Lively;
        let round = |number| Round { backwards: number % 2 == 1, guarded };
        let same =
            log.join() && (0..ROUNDS).all(|number| present.is(&log, self.memory, round(number)));
        if !same {
            let mut pages = self.pages.borrow_mut();
            log.reads().for_each(|(address, len)| pages.forget(address, len));
        }
        same
    }

    /// Forgets everything, so that the present is read.
    pub(crate) fn renew(&self) {
        self.pages.borrow_mut().forget_all();
    }
}

impl Memory for Reader<'_> {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        self.pages.borrow_mut().read(self.memory, address, into)?;
        if !self.trusting.get() {
            self.log.borrow_mut().push(address, into);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::pages::PAGE;
    use super::*;

    /// One byte everywhere, which may change.
    struct Byte(Cell<u8>);

    impl Memory for Byte {
        fn read(&self, _: u64, into: &mut [u8]) -> Result<(), Error> {
            into.fill(self.0.get());
            Ok(())
        }
    }

    /// Two words that are always equal, but change after each reading of one.
    struct Torn(Cell<u8>);

    impl Memory for Torn {
        fn read(&self, _: u64, into: &mut [u8]) -> Result<(), Error> {
            into.fill(self.0.get() % 2);
            self.0.set(self.0.get() + 1);
            Ok(())
        }

        fn read_all(&self, pieces: &[(u64, usize)], into: &mut [u8]) -> Result<(), Error> {
            // Once as torn as before, then as it is.
            match self.0.get() {
                4 => pieces
                    .iter()
                    .zip(into)
                    .try_for_each(|((at, _), byte)| self.read(*at, std::slice::from_mut(byte))),
                _ => self.read(0, into),
            }
        }
    }

    #[test]
    fn what_changes_and_changes_back_is_noticed() {
        let torn = Torn(Cell::new(2));
        let reader = Reader::new(&torn);
        let (mut first, mut second) = ([0; 1], [0; 1]);
        reader.read(0, &mut first).unwrap();
        reader.read(8 * PAGE, &mut second).unwrap();
        assert_ne!(first, second, "torn");
        assert!(!reader.unchanged());
    }

    #[test]
    fn a_guard_that_changes_is_noticed_where_much_changes() {
        let byte = Byte(Cell::new(1));
        let reader = Reader::new(&byte);
        let mut read = [0; 2];
        let mut unchanged = |guard| {
            reader.pace.set(Pace::Lively);
            reader.begin();
            reader.read(64, &mut read).unwrap();
            reader.guard(128, guard);
            reader.unchanged()
        };
        assert!(unchanged(u64::from_le_bytes([1; 8])));
        assert!(!unchanged(0));
    }

    /// A byte that is another in one of the rounds of comparing, the first of which is 1.
    struct Blinks(Cell<usize>);

    impl Memory for Blinks {
        fn read(&self, _: u64, into: &mut [u8]) -> Result<(), Error> {
            into.fill(1);
            Ok(())
        }

        fn read_all(&self, _: &[(u64, usize)], into: &mut [u8]) -> Result<(), Error> {
            self.0.set(self.0.get() - 1);
            into.fill(if self.0.get() == 0 { 2 } else { 1 });
            Ok(())
        }
    }

    #[test]
    fn each_of_eight_rounds_has_to_be_the_same() {
        let unchanged = |round| {
            let blinks = Blinks(Cell::new(round));
            let reader = Reader::new(&blinks);
            reader.begin();
            reader.read(0, &mut [0; 8]).unwrap();
            reader.unchanged()
        };
        assert!((1..=8).all(|round| !unchanged(round)));
        assert!(unchanged(9));
    }

    #[test]
    fn after_a_change_readings_are_careful_for_a_while() {
        let byte = Byte(Cell::new(1));
        let reader = Reader::new(&byte);
        let read = |change| {
            reader.begin();
            reader.read(0, &mut [0; 2]).unwrap();
            byte.0.set(byte.0.get() + change);
            reader.unchanged();
            reader.pace()
        };
        assert_eq!(read(0), Pace::Quiet, "this memory does not tell whether it is still");
        assert_eq!(read(1), Pace::Lively);
        let careful = (0..LIVELY).filter(|_| read(0) == Pace::Lively).count();
        assert_eq!(careful as u32, LIVELY - 1);
        assert_eq!(reader.pace(), Pace::Quiet);
    }

    /// A memory that says when it is written to, and cannot be read twice.
    struct Told(Cell<u8>);

    impl Memory for Told {
        fn read(&self, _: u64, into: &mut [u8]) -> Result<(), Error> {
            into.fill(self.0.get());
            Ok(())
        }

        fn read_all(&self, pieces: &[(u64, usize)], _: &mut [u8]) -> Result<(), Error> {
            panic!("{pieces:?} need not be compared")
        }

        fn progress(&self) -> Option<u64> {
            Some(self.0.get().into())
        }
    }

    #[test]
    fn what_nobody_wrote_to_is_not_compared() {
        let told = Told(Cell::new(1));
        let reader = Reader::new(&told);
        let mut read = [0; 2];
        for _ in 0..2 {
            reader.begin();
            reader.read(PAGE - 1, &mut read).unwrap();
            assert_eq!((read, reader.unchanged(), reader.pace()), ([1; 2], true, Pace::Still));
        }
    }

    #[test]
    fn what_was_written_to_since_is_read_anew() {
        let told = Told(Cell::new(1));
        let reader = Reader::new(&told);
        let mut read = [0; 2];
        for (now, then, same) in [(1, 1, true), (2, 1, false), (2, 2, true)] {
            told.0.set(now);
            reader.begin();
            reader.read(PAGE - 1, &mut read).unwrap();
            assert_eq!((read, reader.unchanged()), ([then; 2], same));
        }
    }

    #[test]
    fn what_changes_between_two_readings_is_noticed_and_read_anew() {
        let byte = Byte(Cell::new(1));
        let reader = Reader::new(&byte);
        let mut read = [0; 2];
        reader.read(PAGE - 1, &mut read).unwrap();
        assert!(reader.unchanged());
        reader.begin();
        reader.read(PAGE - 1, &mut read).unwrap();
        byte.0.set(2);
        assert_eq!(read, [1; 2], "the page was kept");
        assert!(!reader.unchanged());
        reader.begin();
        reader.read(PAGE - 1, &mut read).unwrap();
        assert_eq!(read, [2; 2]);
        assert!(reader.unchanged());
    }
}
