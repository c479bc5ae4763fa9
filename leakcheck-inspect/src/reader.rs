//! Reads a process page by page, and proves afterwards that what was read was true at one moment.

mod log;

use std::cell::{Cell, RefCell};

use crate::{Error, Memory};
use log::{Log, Present, Round};

/// Memory is mapped by pages at least as large.
const PAGE: u64 = 4096;

/// How many pages are kept: 4 MiB. Each page has one place, so that finding it needs no search.
const PLACES: usize = 1024;

/// After a change, so many readings are each made alone, and compared more closely: what is busy changes
/// again, and may change back.
const LIVELY: u32 = 256;

/// How often a reading is compared. A round lets a busy task's torn reading pass about once in ten times
/// (measured by `scripts/stress`, with optimisation), and there may be a million of them in a second.
const ROUNDS: usize = 8;

/// A memory whose pages are read once, until they are found to have changed.
pub(crate) struct Reader<'m> {
    memory: &'m dyn Memory,
    /// By their number's remainder.
    pages: RefCell<Vec<Page>>,
    /// What was read since the last [`Reader::begin`].
    log: RefCell<Log>,
    present: RefCell<Present>,
    /// How many readings are still to be compared more closely.
    lively: Cell<u32>,
    /// How far the memory's writers had got when the reading began, and whether they had got no further
    /// when the one before was over.
    began: Cell<Option<u64>>,
    still: Cell<bool>,
}

/// A page that was read, or a place for one.
#[derive(Default)]
struct Page {
    number: Option<u64>,
    bytes: Vec<u8>,
}

impl<'m> Reader<'m> {
    pub(crate) fn new(memory: &'m dyn Memory) -> Self {
        let pages = std::iter::repeat_with(Page::default).take(PLACES).collect();
        let (log, present, lively, began) = Default::default();
        Self {
            memory,
            pages: RefCell::new(pages),
            log,
            present,
            lively,
            began,
            still: Cell::new(true),
        }
    }

    /// What is read from now on has to have been true at the same moment.
    pub(crate) fn begin(&self) {
        self.log.borrow_mut().clear();
        let now = if self.is_lively() { None } else { self.memory.progress() };
        if self.began.replace(now) != now {
            // What was kept is of an earlier moment.
            self.renew();
        }
    }

    /// What is read from now on is only true while the word at this address is this.
    pub(crate) fn guard(&self, address: u64, value: u64) {
        self.log.borrow_mut().guard(address, value);
    }

    /// Whether all that was read since [`Reader::begin`] was true at one moment: because nothing was
    /// written meanwhile, or because it is unchanged. What has changed is forgotten.
    pub(crate) fn unchanged(&self) -> bool {
        let began = self.began.get();
        let still = began.is_some() && self.memory.progress() == began;
        self.still.set(still);
        let same = still || self.compare();
        self.lively.set(if same { self.lively.get().saturating_sub(1) } else { LIVELY });
        same
    }

    fn compare(&self) -> bool {
        let (mut log, mut present) = (self.log.borrow_mut(), self.present.borrow_mut());
        log.join();
        let guarded = self.is_lively();
        let round = |number| Round { backwards: number % 2 == 1, guarded };
        let same = (0..ROUNDS).all(|number| present.is(&log, self.memory, round(number)));
        if !same {
            for (address, len) in log.pieces() {
                self.forget(*address, *len);
            }
        }
        same
    }

    /// Whether nothing is written to the memory, as far as can be told: then much may be read at once.
    pub(crate) fn is_still(&self) -> bool {
        self.still.get()
    }

    /// Whether what was read changed lately, so that much read at once would have changed, too.
    pub(crate) fn is_lively(&self) -> bool {
        self.lively.get() > 0
    }

    fn forget(&self, address: u64, len: usize) {
        let mut pages = self.pages.borrow_mut();
        let last = address.saturating_add(len as u64) / PAGE;
        for number in address / PAGE..=last {
            let page = pages.get_mut(place(number));
            if let Some(page) = page.filter(|page| page.number == Some(number)) {
                page.number = None;
            }
        }
    }

    /// Forgets everything, so that the present is read.
    pub(crate) fn renew(&self) {
        self.pages.borrow_mut().iter_mut().for_each(|page| page.number = None);
    }

    fn copy(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        let mut pages = self.pages.borrow_mut();
        let mut done = 0;
        while done < into.len() {
            let at = address
                .checked_add(done as u64)
                .ok_or_else(|| Error::unreadable(address, into.len()))?;
            let (number, start) = (at / PAGE, (at % PAGE) as usize);
            // There is a place for each.
            let Some(page) = pages.get_mut(place(number)) else { break };
            if page.number != Some(number) {
                page.number = None;
                page.bytes.resize(PAGE as usize, 0);
                if self.memory.read(number * PAGE, &mut page.bytes).is_err() {
                    // A piece of memory need not start or end with a page.
                    return self.memory.read(address, into);
                }
                page.number = Some(number);
            }
            let page = page.bytes.get(start..).unwrap_or_default();
            let rest = into.get_mut(done..).unwrap_or_default();
            let len = page.len().min(rest.len());
            rest.get_mut(..len).unwrap_or_default().copy_from_slice(&page[..len]);
            done += len;
        }
        Ok(())
    }
}

fn place(number: u64) -> usize {
    (number % PLACES as u64) as usize
}

impl Memory for Reader<'_> {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        self.copy(address, into)?;
        self.log.borrow_mut().push(address, into);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

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
    fn a_guard_that_changes_is_noticed_though_all_else_is_unchanged() {
        let byte = Byte(Cell::new(1));
        let reader = Reader::new(&byte);
        reader.begin();
        reader.guard(64, u64::from_le_bytes([1; 8]));
        assert!(reader.unchanged());
        reader.guard(128, 0);
        assert!(!reader.unchanged());
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
    fn what_nobody_wrote_to_is_not_compared_and_what_was_kept_before_is_read_anew() {
        let told = Told(Cell::new(1));
        let reader = Reader::new(&told);
        for now in [1, 2, 3] {
            told.0.set(now);
            reader.begin();
            let mut read = [0; 2];
            reader.read(PAGE - 1, &mut read).unwrap();
            assert_eq!(read, [now; 2]);
            assert!(reader.unchanged() && reader.is_still());
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
