//! What a walk has read, and whether the memory says so still.
//!
//! A task that is polled over and over comes back to the same bytes, so equal bytes alone prove little: a
//! reading may be torn, and the next one torn in the same way. Two things make that unlikely, and each round
//! of comparing multiplies them:
//!
//! - *Guards.* A task's state says whether it is being polled. Each round reads the guards before all else
//!   and after it, so that what lies between can be torn only if a whole poll took place meanwhile.
//! - *Both ways.* Every other round reads backwards: what looks older than the rest in one looks newer
//!   in the other.

use super::pages::PAGE;
use crate::Memory;

/// A guard is a word.
const WORD: usize = 8;

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
        (self.len, self.starts) = (0, vec![0; log.pieces.len()]);
        self.wanted.clear();
        self.guards.clear();
        self.want_guards(log, round);
        for number in 0..log.pieces.len() {
            let at = if round.backwards { log.pieces.len() - 1 - number } else { number };
            let (Some(piece), Some(start)) = (log.pieces.get(at), self.starts.get_mut(at)) else {
                continue;
            };
            *start = self.len;
            self.len += piece.1;
            self.wanted.push(*piece);
            self.want_guards(log, round);
        }
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
