//! One JSON line per checked test, in a file of this process in the folder that
//! `LEAKCHECK_REPORT` names.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};
use struson::writer::{JsonStreamWriter, JsonWriter};

use super::{Fault, Ignored, LeakReport, Panicked, Verdict};
use crate::survivor::{Survivor, ms};

/// The version of the line's shape. It grows when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    test: &'a str,
    package: Option<&'a str>,
    verdict: Verdict,
    tier: super::Tier,
    waited_ms: f64,
    survivors: Vec<Entry<'a>>,
    ignored: Vec<IgnoredEntry<'a>>,
    stale_ignores: &'a [String],
    panics: &'a [Panicked],
    undecided: &'a [String],
    faults: &'a [Fault],
    notes: &'a [String],
}

/// A survivor with the fields that only inspection can fill: null, never invented.
#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    survivor: &'a Survivor,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct IgnoredEntry<'a> {
    reason: &'a str,
    #[serde(flatten)]
    entry: Entry<'a>,
}

impl<'a> From<&'a Survivor> for Entry<'a> {
    fn from(survivor: &'a Survivor) -> Self {
        Self { survivor, name: None }
    }
}

impl<'a> From<&'a Ignored> for IgnoredEntry<'a> {
    fn from(ignored: &'a Ignored) -> Self {
        Self { reason: &ignored.reason, entry: Entry::from(&ignored.survivor) }
    }
}

pub(super) fn serialize<S: Serializer>(
    report: &LeakReport,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let line = Line {
        schema: SCHEMA,
        test: &report.test,
        package: report.package.as_deref(),
        verdict: report.verdict,
        tier: report.tier,
        waited_ms: ms(report.waited),
        survivors: report.survivors.iter().map(Entry::from).collect(),
        ignored: report.ignored.iter().map(IgnoredEntry::from).collect(),
        stale_ignores: &report.stale_ignores,
        panics: &report.panics,
        undecided: &report.undecided,
        faults: &report.faults,
        notes: &report.notes,
    };
    line.serialize(serializer)
}

pub(super) fn milliseconds<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(ms(*duration))
}

/// The report as one line, its end included.
pub(crate) fn line(report: &LeakReport) -> Result<Vec<u8>, String> {
    let mut line = Vec::new();
    let mut writer = JsonStreamWriter::new(&mut line);
    writer.serialize_value(report).map_err(|error| error.to_string())?;
    writer.finish_document().map_err(|error| error.to_string())?;
    line.push(b'\n');
    Ok(line)
}

/// Where the lines go: opened before the body runs, so that a folder that cannot be written to is
/// told of before any work is done.
#[derive(Debug)]
pub(crate) struct Sink {
    file: File,
    path: PathBuf,
}

impl Sink {
    /// A relative folder starts at the workspace, since tests of different packages run in
    /// different folders.
    pub(crate) fn open(
        folder: &Path,
        workspace: Option<&Path>,
        package: Option<&str>,
    ) -> io::Result<Self> {
        let folder = workspace.map_or_else(|| folder.to_owned(), |root| root.join(folder));
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}-{}.jsonl", package.unwrap_or("tests"), process_name()));
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        Ok(Self { file, path })
    }

    /// Appends one line in one write, so that parallel tests do not mix theirs.
    pub(crate) fn write(&mut self, line: &[u8]) -> Result<(), String> {
        let written = self.file.write_all(line);
        written.map_err(|error| format!("`{}`: {error}", self.path.display()))
    }
}

/// Process ids come round again: the start time keeps two runs in two files.
fn process_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("{}-{}", std::process::id(), since.as_millis())
    })
}
