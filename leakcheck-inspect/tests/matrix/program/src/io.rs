//! Pipes, descriptors, signals and processes.

use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::Stdio;

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::harness::{Park, ways};

//= program::io::duplex_read::{async block} at ~duplex_read
//=   tokio::io::util::read::Read<DuplexStream> [data]
fn duplex_read(park: &mut Park) {
    let (mut ours, theirs) = tokio::io::duplex(16);
    park.keep(theirs);
    park.spawn(async move {
        let mut bytes = [0; 16];
        ours.read(&mut bytes).await.is_ok() //~ duplex_read
    });
}

//= program::io::duplex_write::{async block} at ~duplex_write
//=   tokio::io::util::write_all::WriteAll<DuplexStream> [room to write]
fn duplex_write(park: &mut Park) {
    let (mut ours, theirs) = tokio::io::duplex(16);
    park.keep(theirs);
    park.spawn(async move {
        ours.write_all(&[0; 17]).await.is_ok() //~ duplex_write
    });
}

//= program::io::pipe_read::{async block} at ~pipe_read
//=   tokio::io::util::read::Read<Receiver> [data]
fn pipe_read(park: &mut Park) {
    let (sender, mut receiver) = pipe::pipe().expect("a pipe");
    park.keep(sender);
    park.spawn(async move {
        let mut bytes = [0; 16];
        receiver.read(&mut bytes).await.is_ok() //~ pipe_read
    });
}

//= program::io::fd_readable::{async block} at ~fd_readable
//=   tokio::io::unix::AsyncFd<UnixStream>::readable [readiness]
fn fd_readable(park: &mut Park) {
    let (ours, theirs) = StdUnixStream::pair().expect("sockets");
    ours.set_nonblocking(true).expect("possible");
    #[allow(deprecated, reason = "its successor is not in the oldest tokio")]
    let ours = AsyncFd::new(ours).expect("a runtime");
    park.keep(theirs);
    park.spawn(async move {
        ours.readable().await.is_ok() //~ fd_readable
    });
}

//= program::io::signal_recv::{async block} at ~signal_recv
//=   tokio::signal::unix::Signal::recv [a signal]
fn signal_recv(park: &mut Park) {
    let mut hangup = signal(SignalKind::hangup()).expect("a runtime");
    park.spawn(async move {
        hangup.recv().await //~ signal_recv
    });
}

//= program::io::ctrl_c::{async block} at ~ctrl_c
//=   tokio::signal::ctrl_c [a signal]
fn ctrl_c(park: &mut Park) {
    park.spawn(async {
        tokio::signal::ctrl_c().await.is_ok() //~ ctrl_c
    });
}

fn cat() -> Command {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

//= program::io::child_wait::{async block} at ~child_wait
//=   tokio::process::Child::wait [the end of a process]
fn child_wait(park: &mut Park) {
    let mut child = cat().spawn().expect("`cat`");
    park.keep(child.stdin.take());
    park.spawn(async move {
        child.wait().await.is_ok() //~ child_wait
    });
}

//= program::io::child_output::{async block} at ~child_output
//=   tokio::io::util::read_to_string::ReadToString<ChildStdout> [data]
fn child_output(park: &mut Park) {
    let mut child = cat().spawn().expect("`cat`");
    let mut output = child.stdout.take().expect("piped");
    park.keep(child);
    park.spawn(async move {
        let mut text = String::new();
        output.read_to_string(&mut text).await.is_ok() //~ child_output
    });
}

ways![
    duplex_read,
    duplex_write,
    pipe_read,
    fd_readable,
    signal_recv,
    ctrl_c,
    child_wait,
    child_output,
];
