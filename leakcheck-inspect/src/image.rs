//! Executables: the only room that touches files.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use gimli::SectionId;
use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64, SHF_COMPRESSED};
use object::read::elf::{FileHeader as _, SectionHeader as _};
use object::{LittleEndian, ReadCache, ReadRef};

use crate::Error;
use crate::error::Kind;

/// An executable's description of its own types.
///
/// It holds copies of the few sections that say it, and neither a mapping nor an open file.
pub struct Image {
    pub(crate) info: Vec<u8>,
    pub(crate) abbreviations: Vec<u8>,
    pub(crate) strings: Vec<u8>,
    pub(crate) line_strings: Vec<u8>,
    pub(crate) string_offsets: Vec<u8>,
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

    /// The executable in this file.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, and as [`Image::parse`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::read(path, source);
        let file = File::open(path).map_err(unreadable)?;
        let len = file.metadata().map_err(unreadable)?.len();
        // The tables come through the cache, the sections straight: they are large, and read once.
        Self::of_sections(&ReadCache::new(&file), |range| {
            let mut bytes =
                Vec::with_capacity(range.end.min(len).saturating_sub(range.start) as usize);
            let mut file = &file;
            file.seek(SeekFrom::Start(range.start)).map_err(unreadable)?;
            file.take(range.end - range.start).read_to_end(&mut bytes).map_err(unreadable)?;
            Ok(bytes)
        })
    }

    /// The executable with these bytes.
    ///
    /// # Errors
    ///
    /// Where they are no 64-bit little-endian ELF file for x86-64 or aarch64, or compress the
    /// debug info. Whether it says enough shows only when
    /// [`TaskLayout::of_image`](crate::TaskLayout::of_image) looks at it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Self::of_sections(bytes, |range| {
            let place = |at| usize::try_from(at).unwrap_or(usize::MAX);
            let section = bytes.get(place(range.start)..place(range.end));
            Ok(section.unwrap_or_default().to_vec())
        })
    }

    fn of_sections<'data, R: ReadRef<'data>>(
        elf: R,
        read: impl Fn(Range<u64>) -> Result<Vec<u8>, Error>,
    ) -> Result<Self, Error> {
        let header = FileHeader64::<LittleEndian>::parse(elf)?;
        if !matches!(header.e_machine(LittleEndian), EM_X86_64 | EM_AARCH64) {
            return Err(Kind::Platform.into());
        }
        let table = header.sections(LittleEndian, elf)?;
        let section = |id: SectionId| {
            let Some((_, section)) = table.section_by_name(LittleEndian, id.name().as_bytes())
            else {
                return Ok(Vec::new());
            };
            if section.sh_flags.get(LittleEndian) & u64::from(SHF_COMPRESSED) != 0 {
                return Err(Kind::Compressed(id.name()).into());
            }
            let Some((start, size)) = section.file_range(LittleEndian) else {
                return Ok(Vec::new());
            };
            read(start..start.saturating_add(size))
        };
        Ok(Self {
            info: section(SectionId::DebugInfo)?,
            abbreviations: section(SectionId::DebugAbbrev)?,
            strings: section(SectionId::DebugStr)?,
            line_strings: section(SectionId::DebugLineStr)?,
            string_offsets: section(SectionId::DebugStrOffsets)?,
        })
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Image").field("debug_info_bytes", &self.info.len()).finish_non_exhaustive()
    }
}
