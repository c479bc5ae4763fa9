//! Parks tasks in every way there is to wait, and compares what inspection says with the truth.
//!
//! `program [current_thread|multi_thread|local] [WAY]`, all without an argument. The exit status is the number of ways
//! that are not read as they are. With `UPDATE_EXPECT` set, names in the expectations are rewritten
//! as they are found; lines are not.

/// A macro of another file than its user's: the block is the macro's, the `.await` in it the user's.
macro_rules! block_of {
    ($($body:tt)*) => {
        async move { $($body)* }
    };
}

mod asides;
mod channels;
mod combinators;
mod dynamic;
mod functions;
mod harness;
mod io;
mod libraries;
mod lines;
mod local;
mod local_runtime;
mod methods;
mod net;
mod phases;
mod shapes;
mod streams;
mod sync;
mod tasks;
mod time;

use std::process::ExitCode;

use harness::{Flavor, Way};

const EVERYWHERE: &[&[Way]] = &[
    asides::WAYS,
    channels::WAYS,
    combinators::WAYS,
    dynamic::WAYS,
    functions::WAYS,
    io::WAYS,
    libraries::WAYS,
    lines::WAYS,
    local::WAYS,
    methods::WAYS,
    net::WAYS,
    phases::WAYS,
    shapes::WAYS,
    streams::WAYS,
    sync::WAYS,
    tasks::WAYS,
    time::WAYS,
];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let wanted = |flavor: &Flavor| match arguments.first().map(String::as_str) {
        Some("current_thread") => *flavor == Flavor::CurrentThread,
        Some("multi_thread") => *flavor == Flavor::MultiThread,
        Some("local") => *flavor == Flavor::Local,
        _ => true,
    };
    let mut differing = harness::unlisted(&[EVERYWHERE, &[local_runtime::WAYS]].concat().concat());
    for flavor in Flavor::ALL.into_iter().filter(wanted) {
        let mut ways = EVERYWHERE.concat();
        if flavor == Flavor::Local {
            ways.extend(local_runtime::WAYS);
        }
        if let Some(name) = arguments.get(1) {
            ways.retain(|way| way.name == name);
        }
        differing += harness::run(flavor, &ways);
    }
    ExitCode::from(u8::try_from(differing).unwrap_or(u8::MAX))
}
