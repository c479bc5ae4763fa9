//! Where bytes come from: the only room that reads a process.

#[cfg(target_os = "linux")]
mod progress;

use crate::Error;

/// Bytes by address: this process, a core file, a test's slice.
///
/// Reading must have no effect, and an address where nothing lies must give an error, not a fault. Where one
/// byte of a page of 4 KiB can be read, all of it has to be: what was read is compared with what lies there now,
/// and what lies between two pieces on a page is read along.
pub trait Memory {
    /// Fills `into` with the bytes that start at `address`.
    ///
    /// # Errors
    ///
    /// [`Error::unreadable`], where not all of them can be read. What `into` holds is unspecified then.
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error>;

    /// Fills `into` with all these pieces, one after the other: addresses and lengths. Worth
    /// implementing where one large reading is cheaper than several small ones.
    ///
    /// # Errors
    ///
    /// As [`Memory::read`], if any of them cannot be read.
    fn read_all(&self, pieces: &[(u64, usize)], into: &mut [u8]) -> Result<(), Error> {
        let mut rest = into;
        for (address, len) in pieces {
            let unreadable = || Error::unreadable(*address, *len);
            let (piece, after) = rest.split_at_mut_checked(*len).ok_or_else(unreadable)?;
            self.read(*address, piece)?;
            rest = after;
        }
        Ok(())
    }

    /// A number that stands for how far everybody has got who writes to this memory, but the thread that asks:
    /// where that thread is told the same number later, nobody else wrote in between. Then what it read need not
    /// be compared, which takes longer than reading it. None, where that cannot be told, or not quickly.
    ///
    /// [`ProcessMemory`] tells it of the process's other threads. Other processes that write to memory which is
    /// shared with them are not seen: no task lies there.
    fn progress(&self) -> Option<u64> {
        None
    }
}

/// The word at `address`, plus `offset`.
pub(crate) fn word(memory: &dyn Memory, address: u64, offset: u64) -> Result<u64, Error> {
    uint(memory, address, offset, 8)
}

/// The unsigned integer of `size` bytes, eight at most, at `address` plus `offset`.
pub(crate) fn uint(
    memory: &dyn Memory,
    address: u64,
    offset: u64,
    size: usize,
) -> Result<u64, Error> {
    let at = address.checked_add(offset).ok_or_else(|| Error::unreadable(address, size))?;
    let mut bytes = [0; 8];
    let wanted = bytes.get_mut(..size).ok_or_else(|| Error::unreadable(at, size))?;
    memory.read(at, wanted)?;
    Ok(u64::from_le_bytes(bytes))
}

/// The clock that timers go by, if this system has it.
pub(crate) fn monotonic_now() -> Option<std::time::Duration> {
    #[cfg(target_os = "linux")]
    {
        let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).ok()?;
        Some(now.into())
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// The memory of this process, read by the kernel: a wrong address gives an error instead of a fault.
#[derive(Debug, Clone, Copy)]
pub struct ProcessMemory {
    _own: (),
}

impl ProcessMemory {
    /// The memory of the process that calls.
    pub fn own() -> Self {
        Self { _own: () }
    }
}

impl Memory for ProcessMemory {
    #[cfg(target_os = "linux")]
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        self.read_all(&[(address, into.len())], into)
    }

    #[cfg(target_os = "linux")]
    fn read_all(&self, pieces: &[(u64, usize)], into: &mut [u8]) -> Result<(), Error> {
        use nix::sys::uio::{RemoteIoVec, process_vm_readv};
        use nix::unistd::Pid;
        use std::io::IoSliceMut;

        let mut rest = into;
        // The kernel takes so many pieces at once.
        for pieces in pieces.chunks(1024) {
            let len = pieces.iter().map(|(_, len)| len).sum();
            let unreadable = || Error::unreadable(pieces.first().map_or(0, |(at, _)| *at), len);
            let (piece, after) = rest.split_at_mut_checked(len).ok_or_else(unreadable)?;
            let remote = |(address, len): &(u64, usize)| {
                let base = usize::try_from(*address).unwrap_or(0);
                RemoteIoVec { base, len: *len }
            };
            let remote: Vec<_> = pieces.iter().map(remote).collect();
            match process_vm_readv(Pid::this(), &mut [IoSliceMut::new(piece)], &remote) {
                Ok(read) if read == len => {}
                _ => return Err(unreadable()),
            }
            rest = after;
        }
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn progress(&self) -> Option<u64> {
        progress::of_other_threads()
    }

    #[cfg(not(target_os = "linux"))]
    fn read(&self, _: u64, _: &mut [u8]) -> Result<(), Error> {
        Err(crate::error::Kind::Platform.into())
    }
}

/// A piece of memory that somebody copied out, for instance before a process went away.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// Where the first byte lay.
    pub address: u64,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl Memory for Snapshot<'_> {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        let piece = || {
            let start = usize::try_from(address.checked_sub(self.address)?).ok()?;
            self.bytes.get(start..)?.get(..into.len())
        };
        let piece = piece().ok_or_else(|| Error::unreadable(address, into.len()))?;
        into.copy_from_slice(piece);
        Ok(())
    }

    /// Nobody writes to it.
    fn progress(&self) -> Option<u64> {
        Some(0)
    }
}
