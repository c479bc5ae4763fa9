//! Executables: the only room that touches files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use gimli::SectionId;
use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64, SHF_COMPRESSED};
use object::read::elf::{FileHeader as _, SectionHeader as _};
use object::{LittleEndian, ReadCache, ReadRef};

use crate::Error;
use crate::error::Kind;

/// An executable, and what it says of itself.
///
/// Only its tables are read at once. A section is read when it is first asked for, and kept.
pub struct Image {
    source: Source,
    machine: Machine,
    sections: BTreeMap<String, Section>,
}

/// What an image's instructions are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    X86_64,
    Aarch64,
}

enum Source {
    File { file: Mutex<File>, path: PathBuf },
    Bytes(Vec<u8>),
}

struct Section {
    /// Where it lies in the process, before the bias; 0 where it is not loaded.
    address: u64,
    range: Range<u64>,
    compressed: bool,
    bytes: OnceLock<Vec<u8>>,
}

impl Image {
    /// The executable that this process runs, even where the file was replaced or deleted since.
    ///
    /// # Errors
    ///
    /// Where there is no such file (systems other than Linux), and as [`Image::parse`].
    pub fn current() -> Result<Self, Error> {
        if cfg!(target_os = "linux") {
            Self::open(Path::new("/proc/self/exe"))
        } else {
            Err(Kind::Platform.into())
        }
    }

    /// The executable in this file, which is kept open.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, and as [`Image::parse`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::read(path, source))?;
        let tables = Tables::read(&ReadCache::new(&file))?;
        let (file, path) = (Mutex::new(file), path.to_owned());
        Ok(tables.image(Source::File { file, path }))
    }

    /// The executable with these bytes.
    ///
    /// # Errors
    ///
    /// Where they are no 64-bit little-endian ELF file for x86-64 or aarch64. Whether it says enough
    /// shows only when something is looked for.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Tables::read(bytes)?.image(Source::Bytes(bytes.to_vec())))
    }

    /// What tells this file's debug info from that of another with the same build id: stripping keeps the
    /// id.
    pub(crate) fn debug_sizes(&self) -> Vec<u8> {
        let debug = self.sections.iter().filter(|(name, _)| name.starts_with(".debug_"));
        let sizes = debug.map(|(_, section)| section.range.end.wrapping_sub(section.range.start));
        sizes.flat_map(u64::to_le_bytes).collect()
    }

    /// What tells this build from every other, if the linker wrote it.
    pub fn build_id(&self) -> Option<&[u8]> {
        let note = self.bytes(self.sections.get(".note.gnu.build-id")?).ok()?;
        // A note: the lengths of its name and its contents, its type, the name "GNU\0", the contents.
        let len = u32::from_le_bytes(note.get(4..8)?.try_into().ok()?);
        let id = note.get(16..)?.get(..usize::try_from(len).ok()?)?;
        (note.get(12..16)? == b"GNU\0" && !id.is_empty()).then_some(id)
    }

    pub(crate) fn machine(&self) -> Machine {
        self.machine
    }

    /// The section's bytes; empty where there is none.
    pub(crate) fn section(&self, id: SectionId) -> Result<&[u8], Error> {
        let Some(section) = self.sections.get(id.name()) else {
            return Ok(&[]);
        };
        if section.compressed {
            return Err(Kind::Compressed(id.name()).into());
        }
        self.bytes(section)
    }

    /// The instructions, and the address of the first.
    pub(crate) fn text(&self) -> Result<(u64, &[u8]), Error> {
        self.loaded(".text")
    }

    /// The bytes of the section with this name, and the address of the first; none where it is not there.
    pub(crate) fn loaded(&self, name: &str) -> Result<(u64, &[u8]), Error> {
        match self.sections.get(name) {
            Some(section) => Ok((section.address, self.bytes(section)?)),
            None => Ok((0, &[])),
        }
    }

    fn bytes<'s>(&'s self, section: &'s Section) -> Result<&'s [u8], Error> {
        if let Some(bytes) = section.bytes.get() {
            return Ok(bytes);
        }
        let bytes = self.source.read(&section.range)?;
        Ok(section.bytes.get_or_init(|| bytes))
    }
}

impl Source {
    fn read(&self, range: &Range<u64>) -> Result<Vec<u8>, Error> {
        let len = range.end.saturating_sub(range.start);
        match self {
            Self::Bytes(bytes) => {
                let place = |at| usize::try_from(at).unwrap_or(usize::MAX);
                let section = bytes.get(place(range.start)..place(range.end));
                Ok(section.unwrap_or_default().to_vec())
            }
            Self::File { file, path } => {
                let unreadable = |source| Error::read(path, source);
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let held = file.metadata().map_err(unreadable)?.len();
                // A damaged table must not have memory set aside that the file cannot fill.
                let wanted = len.min(held.saturating_sub(range.start));
                let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
                file.seek(SeekFrom::Start(range.start)).map_err(unreadable)?;
                (&mut *file).take(wanted).read_to_end(&mut bytes).map_err(unreadable)?;
                Ok(bytes)
            }
        }
    }
}

/// What is read of an executable at once.
struct Tables {
    machine: Machine,
    sections: BTreeMap<String, Section>,
}

impl Tables {
    fn read<'data, R: ReadRef<'data>>(elf: R) -> Result<Self, Error> {
        let header = FileHeader64::<LittleEndian>::parse(elf)?;
        let machine = match header.e_machine(LittleEndian) {
            EM_X86_64 => Machine::X86_64,
            EM_AARCH64 => Machine::Aarch64,
            _ => return Err(Kind::Platform.into()),
        };
        let table = header.sections(LittleEndian, elf)?;
        let mut sections = BTreeMap::new();
        for section in table.iter() {
            let Ok(name) = table.section_name(LittleEndian, section) else {
                continue;
            };
            let Some((start, size)) = section.file_range(LittleEndian) else {
                continue;
            };
            let section = Section {
                address: section.sh_addr(LittleEndian),
                range: start..start.saturating_add(size),
                compressed: section.sh_flags(LittleEndian) & u64::from(SHF_COMPRESSED) != 0,
                bytes: OnceLock::new(),
            };
            sections.entry(String::from_utf8_lossy(name).into_owned()).or_insert(section);
        }
        Ok(Self { machine, sections })
    }

    fn image(self, source: Source) -> Image {
        let Self { machine, sections } = self;
        Image { source, machine, sections }
    }
}

/// Where the executable of this process starts in its memory, by what the kernel told the process when
/// it started it: where the program headers are, which follow the file's own header.
pub(crate) fn own_start() -> Result<u64, Error> {
    if !cfg!(target_os = "linux") {
        return Err(Kind::Platform.into());
    }
    let path = Path::new("/proc/self/auxv");
    let told = std::fs::read(path).map_err(|source| Error::read(path, source))?;
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let headers = told.chunks_exact(16).find_map(|pair| {
        let (key, value) = pair.split_at(8);
        (word(key) == PROGRAM_HEADERS).then(|| word(value))
    });
    let after_header = size_of::<FileHeader64<LittleEndian>>() as u64;
    let start = headers.and_then(|headers| headers.checked_sub(after_header));
    Ok(start
        .ok_or_else(|| Kind::Known("the kernel does not tell where the executable is".into()))?)
}

/// `AT_PHDR`.
const PROGRAM_HEADERS: u64 = 3;

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Image").field("machine", &self.machine).finish_non_exhaustive()
    }
}
