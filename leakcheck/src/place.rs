//! Places in source code, and whose code it is.

use std::fmt;
use std::panic::Location;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A place in source code.
///
/// `file` is relative to the workspace for the user's own code, and starts with the package's
/// folder (`tokio-1.54.1/src/..`) for dependencies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The source file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1; `None` where it is not known.
    pub column: Option<u32>,
    /// Whether the file belongs to the user's workspace.
    #[serde(skip)]
    pub in_workspace: bool,
}

#[cfg(test)]
impl Place {
    pub(crate) fn test(file: &str, line: u32) -> Self {
        Self { file: file.to_owned(), line, column: None, in_workspace: true }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        match self.column {
            Some(column) => write!(f, ":{column}"),
            None => Ok(()),
        }
    }
}

/// rustc names the workspace's own files relative to its root, and everybody else's absolutely.
#[cfg(tokio_unstable)]
pub(crate) fn is_outside_workspace(location: &Location<'_>) -> bool {
    Path::new(location.file()).is_absolute()
}

/// The user's workspace: tells its files from those of dependencies, and reads its lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace {
    root: Option<PathBuf>,
}

impl Workspace {
    /// The workspace around the package in `manifest_dir`: the nearest folder from it upwards whose
    /// `Cargo.toml` has a `[workspace]` table, or the package's own. A workspace may exclude the
    /// package: `file`, a source file of the package as rustc was given it, tells.
    pub(crate) fn around(manifest_dir: Option<&str>, file: Option<&str>) -> Self {
        let Some(package) = manifest_dir.map(Path::new).filter(|dir| dir.is_dir()) else {
            return Self::default();
        };
        let declares = |dir: &&Path| {
            let manifest = std::fs::read_to_string(dir.join("Cargo.toml")).unwrap_or_default();
            manifest.lines().any(|line| line.trim_start().starts_with("[workspace"))
        };
        let includes = |root: &&Path| match file.map(|file| root.join(file)) {
            Some(file) => file.starts_with(package) && file.is_file(),
            None => true,
        };
        let root = package.ancestors().find(declares).filter(includes).unwrap_or(package);
        Self { root: Some(root.to_owned()) }
    }

    /// One whose root is not known, as in an executable that was moved away.
    #[cfg(test)]
    pub(crate) fn without_root() -> Self {
        Self::default()
    }

    pub(crate) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// The place of a `#[track_caller]` location.
    pub(crate) fn place_of(&self, location: &Location<'_>) -> Place {
        self.place(Path::new(location.file()), location.line(), Some(location.column()))
    }

    pub(crate) fn place(&self, file: &Path, line: u32, column: Option<u32>) -> Place {
        let own = match &self.root {
            _ if file.is_relative() => Some(file),
            Some(root) => file.strip_prefix(root).ok(),
            None => None,
        };
        let shown = own.map_or_else(|| shorten(file), Path::to_owned);
        let file = shown.to_string_lossy().into_owned();
        Place { file, line, column, in_workspace: own.is_some() }
    }

    /// A place as debug info names it. There a relative path is whatever the file's compiler was
    /// given: the workspace's only if such a file is there.
    pub(crate) fn place_in_debug_info(&self, file: &Path, line: u32, column: Option<u32>) -> Place {
        let mut place = self.place(file, line, column);
        let exists = |root: &PathBuf| root.join(file).is_file();
        place.in_workspace &= file.is_absolute() || self.root.as_ref().is_none_or(exists);
        place
    }

    /// The text of a line of the user's own code, trimmed. `None` where the source is not there.
    pub(crate) fn source_line(&self, place: &Place) -> Option<String> {
        let file = self.root.as_ref()?.join(&place.file);
        let text = std::fs::read_to_string(file).ok().filter(|_| place.in_workspace)?;
        let line = text.lines().nth(place.line.checked_sub(1)? as usize)?.trim();
        (!line.is_empty()).then(|| line.to_owned())
    }
}

/// Drops what a machine puts before a package's folder: a registry's, a checkout's, the standard
/// library's.
fn shorten(file: &Path) -> PathBuf {
    let parts: Vec<_> = file.components().collect();
    let named =
        |index: usize, name: &str| parts.get(index).is_some_and(|part| part.as_os_str() == name);
    let kept = (0..parts.len()).find_map(|index| {
        if named(index, "registry") && named(index + 1, "src") {
            Some(index + 3)
        } else if named(index, "git") && named(index + 1, "checkouts") {
            Some(index + 2)
        } else if named(index, "rustc") && named(index + 2, "library") {
            Some(index + 3)
        } else {
            None
        }
    });
    match kept {
        Some(from) if from < parts.len() => parts[from..].iter().collect(),
        _ => file.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_shown_from_its_own_folder_on() {
        let check =
            |file: &str, expected: &str| assert_eq!(shorten(Path::new(file)), Path::new(expected));
        check(
            "/home/u/.cargo/registry/src/index-1/axum-0.8.9/src/serve.rs",
            "axum-0.8.9/src/serve.rs",
        );
        check("/home/u/.cargo/git/checkouts/axum-1/ab12/src/lib.rs", "axum-1/ab12/src/lib.rs");
        check("/rustc/59807616/library/core/src/ops/function.rs", "core/src/ops/function.rs");
        check("/opt/vendored/x.rs", "/opt/vendored/x.rs");
    }

    #[test]
    fn a_line_of_the_workspace_can_be_read_back() {
        let workspace = Workspace::around(Some(env!("CARGO_MANIFEST_DIR")), Some(file!()));
        let here = workspace.place_of(Location::caller());
        assert!(here.in_workspace);
        assert_eq!(here.file, "leakcheck/src/place.rs");
        let line = workspace.source_line(&here);
        assert_eq!(line.as_deref(), Some("let here = workspace.place_of(Location::caller());"));
    }

    #[test]
    fn in_debug_info_a_relative_path_may_be_anybodys() {
        let workspace = Workspace::around(Some(env!("CARGO_MANIFEST_DIR")), Some(file!()));
        let own = |file| workspace.place_in_debug_info(Path::new(file), 1, None).in_workspace;
        assert!(!own("./nptl/pthread_create.c"));
        assert!(own("leakcheck/src/place.rs"));
        assert!(own(concat!(env!("CARGO_MANIFEST_DIR"), "/src/place.rs")));
        assert!(!own("/rustc/59807616/library/core/src/ops/function.rs"));
    }

    #[test]
    fn a_package_that_the_workspace_above_excludes_is_its_own() {
        let package = env!("CARGO_MANIFEST_DIR");
        let root = |file| Workspace::around(Some(package), Some(file)).root;
        assert_eq!(root("leakcheck/src/place.rs").as_deref(), Path::new(package).parent());
        assert_eq!(root("src/place.rs").as_deref(), Some(Path::new(package)));
    }

    #[test]
    fn a_place_without_a_source_has_no_line() {
        let workspace = Workspace::around(Some(env!("CARGO_MANIFEST_DIR")), Some(file!()));
        let nowhere = workspace.place(Path::new("src/no_such_file.rs"), 1, None);
        assert_eq!(workspace.source_line(&nowhere), None);
    }
}
