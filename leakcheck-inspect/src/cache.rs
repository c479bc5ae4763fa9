//! Facts on disk, so that the next process of the same binary starts with them.
//!
//! # Invariants
//!
//! 1. A file is believed whole or not at all: it must have our format's version, the image's build id and the
//!    sizes of its debug sections, and the checksum of its contents. Anything else is as good as no file.
//! 2. A file is never changed: a new one takes its place at once, so readers see the one or the other,
//!    and of several writers one wins.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::knowledge::Facts;

/// Changes with whatever is kept; the crate's version says the rest.
const FORMAT: &str = concat!("leakcheck-inspect ", env!("CARGO_PKG_VERSION"), " facts 6\n");

/// Files of builds that are gone pile up: so many are kept.
const FILES: usize = 64;

/// More than any image's facts take. A larger file is not read.
const LARGEST: u64 = 64 << 20;

/// Where an image's facts are kept.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    build_id: Vec<u8>,
    /// What else has to be the same: the sizes of the debug sections.
    also: Vec<u8>,
}

impl Cache {
    pub(crate) fn new(folder: &Path, build_id: &[u8], also: &[u8]) -> Self {
        let (build_id, also) = (build_id.to_vec(), also.to_vec());
        Self { folder: folder.to_owned(), build_id, also }
    }

    /// What a file about this very image starts with.
    fn identity(&self) -> Vec<u8> {
        [FORMAT.as_bytes(), &self.build_id, &self.also].concat()
    }

    fn path(&self) -> PathBuf {
        let name: String = self.build_id.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.facts"))
    }

    /// The facts that are kept, if there are any that can be believed.
    pub(crate) fn load(&self) -> Option<Facts> {
        let path = self.path();
        if fs::metadata(&path).ok()?.len() > LARGEST {
            return None;
        }
        decode(&fs::read(path).ok()?, &self.identity())
    }

    /// Keeps these facts, and those that another process kept meanwhile.
    pub(crate) fn save(&self, facts: &Facts) -> io::Result<()> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(&self.folder)?;
        let kept = self.load();
        let bytes = encode(facts, kept.as_ref(), &self.identity())?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = self.path();
        let own = path.with_extension(format!("{}-{number}.new", std::process::id()));
        let written = fs::write(&own, bytes).and_then(|()| fs::rename(&own, &path));
        if written.is_err() {
            let _ = fs::remove_file(&own);
        }
        self.tidy();
        written
    }

    /// Removes the files that are oldest. Somebody else may remove them first.
    fn tidy(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let dated = entries.flatten().filter_map(|entry| {
            let path = entry.path();
            let ours = path.extension().is_some_and(|kind| kind == "facts");
            ours.then_some((entry.metadata().ok()?.modified().ok()?, path))
        });
        let mut dated: Vec<_> = dated.collect();
        dated.sort_unstable();
        let surplus = dated.len().saturating_sub(FILES);
        for (_, path) in dated.into_iter().take(surplus) {
            let _ = fs::remove_file(path);
        }
    }
}

fn encode(facts: &Facts, kept: Option<&Facts>, identity: &[u8]) -> io::Result<Vec<u8>> {
    let merged = kept.map_or_else(|| facts.clone(), |kept| facts.with(kept));
    // That something was not found is found out anew: it may have been another's fault.
    let contents = postcard::to_stdvec(&merged.found());
    let contents = contents.map_err(|error| io::Error::other(error.to_string()))?;
    let mut bytes = identity.to_vec();
    bytes.extend(checksum(&contents).to_le_bytes());
    bytes.extend(contents);
    Ok(bytes)
}

fn decode(bytes: &[u8], identity: &[u8]) -> Option<Facts> {
    let rest = bytes.strip_prefix(identity)?;
    let (sum, contents) = rest.split_at_checked(8)?;
    if sum != checksum(contents).to_le_bytes() {
        return None;
    }
    let facts: Facts = postcard::from_bytes(contents).ok()?;
    Some(facts.recognised())
}

/// FNV-1a over words: against damage, not against malice. (Fowler, Noll, Vo)
fn checksum(bytes: &[u8]) -> u64 {
    let mut sum = 0xcbf2_9ce4_8422_2325 ^ bytes.len() as u64;
    let mut at = 0;
    // Eight bytes at a time: this runs in programs that are not optimised.
    while at < bytes.len() {
        let mut word = 0;
        let end = if at + 8 < bytes.len() { at + 8 } else { bytes.len() };
        while at < end {
            word = word << 8 | bytes[at] as u64;
            at += 1;
        }
        sum = (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        sum ^= sum >> 29;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::TypeId;

    fn facts() -> Facts {
        let mut facts = Facts::default();
        facts.vtables.insert(7, Some(TypeId(1)));
        facts
    }

    #[test]
    fn what_was_saved_is_loaded_and_merged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path(), b"id", b"sizes");
        assert!(cache.load().is_none());
        cache.save(&facts()).unwrap();
        let mut others = Facts::default();
        others.vtables.insert(8, Some(TypeId(2)));
        cache.save(&others).unwrap();
        let loaded = cache.load().unwrap();
        assert_eq!(loaded.vtables.len(), 2);
    }

    #[test]
    fn what_was_not_found_is_not_kept_nor_is_anything_for_another_image() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path(), b"id", b"sizes");
        let mut facts = facts();
        facts.vtables.insert(9, None);
        cache.save(&facts).unwrap();
        assert_eq!(cache.load().unwrap().vtables.len(), 1);
        assert!(Cache::new(folder.path(), b"id", b"stripped").load().is_none());
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let bytes = encode(&facts(), None, b"id").unwrap();
        assert!(decode(&bytes, b"id").is_some());
        assert!(decode(&bytes, b"di").is_none());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(decode(&damaged, b"id").is_none(), "byte {at}");
            assert!(decode(&bytes[..at], b"id").is_none(), "cut at {at}");
        }
    }

    #[test]
    fn the_oldest_files_make_room() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..FILES as u8 + 9 {
            Cache::new(folder.path(), &[number], &[]).save(&facts()).unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), FILES);
    }
}
