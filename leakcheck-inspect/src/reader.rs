//! Reads a process page by page, and proves afterwards that what was read was true at one moment.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use crate::{Error, Memory};

/// Memory is mapped by pages at least as large.
const PAGE: u64 = 4096;

/// Pieces with less than this between them are read as one.
const NEAR: u64 = 128;

/// How many pages are kept: 32 MiB. What comes later starts anew.
const PAGES: usize = 8192;

/// After a change, this many readings are compared twice: where much changes, it may change back.
const LIVELY: u32 = 256;

/// A memory whose pages are read once, until they are found to have changed.
pub(crate) struct Reader<'m> {
    memory: &'m dyn Memory,
    pages: RefCell<HashMap<u64, Box<[u8]>>>,
    /// What was read since the last [`Reader::begin`]: addresses and lengths.
    read: RefCell<Vec<(u64, usize)>>,
    /// How many readings are still to be compared twice.
    lively: Cell<u32>,
}

impl<'m> Reader<'m> {
    pub(crate) fn new(memory: &'m dyn Memory) -> Self {
        Self { memory, pages: RefCell::default(), read: RefCell::default(), lively: Cell::new(0) }
    }

    /// What is read from now on has to have been true at the same moment.
    pub(crate) fn begin(&self) {
        self.read.borrow_mut().clear();
    }

    /// Whether all that was read since [`Reader::begin`] is unchanged, so was true all at once at
    /// the moment between the two readings. What has changed is forgotten.
    pub(crate) fn unchanged(&self) -> bool {
        let pieces = joined(&mut self.read.borrow_mut());
        let len = pieces.iter().map(|(_, len)| len).sum();
        let (mut then, mut now) = (vec![0; len], vec![0; len]);
        let mut rest = then.as_mut_slice();
        let mut kept = true;
        for (address, len) in &pieces {
            let (piece, after) = rest.split_at_mut(*len);
            kept &= self.copy(*address, piece).is_ok();
            rest = after;
        }
        let mut same = || self.memory.read_all(&pieces, &mut now).is_ok() && now == then;
        let lively = self.lively.get();
        let same = kept && same() && (lively == 0 || same());
        self.lively.set(if same { lively.saturating_sub(1) } else { LIVELY });
        if !same {
            for (address, len) in pieces {
                self.forget(address, len);
            }
        }
        same
    }

    fn forget(&self, address: u64, len: usize) {
        let mut pages = self.pages.borrow_mut();
        let last = address.saturating_add(len as u64) / PAGE;
        for page in address / PAGE..=last {
            pages.remove(&page);
        }
    }

    /// Forgets everything, so that the present is read.
    pub(crate) fn renew(&self) {
        self.pages.borrow_mut().clear();
    }

    fn copy(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        let mut pages = self.pages.borrow_mut();
        let mut done = 0;
        while done < into.len() {
            let at = address
                .checked_add(done as u64)
                .ok_or_else(|| Error::unreadable(address, into.len()))?;
            let (number, start) = (at / PAGE, (at % PAGE) as usize);
            if !pages.contains_key(&number) {
                let mut page = vec![0; PAGE as usize].into_boxed_slice();
                if self.memory.read(number * PAGE, &mut page).is_err() {
                    // A piece of memory need not start or end with a page.
                    return self.memory.read(address, into);
                }
                if pages.len() >= PAGES {
                    pages.clear();
                }
                pages.insert(number, page);
            }
            let page = pages.get(&number).map(|page| page.get(start..).unwrap_or_default());
            let (page, rest) = (page.unwrap_or_default(), into.get_mut(done..).unwrap_or_default());
            let len = page.len().min(rest.len());
            rest.get_mut(..len).unwrap_or_default().copy_from_slice(&page[..len]);
            done += len;
        }
        Ok(())
    }
}

/// The same bytes in fewer pieces: those close to each other become one.
fn joined(read: &mut Vec<(u64, usize)>) -> Vec<(u64, usize)> {
    read.sort_unstable();
    let mut pieces: Vec<(u64, usize)> = Vec::new();
    for (address, len) in read.drain(..) {
        let end = address.saturating_add(len as u64);
        if let Some((start, of_last)) = pieces.last_mut() {
            let last_end = start.saturating_add(*of_last as u64);
            // Never across pages: what lies between need not be readable.
            if address <= last_end
                || (address - last_end < NEAR && address / PAGE == (last_end - 1) / PAGE)
            {
                *of_last = (end.max(last_end) - *start) as usize;
                continue;
            }
        }
        pieces.push((address, len));
    }
    pieces
}

impl Memory for Reader<'_> {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        self.copy(address, into)?;
        self.read.borrow_mut().push((address, into.len()));
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
    fn what_changes_and_changes_back_is_noticed_where_much_changes() {
        let torn = Torn(Cell::new(2));
        let reader = Reader::new(&torn);
        reader.lively.set(1);
        let (mut first, mut second) = ([0; 1], [0; 1]);
        reader.read(0, &mut first).unwrap();
        reader.read(8 * PAGE, &mut second).unwrap();
        assert_ne!(first, second, "torn");
        assert!(!reader.unchanged());
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
