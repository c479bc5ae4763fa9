//! Every way to wait, read out of a program that is built for it: by each supported tokio and
//! toolchain, in debug and in release, with `tokio_unstable` and without.
//!
//! `matrix/program` has the ways and what is expected of them. An ordinary run tries the toolchain and
//! the tier that it is itself built with, and the tokio of the program's lockfile; `scripts/matrix`
//! tries everything, release builds among it, which take minutes to make.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

/// The oldest tokio that is supported. The newest is the one that the lockfile has.
const OLDEST_TOKIO: &str = "1.51.0";

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix/program");

/// One way to build the program.
#[derive(Clone, Copy, Debug)]
struct Cell {
    /// None for the toolchain that builds this test.
    toolchain: Option<&'static str>,
    /// None for the one in the lockfile.
    tokio: Option<&'static str>,
    release: bool,
    unstable: bool,
}

impl Cell {
    const HERE: Self =
        Self { toolchain: None, tokio: None, release: false, unstable: cfg!(tokio_unstable) };

    fn name(self) -> String {
        let toolchain = self.toolchain.unwrap_or("this toolchain");
        let tokio = self.tokio.unwrap_or("of the lockfile");
        let profile = if self.release { "release" } else { "debug" };
        let tier = if self.unstable { ", tokio_unstable" } else { "" };
        format!("{toolchain}, tokio {tokio}, {profile}{tier}")
    }

    /// Builds the program and runs it. The error is everything that it printed.
    fn try_all_ways(self) -> Result<(), String> {
        let start = Instant::now();
        let package = self.package();
        let named = |error| format!("{}:\n{error}", self.name());
        succeed(&mut self.build(&package)).map_err(named)?;
        let built = start.elapsed();
        let profile = if self.release { "release" } else { "debug" };
        let mut program = Command::new(target_dir().join(profile).join("program"));
        if package != Path::new(PROGRAM) {
            program.env_remove("UPDATE_EXPECT");
        }
        let said = succeed(&mut program);
        let ran = start.elapsed() - built;
        println!("{}: built in {built:.1?}, ran in {ran:.1?}", self.name());
        said.map(|said| println!("{said}")).map_err(named)
    }

    fn build(self, package: &Path) -> Command {
        let mut cargo = match self.toolchain {
            None => Command::new(env!("CARGO")),
            Some(toolchain) => {
                let mut rustup = Command::new("rustup");
                rustup.args(["run", toolchain, "cargo"]);
                rustup
            }
        };
        cargo
            .args(["build", "--quiet", "--locked", "--target-dir"])
            .arg(target_dir())
            .current_dir(package);
        if self.release {
            cargo.arg("--release");
        }
        // Even where it is empty, it takes the place of what a configuration file says.
        cargo.env("RUSTFLAGS", if self.unstable { "--cfg tokio_unstable" } else { "" });
        for variable in ["CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET"] {
            cargo.env_remove(variable);
        }
        cargo
    }

    /// The program's folder, or a copy of it with another tokio in its lockfile.
    fn package(self) -> PathBuf {
        let Some(tokio) = self.tokio else { return PROGRAM.into() };
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("program-tokio-{tokio}"));
        copy_folder(Path::new(PROGRAM), &copy);
        let mut update = Command::new(env!("CARGO"));
        update.args(["update", "--package", "tokio", "--precise", tokio]).current_dir(&copy);
        succeed(&mut update).unwrap_or_else(|error| panic!("tokio {tokio}: {error}"));
        copy
    }
}

/// Shared by all cells: what differs between them has names of its own there.
fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("matrix")
}

/// Runs a command, and gives what it printed, as the error where it failed.
fn succeed(command: &mut Command) -> Result<String, String> {
    let Output { status, stdout, stderr } =
        command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    if status.success() { Ok(stdout) } else { Err(format!("{status}\n{stdout}{stderr}")) }
}

/// Copies sources, and leaves alone what is the same: cargo goes by modification times.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the program's folder") {
        let path = entry.expect("an entry").path();
        let copy = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &copy);
            continue;
        }
        let mut text = fs::read_to_string(&path).expect("a source file");
        if path.ends_with("Cargo.toml") {
            // A relative path would lead elsewhere from the copy.
            let here = format!("path = {:?}", env!("CARGO_MANIFEST_DIR"));
            text = text.replace("path = \"../../..\"", &here);
        }
        if fs::read_to_string(&copy).ok().as_ref() != Some(&text) {
            fs::write(&copy, text).expect("a file");
        }
    }
}

fn has_nightly() -> bool {
    let list = succeed(Command::new("rustup").args(["toolchain", "list"]));
    list.is_ok_and(|list| list.lines().any(|line| line.starts_with("nightly")))
}

#[track_caller]
fn check(cells: &[Cell]) {
    let failed: Vec<_> = cells.iter().filter_map(|cell| cell.try_all_ways().err()).collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), cells.len(), failed.join("\n"));
}

#[test]
fn every_way_to_wait_is_read_as_it_is() {
    check(&[Cell::HERE]);
}

#[test]
fn every_way_to_wait_is_read_as_it_is_by_all_toolchains_and_tokios() {
    let Ok(wanted) = std::env::var("LEAKCHECK_MATRIX") else {
        println!("skipped: `scripts/matrix` runs it");
        return;
    };
    let mut toolchains = vec![None, Some("nightly")];
    if !has_nightly() {
        println!("skipped: nightly is not installed");
        toolchains.pop();
    }
    let mut cells = Vec::new();
    for toolchain in toolchains {
        for tokio in [None, Some(OLDEST_TOKIO)] {
            for unstable in [false, true] {
                for release in [false, true] {
                    cells.push(Cell { toolchain, tokio, release, unstable });
                }
            }
        }
    }
    cells.retain(|cell| cell.name().contains(&wanted));
    check(&cells);
}
