//! Memories: a real one, recorded and damaged, and one that never made sense.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use leakcheck_inspect::{Error, Image, Inspector, Memory, Process, ProcessMemory};
use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::sync::{Mutex, mpsc, oneshot};

const PAGE: u64 = 4096;

/// Pages by their address.
#[derive(Default)]
pub(crate) struct Pages {
    pages: BTreeMap<u64, Vec<u8>>,
    reads: AtomicUsize,
}

impl Clone for Pages {
    /// The same pages, not read yet.
    fn clone(&self) -> Self {
        Self { pages: self.pages.clone(), reads: AtomicUsize::new(0) }
    }
}

impl Pages {
    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

impl Memory for Pages {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let unreadable = || Error::unreadable(address, into.len());
        let mut bytes = Vec::with_capacity(into.len());
        while bytes.len() < into.len() {
            let at = address.checked_add(bytes.len() as u64).ok_or_else(unreadable)?;
            let page = self.pages.get(&(at - at % PAGE)).ok_or_else(unreadable)?;
            let page = &page[(at % PAGE) as usize..];
            bytes.extend_from_slice(&page[..page.len().min(into.len() - bytes.len())]);
        }
        into.copy_from_slice(&bytes);
        Ok(())
    }
}

/// Keeps each page that is read of this process.
#[derive(Default)]
struct Recorder(std::sync::Mutex<Pages>);

impl Memory for Recorder {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        let mut pages = self.0.lock().unwrap();
        let mut at = address - address % PAGE;
        while at < address + into.len() as u64 {
            let mut page = vec![0; PAGE as usize];
            ProcessMemory::own().read(at, &mut page)?;
            pages.pages.insert(at, page);
            at += PAGE;
        }
        pages.read(address, into)
    }
}

/// The pages with the tasks of a runtime on them, and the address of its handle.
pub(crate) fn recorded() -> (Inspector, Pages, u64) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let spawned = runtime.handle().clone();
    let inspector = Inspector::new(Image::current().expect("an executable"));
    let recorder = Recorder::default();
    let handle = std::ptr::from_ref(&spawned) as u64;
    runtime.block_on(async {
        spawn_all();
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let process = Process { memory: &recorder, ..Process::own().expect("this process") };
        let tasks = inspector.tasks(process, handle).expect("tasks");
        let trees = tasks.iter().filter(|task| task.tree.is_some()).count();
        assert!(trees > 6 && tasks.len() == trees, "{tasks:#?}");
    });
    (inspector, recorder.0.into_inner().unwrap(), handle)
}

/// How far this executable lies from where its file says.
pub(crate) fn bias() -> u64 {
    Process::own().expect("this process").bias
}

/// One task for each thing that inspection follows.
fn spawn_all() {
    let (sender, mut receiver) = mpsc::channel::<u8>(1);
    tokio::spawn(async move {
        receiver.recv().await;
        drop(sender);
    });
    let (answer, answered) = oneshot::channel::<u8>();
    tokio::spawn(async move {
        tokio::select! {
            _ = answered => {}
            () = tokio::time::sleep(Duration::from_secs(3600)) => {}
        }
        drop(answer);
    });
    let joined = tokio::spawn(descend(20));
    tokio::spawn(tokio::time::timeout(Duration::from_secs(3600), joined));
    tokio::spawn(async {
        let several = (0..5).map(|_| std::future::pending::<()>());
        several.collect::<FuturesUnordered<_>>().next().await;
    });
    tokio::spawn(async {
        let several: Vec<Boxed> = (1..5).map(descend).collect();
        futures::future::join_all(several).await;
    });
    tokio::spawn(async {
        let mutex = Mutex::new(());
        let _held = mutex.lock().await;
        tokio::join!(descend(1), async { drop(mutex.lock().await) });
    });
    tokio::spawn(async {
        let mut set = tokio::task::JoinSet::new();
        set.spawn(std::future::pending::<()>());
        set.join_next().await;
    });
}

pub(crate) type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) fn descend(levels: usize) -> Boxed {
    Box::pin(async move {
        match levels {
            0 => std::future::pending().await,
            _ => descend(levels - 1).await,
        }
    })
}

/// Something that happens to recorded memory.
#[derive(Clone, Debug)]
pub(crate) enum Flaw {
    Flip {
        page: usize,
        at: usize,
        bit: u8,
    },
    Word {
        page: usize,
        at: usize,
        word: u64,
    },
    /// A word becomes that of another place, mostly a pointer to somewhere else.
    Swap {
        from: (usize, usize),
        to: (usize, usize),
    },
    Lost {
        page: usize,
    },
}

impl Flaw {
    pub(crate) fn any(pages: usize) -> impl Strategy<Value = Self> {
        let (page, at) = (0..pages, (0..PAGE as usize / 8).prop_map(|word| word * 8));
        let place = (page.clone(), at.clone());
        let word = proptest::sample::select(vec![0, 1, 2, 64, u64::MAX, 1 << 40, u64::MAX - 7]);
        prop_oneof![
            4 => (page.clone(), 0..PAGE as usize, 0..8_u8)
                .prop_map(|(page, at, bit)| Self::Flip { page, at, bit }),
            2 => (page.clone(), at, word).prop_map(|(page, at, word)| Self::Word { page, at, word }),
            4 => (place.clone(), place).prop_map(|(from, to)| Self::Swap { from, to }),
            1 => page.prop_map(|page| Self::Lost { page }),
        ]
    }

    pub(crate) fn inflict(&self, memory: &mut Pages) {
        let mut pages: Vec<&mut Vec<u8>> = memory.pages.values_mut().collect();
        match *self {
            Self::Flip { page, at, bit } => {
                if let Some(byte) = pages.get_mut(page).and_then(|page| page.get_mut(at)) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Word { page, at, word } => put(&mut pages, (page, at), &word.to_le_bytes()),
            Self::Swap { from, to } => {
                let word = pages.get(from.0).and_then(|page| page.get(from.1..from.1 + 8));
                let word = word.map(<[u8]>::to_vec).unwrap_or_default();
                put(&mut pages, to, &word);
            }
            Self::Lost { page } => {
                let address = memory.pages.keys().nth(page).copied();
                address.map(|address| memory.pages.remove(&address));
            }
        }
    }
}

fn put(pages: &mut [&mut Vec<u8>], (page, at): (usize, usize), bytes: &[u8]) {
    let place = pages.get_mut(page).and_then(|page| page.get_mut(at..at + bytes.len()));
    if let Some(place) = place {
        place.copy_from_slice(bytes);
    }
}

/// Words of which each is a small number, an address of its own or a vtable's, by chance.
pub(crate) struct Chaos {
    seed: u64,
    vtables: Vec<u64>,
}

impl Chaos {
    pub(crate) fn new(seed: u64, vtables: &[u64]) -> Self {
        Self { seed, vtables: vtables.to_vec() }
    }

    fn word(&self, address: u64) -> u64 {
        let mut mixed = (address ^ self.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^= mixed >> 29;
        mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^= mixed >> 32;
        let rest = mixed >> 8;
        match mixed % 16 {
            0 => u64::MAX - rest % 16,
            1 => rest,
            2..6 => 4096 + rest % 64 * 8,
            6..9 => self.vtables[rest as usize % self.vtables.len()],
            _ => rest % 6,
        }
    }
}

impl Memory for Chaos {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        for (at, byte) in into.iter_mut().enumerate() {
            let address = address.wrapping_add(at as u64);
            *byte = self.word(address & !7).to_le_bytes()[(address % 8) as usize];
        }
        // Pages are there or not.
        let there = self.word(address / PAGE) % 5 != 4;
        if there { Ok(()) } else { Err(Error::unreadable(address, into.len())) }
    }
}
