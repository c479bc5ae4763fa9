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

/// Pieces with less than this between them are read as one.
const NEAR: u64 = 128;

/// With so many pieces each new one is compared, to become part of one.
const RECENT: usize = 3;

/// A guard is a word.
const WORD: usize = 8;

/// What was read, and what it was. The bytes are kept here, since a page may have been read anew since.
#[derive(Default)]
pub(super) struct Log {
    /// Addresses and lengths, in the order of reading.
    reads: Vec<(u64, usize)>,
    bytes: Vec<u8>,
    /// Addresses of words, and what they were.
    guards: Vec<(u64, u64)>,
    /// What was read in fewer pieces: sorted, once they are [joined](Log::join).
    pieces: Vec<(u64, usize)>,
}

/// How closely the memory is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round {
    /// Whether the last piece is read first.
    pub(super) backwards: bool,
    /// Whether the guards are read between any two pieces, too.
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
        self.pieces.clear();
    }

    pub(super) fn push(&mut self, address: u64, bytes: &[u8]) {
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

    /// What was read is only true while this word is what it was.
    pub(super) fn guard(&mut self, address: u64, value: u64) {
        self.guards.push((address, value));
    }

    /// Sorts the pieces, and makes one of those that are near each other.
    pub(super) fn join(&mut self) {
        self.pieces.sort_unstable();
        self.pieces.dedup_by(|later, kept| one(*kept, *later).map(|whole| *kept = whole).is_some());
    }

    pub(super) fn pieces(&self) -> &[(u64, usize)] {
        &self.pieces
    }
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
        self.want_guards(log);
        for number in 0..log.pieces.len() {
            let at = if round.backwards { log.pieces.len() - 1 - number } else { number };
            let (Some(piece), Some(start)) = (log.pieces.get(at), self.starts.get_mut(at)) else {
                continue;
            };
            *start = self.len;
            self.len += piece.1;
            self.wanted.push(*piece);
            if round.guarded {
                self.want_guards(log);
            }
        }
        self.want_guards(log);
    }

    fn want_guards(&mut self, log: &Log) {
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
        let mut then = log.bytes.as_slice();
        for (address, len) in &log.reads {
            let (bytes, rest) = then.split_at(*len);
            then = rest;
            let after = log.pieces.partition_point(|(start, _)| start <= address);
            let found = after.checked_sub(1).and_then(|at| {
                let (of_piece, start) = (log.pieces.get(at)?.0, self.starts.get(at)?);
                let from = usize::try_from(address - of_piece).ok()?.checked_add(*start)?;
                self.bytes.get(from..from.checked_add(*len)?)
            });
            if found != Some(bytes) {
                return false;
            }
        }
        true
    }
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
