//! Compiles the image that the fuzzer damages: the stand-in of the tests.

use std::path::Path;
use std::process::Command;

fn main() {
    let source = "../tests/fixture/tokio.rs";
    println!("cargo::rerun-if-changed={source}");
    let into = Path::new(&std::env::var_os("OUT_DIR").expect("a folder")).join("tokio.so");
    let flags = "--edition 2024 --crate-name tokio --crate-type cdylib -C debuginfo=2 -C panic=abort \
                 -C codegen-units=1 -C link-arg=-nostdlib";
    let mut rustc = Command::new(std::env::var_os("RUSTC").expect("a compiler"));
    let done = rustc.args(flags.split_whitespace()).arg("-o").arg(into).arg(source).status();
    assert!(done.expect("rustc").success(), "the fixture compiles");
}
