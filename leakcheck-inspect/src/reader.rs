//! Reads a process page by page, and proves afterwards that what was read was true at one moment.

use std::cell::{Cell, RefCell};

use crate::{Error, Memory};

/// Memory is mapped by pages at least as large.
const PAGE: u64 = 4096;

/// Pieces with less than this between them are read as one.
const NEAR: u64 = 128;

/// With so many pieces each new one is compared, to become part of one.
const RECENT: usize = 3;

/// How many pages are kept: 4 MiB. Each page has one place, so that finding it needs no search.
const PLACES: usize = 1024;

/// After a change, this many readings are compared several times: where much changes, it may change
/// back.
const LIVELY: u32 = 256;

/// How often they are compared, and others.
const LIVELY_ROUNDS: usize = 4;
const QUIET_ROUNDS: usize = 2;

/// A memory whose pages are read once, until they are found to have changed.
pub(crate) struct Reader<'m> {
    memory: &'m dyn Memory,
    /// By their number's remainder.
    pages: RefCell<Vec<Page>>,
    /// What was read since the last [`Reader::begin`].
    read: RefCell<Log>,
    /// How many readings are still to be compared several times.
    lively: Cell<u32>,
}

/// What was read, and what it was. A page may have been read anew since, so the bytes are kept.
#[derive(Default)]
struct Log {
    /// Addresses and lengths, in the order of reading.
    reads: Vec<(u64, usize)>,
    bytes: Vec<u8>,
    /// The same in fewer pieces.
    pieces: Vec<(u64, usize)>,
    /// The pieces as they are now, one after the other, and where each starts.
    now: Vec<u8>,
    starts: Vec<usize>,
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
        Self { memory, pages: RefCell::new(pages), read: RefCell::default(), lively: Cell::new(0) }
    }

    /// What is read from now on has to have been true at the same moment.
    pub(crate) fn begin(&self) {
        self.read.borrow_mut().clear();
    }

    /// Whether all that was read since [`Reader::begin`] is unchanged, so was true all at once at
    /// the moment between the two readings. What has changed is forgotten.
    pub(crate) fn unchanged(&self) -> bool {
        let mut read = self.read.borrow_mut();
        let read = &mut *read;
        read.join();
        let lively = self.lively.get();
        // Once is not enough: two readings that are torn in the same way look alike, and a thread that is
        // suspended in between makes them so.
        let rounds = if lively == 0 { QUIET_ROUNDS } else { LIVELY_ROUNDS };
        let same = (0..rounds)
            .all(|_| self.memory.read_all(&read.pieces, &mut read.now).is_ok() && read.is_now());
        self.lively.set(if same { lively.saturating_sub(1) } else { LIVELY });
        if !same {
            for (address, len) in &read.pieces {
                self.forget(*address, *len);
            }
        }
        same
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
        for page in self.pages.borrow_mut().iter_mut() {
            page.number = None;
        }
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

impl Log {
    fn clear(&mut self) {
        self.reads.clear();
        self.bytes.clear();
        self.pieces.clear();
    }

    fn push(&mut self, address: u64, bytes: &[u8]) {
        self.reads.push((address, bytes.len()));
        self.bytes.extend_from_slice(bytes);
        let piece = (address, bytes.len());
        // Most readings are near one of the last.
        let from = self.pieces.len().saturating_sub(RECENT);
        for known in self.pieces.iter_mut().skip(from) {
            if let Some(whole) = one(*known, piece) {
                *known = whole;
                return;
            }
        }
        self.pieces.push(piece);
    }

    /// Sorts the pieces, joins those that are near each other, and makes room for them.
    fn join(&mut self) {
        self.pieces = joined(&mut self.pieces);
        self.starts.clear();
        let mut start = 0;
        for (_, len) in &self.pieces {
            self.starts.push(start);
            start += len;
        }
        self.now.resize(start, 0);
    }

    /// Whether the pieces say now what was read.
    fn is_now(&self) -> bool {
        let mut then = self.bytes.as_slice();
        for (address, len) in &self.reads {
            let (bytes, rest) = then.split_at(*len);
            then = rest;
            let after = self.pieces.partition_point(|(start, _)| start <= address);
            let found = after.checked_sub(1).and_then(|at| {
                let (of_piece, start) = (self.pieces.get(at)?.0, self.starts.get(at)?);
                let from = usize::try_from(address - of_piece).ok()?.checked_add(*start)?;
                self.now.get(from..from.checked_add(*len)?)
            });
            if found != Some(bytes) {
                return false;
            }
        }
        true
    }
}

fn place(number: u64) -> usize {
    (number % PLACES as u64) as usize
}

/// The same bytes in fewer pieces: those close to each other become one.
fn joined(read: &mut Vec<(u64, usize)>) -> Vec<(u64, usize)> {
    read.sort_unstable();
    let mut pieces: Vec<(u64, usize)> = Vec::new();
    for piece in read.drain(..) {
        match pieces.last_mut().and_then(|last| Some((one(*last, piece)?, last))) {
            Some((whole, last)) => *last = whole,
            None => pieces.push(piece),
        }
    }
    pieces
}

/// Two pieces and what lies between them, if that is little and on the same page: what lies between
/// need not be readable.
fn one((one, of_one): (u64, usize), (other, of_other): (u64, usize)) -> Option<(u64, usize)> {
    let (one_end, other_end) =
        (one.checked_add(of_one as u64)?, other.checked_add(of_other as u64)?);
    let (start, end) = (one.min(other), one_end.max(other_end));
    let near = one.max(other) < one_end.min(other_end).checked_add(NEAR)?;
    (near && start / PAGE == end.saturating_sub(1) / PAGE).then(|| (start, (end - start) as usize))
}

impl Memory for Reader<'_> {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        self.copy(address, into)?;
        self.read.borrow_mut().push(address, into);
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
