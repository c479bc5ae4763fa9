//! Pages that were read are kept for a while: what belongs together lies together.

use crate::{Error, Memory};

/// Memory is mapped by pages at least as large.
pub(super) const PAGE: u64 = 4096;

/// What is read at once, where it can be.
const BLOCK: u64 = 4 * PAGE;

/// How many blocks are kept: 4 MiB. Each has one of two places, so that finding it needs no search, and two that
/// share them do not drive each other out.
const SETS: usize = 128;
const PLACES: usize = 2;

/// A block, or the one page of it that can be read; or a place for one.
#[derive(Default)]
struct Block {
    /// Where the bytes lay.
    start: u64,
    bytes: Vec<u8>,
}

/// By the remainders of blocks' numbers; of each, the one that was used last comes first.
pub(super) struct Pages {
    sets: Vec<[Block; PLACES]>,
}

impl Block {
    /// The bytes from this address on, if they are here.
    fn from(&self, address: u64) -> Option<&[u8]> {
        let at = usize::try_from(address.checked_sub(self.start)?).ok()?;
        self.bytes.get(at..).filter(|bytes| !bytes.is_empty())
    }

    fn fill(&mut self, memory: &dyn Memory, address: u64) -> Result<(), Error> {
        for len in [BLOCK, PAGE] {
            self.start = address - address % len;
            self.bytes.resize(len as usize, 0);
            if memory.read(self.start, &mut self.bytes).is_ok() {
                return Ok(());
            }
        }
        self.bytes.clear();
        Err(Error::unreadable(address, PAGE as usize))
    }
}

impl Pages {
    pub(super) fn new() -> Self {
        Self { sets: std::iter::repeat_with(Default::default).take(SETS).collect() }
    }

    pub(super) fn forget_all(&mut self) {
        self.sets.iter_mut().flatten().for_each(|block| block.bytes.clear());
    }

    /// Forgets what is kept of so many bytes from this address on.
    pub(super) fn forget(&mut self, address: u64, len: usize) {
        for number in address / BLOCK..=address.saturating_add(len as u64) / BLOCK {
            let blocks = self.sets.get_mut(set(number)).into_iter().flatten();
            blocks
                .filter(|block| block.start / BLOCK == number)
                .for_each(|block| block.bytes.clear());
        }
    }

    /// The bytes from this address on to the end of its block.
    fn from(&mut self, memory: &dyn Memory, address: u64) -> Option<&[u8]> {
        // There is one for each.
        let set = self.sets.get_mut(set(address / BLOCK))?;
        if set[0].from(address).is_none() {
            set.swap(0, 1);
            if set[0].from(address).is_none() {
                set[0].fill(memory, address).ok()?;
            }
        }
        set[0].from(address)
    }

    /// Fills `into` with what is at this address, or was when it was last read from the memory.
    pub(super) fn read(
        &mut self,
        memory: &dyn Memory,
        address: u64,
        into: &mut [u8],
    ) -> Result<(), Error> {
        // Most readings are of a word.
        if let Ok(word) = <&mut [u8; 8]>::try_from(&mut *into) {
            if let Some(found) = self.from(memory, address).and_then(|found| found.first_chunk()) {
                *word = *found;
                return Ok(());
            }
        }
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let unreadable = || Error::unreadable(address, done);
            let at = address.checked_add(done as u64).ok_or_else(unreadable)?;
            let Some(found) = self.from(memory, at) else {
                // A piece of memory need not start or end with a page.
                return memory.read(address, into);
            };
            let len = found.len().min(rest.len());
            if let (Some(rest), Some(found)) = (rest.get_mut(..len), found.get(..len)) {
                rest.copy_from_slice(found);
            }
            done += len;
        }
        Ok(())
    }
}

fn set(number: u64) -> usize {
    (number % SETS as u64) as usize
}
