//! What a walk has read, and whether the memory says so still.
//!
//! A task that is polled over and over comes back to the same bytes, so equal bytes alone prove little: a
//! reading may be torn, and the next one torn in the same way. Two things make that unlikely, and each round
//! of comparing multiplies them:
//!
//! - *Guards.* A task's state says whether it is being polled. Where much changes, each round reads it before and
//!   after each piece, so that what lies between can be torn only if a whole poll took place meanwhile.
//! - *Both ways.* Every other round reads backwards: what looks older than the rest in one looks newer
//!   in the other.

use super::pages::PAGE;
use crate::Memory;

/// A guard is a word.
const WORD: usize = 8;

/// At most so many guards are read in one round: a task that runs others inside itself has theirs, too.
const GUARDS: usize = 1 << 12;

/// What was read, and what it was. The bytes are kept here, since a page may have been read anew since.
#[derive(Default)]
pub(super) struct Log {
    /// Addresses, lengths, and where their bytes start, in the order of reading.
    reads: Vec<(u64, usize, usize)>,
    bytes: Vec<u8>,
    /// Addresses of words, and what they were.
    guards: Vec<(u64, u64)>,
    /// The same bytes by their addresses, each once.
    known: Vec<Known>,
    expected: Vec<u8>,
    /// What has to be read to compare them: addresses and lengths.
    pieces: Vec<(u64, usize)>,
}

/// Bytes that lie one after the other, and were all read.
struct Known {
    address: u64,
    len: usize,
    /// Where they start in what is expected.
    start: usize,
    /// The piece that they are part of.
    piece: usize,
}

/// How closely the memory is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round {
    /// Whether the last piece is read first.
    pub(super) backwards: bool,
    /// Whether the guards are read before and after each piece.
    pub(super) guarded: bool,
}

/// The memory as it is: pieces, and guards around them.
#[derive(Default)]
pub(super) struct Present {
    wanted: Vec<(u64, usize)>,
    bytes: Vec<u8>,
    len: usize,
    /// Where each of the log's pieces starts in the bytes, and each reading of all guards.
    starts: Vec<usize>,
    guards: Vec<usize>,
}

impl Log {
    pub(super) fn clear(&mut self) {
        self.reads.clear();
        self.bytes.clear();
        self.guards.clear();
    }

    pub(super) fn push(&mut self, address: u64, bytes: &[u8]) {
        self.reads.push((address, bytes.len(), self.bytes.len()));
        self.bytes.extend_from_slice(bytes);
    }

    /// What was read is only true while this word is what it was.
    pub(super) fn guard(&mut self, address: u64, value: u64) {
        self.guards.push((address, value));
    }

    /// Puts what was read in order, to be compared. False if a byte that was read twice was not the same.
    pub(super) fn join(&mut self) -> bool {
        self.known.clear();
        self.expected.clear();
        self.pieces.clear();
        self.reads.sort_unstable();
        self.reads.iter().all(|(address, len, start)| {
            let bytes = self.bytes.get(*start..start + len).unwrap_or_default();
            let last = self.known.last_mut().and_then(|last| {
                let into = usize::try_from(address - last.address).ok()?;
                (into <= last.len).then_some((into, last))
            });
            let Some((into, last)) = last else {
                let (address, len, start) = (*address, *len, self.expected.len());
                let piece = piece_with(&mut self.pieces, address, len);
                self.known.push(Known { address, len, start, piece });
                self.expected.extend_from_slice(bytes);
                return true;
            };
            let again = bytes.len().min(last.len - into);
            let (again, more) = bytes.split_at(again);
            let before = self.expected.get(last.start + into..).unwrap_or_default();
            if !before.starts_with(again) {
                return false;
            }
            self.expected.extend_from_slice(more);
            last.len += more.len();
            if let Some((start, len)) = self.pieces.get_mut(last.piece) {
                *len = (*len).max((last.address - *start) as usize + last.len);
            }
            true
        })
    }

    /// Addresses and lengths of all that was read.
    pub(super) fn reads(&self) -> impl Iterator<Item = (u64, usize)> + '_ {
        self.reads.iter().map(|(address, len, _)| (*address, *len))
    }
}

/// The piece that so many bytes at this address become part of: the last one if they start on the same page,
/// or else a new one. What lies between need not be readable on another page.
fn piece_with(pieces: &mut Vec<(u64, usize)>, address: u64, len: usize) -> usize {
    match pieces.last_mut() {
        Some((start, of_piece)) if *start / PAGE == address / PAGE => {
            *of_piece = (*of_piece).max((address - *start) as usize + len);
        }
        _ => pieces.push((address, len)),
    }
    pieces.len() - 1
}

impl Present {
    /// Whether the memory says now what the log's reads said. The pieces have to be joined.
    pub(super) fn is(&mut self, log: &Log, memory: &dyn Memory, round: Round) -> bool {
        self.want(log, round);
        self.bytes.resize(self.len, 0);
        memory.read_all(&self.wanted, &mut self.bytes).is_ok()
            && self.guards_are(log)
            && self.reads_are(log)
    }

    fn want(&mut self, log: &Log, round: Round) {
        self.len = 0;
        self.starts.clear();
        self.starts.resize(log.pieces.len(), 0);
        self.wanted.clear();
        self.guards.clear();
        // Where there are too many, they are read after every so many pieces only.
        let every = (log.pieces.len() * log.guards.len()).div_ceil(GUARDS).max(1);
        self.want_guards(log, round);
        for number in 0..log.pieces.len() {
            let at = if round.backwards { log.pieces.len() - 1 - number } else { number };
            let (Some(piece), Some(start)) = (log.pieces.get(at), self.starts.get_mut(at)) else {
                continue;
            };
            *start = self.len;
            self.len += piece.1;
            self.wanted.push(*piece);
            if number % every == every - 1 {
                self.want_guards(log, round);
            }
        }
        self.want_guards(log, round);
    }

    fn want_guards(&mut self, log: &Log, round: Round) {
        if !round.guarded {
            return;
        }
        self.guards.push(self.len);
        self.wanted.extend(log.guards.iter().map(|(address, _)| (*address, WORD)));
        self.len += log.guards.len() * WORD;
    }

    fn guards_are(&self, log: &Log) -> bool {
        self.guards.iter().all(|start| {
            let words = self.bytes.get(*start..).unwrap_or_default().chunks_exact(WORD);
            log.guards.iter().zip(words).all(|((_, then), now)| then.to_le_bytes() == *now)
        })
    }

    fn reads_are(&self, log: &Log) -> bool {
        log.known.iter().all(|known| {
            let piece = log.pieces.get(known.piece).zip(self.starts.get(known.piece));
            let Some(((address, _), start)) = piece else { return false };
            let now = self.bytes.get(start + (known.address - address) as usize..);
            let then = log.expected.get(known.start..known.start + known.len);
            now.zip(then).is_some_and(|(now, then)| now.starts_with(then))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;
    use crate::reader::pages::Pages;
    use crate::{Error, Snapshot};

    /// A memory that remembers in which order it was read.
    struct Recorded(RefCell<Vec<u64>>);

    impl Memory for Recorded {
        fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
            self.0.borrow_mut().push(address);
            into.fill(0);
            Ok(())
        }
    }

    /// The order in which two pieces and a guard are read.
    fn order(backwards: bool, guarded: bool) -> Vec<u64> {
        let recorded = Recorded(RefCell::default());
        let mut log = Log::default();
        for address in [PAGE, 3 * PAGE, PAGE + 8] {
            log.push(address, &[0; 8]);
        }
        log.guard(7, 0);
        assert!(log.join());
        assert!(Present::default().is(&log, &recorded, Round { backwards, guarded }));
        recorded.0.take()
    }

    #[test]
    fn rounds_go_both_ways_and_guards_are_read_around_each_piece() {
        assert_eq!(order(false, false), [PAGE, 3 * PAGE]);
        assert_eq!(order(true, false), [3 * PAGE, PAGE]);
        assert_eq!(order(false, true), [7, PAGE, 7, 3 * PAGE, 7, 7]);
        assert_eq!(order(true, true), [7, 3 * PAGE, 7, PAGE, 7, 7]);
    }

    #[test]
    fn many_guards_and_many_pieces_are_read_within_bounds() {
        let recorded = Recorded(RefCell::default());
        let mut log = Log::default();
        for number in 0..2_000 {
            log.push(number * PAGE, &[0; 8]);
            log.guard(number * PAGE + 64, 0);
        }
        assert!(log.join());
        assert!(Present::default().is(&log, &recorded, Round { backwards: false, guarded: true }));
        let reads = recorded.0.borrow().len();
        assert!(reads < 2_000 + 2 * GUARDS + 3 * 2_000, "{reads}");
    }

    #[test]
    fn a_byte_that_was_read_twice_has_to_be_the_same() {
        let mut log = Log::default();
        log.push(100, &[1, 2, 3]);
        log.push(101, &[2, 9]);
        assert!(!log.join());
    }

    /// Where a memory starts, its bytes, what is read of it (offsets and lengths), and a byte that changes.
    fn cases() -> impl Strategy<Value = (u64, Vec<u8>, Vec<(usize, usize)>, usize)> {
        let size = 3 * PAGE as usize + 100;
        let start = prop_oneof![Just(0x10000), Just(u64::MAX - size as u64 + 1), Just(0x12345)];
        let near = (0..64_usize, 0..20_usize);
        let far = (0..size, 0..5_000_usize);
        let reads = prop::collection::vec(prop_oneof![near, far], 0..40);
        let fits = move |reads: Vec<(usize, usize)>| {
            reads.into_iter().map(|(at, len)| (at, len.min(size - at))).collect()
        };
        (start, prop::collection::vec(any::<u8>(), size), reads.prop_map(fits), 0..size)
    }

    proptest! {
        #[test]
        fn a_change_is_noticed_if_the_byte_was_read_and_then_read_anew(
            (start, mut bytes, reads, at) in cases(),
        ) {
            let rounds = [false, true].map(|backwards| Round { backwards, guarded: false });
            let (mut log, mut present, mut pages) = (Log::default(), Present::default(), Pages::new());
            let memory = Snapshot { address: start, bytes: &bytes };
            for (offset, len) in &reads {
                let mut read = vec![0; *len];
                let address = start + *offset as u64;
                pages.read(&memory, address, &mut read).unwrap();
                prop_assert_eq!(&read, &bytes[*offset..offset + len]);
                log.push(address, &read);
            }
            prop_assert!(log.join());
            prop_assert!(rounds.iter().all(|round| present.is(&log, &memory, *round)));
            bytes[at] ^= 1;
            let changed = Snapshot { address: start, bytes: &bytes };
            let covering = reads.iter().find(|(offset, len)| (*offset..offset + len).contains(&at));
            for round in rounds {
                prop_assert_eq!(present.is(&log, &changed, round), covering.is_none());
            }
            log.reads().for_each(|(address, len)| pages.forget(address, len));
            if let Some((offset, len)) = covering {
                let mut read = vec![0; *len];
                pages.read(&changed, start + *offset as u64, &mut read).unwrap();
                prop_assert_eq!(&read, &bytes[*offset..offset + len]);
            }
        }
    }
}
