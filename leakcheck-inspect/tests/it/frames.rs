//! Functions and lines at addresses of this executable's own code.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};

use leakcheck_inspect::{Frame, Image, Inspector, Process};

use crate::support::{INSPECTOR, NoMemory, damaged};

/// How far this executable was moved when it was loaded.
fn bias() -> u64 {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    u64::from_str_radix(maps.split('-').next().unwrap(), 16).unwrap()
}

fn frames(address: u64) -> Vec<Frame> {
    INSPECTOR.frames(Process { memory: &NoMemory, bias: bias(), now: None }, address)
}

/// The frames of the stack that calls, as far as it is ours.
#[inline(never)]
fn stack() -> Vec<Frame> {
    let mut addresses = Vec::new();
    backtrace::trace(|frame| {
        addresses.push((frame.ip() as u64).saturating_sub(1));
        addresses.len() < 16
    });
    addresses
        .into_iter()
        .flat_map(frames)
        .filter(|frame| frame.function.starts_with("it::"))
        .collect()
}

/// The frames as functions and lines, all of this file.
#[track_caller]
fn told(frames: &[Frame]) -> Vec<(&str, u32)> {
    let told = frames.iter().map(|frame| {
        let at = frame.at.as_ref().unwrap();
        assert!(at.file.ends_with("/tests/it/frames.rs") && at.file.starts_with('/'), "{at}");
        (frame.function.as_str(), at.line)
    });
    told.collect()
}

const PLAIN: u32 = line!() + 2;
#[inline(never)]
fn plain(number: u64) -> u64 {
    number.wrapping_mul(black_box(3))
}

#[test]
fn a_functions_first_instruction_is_on_its_own_line() {
    black_box(plain(7));
    assert_eq!(told(&frames(plain as *const () as u64)), [("it::frames::plain", PLAIN)]);
}

const INNER: u32 = line!() + 3;
#[inline(always)]
fn inner() -> Vec<Frame> {
    let frames = stack();
    // A call that is the last is a jump in optimised code, and leaves no frame.
    black_box(&frames);
    frames
}

const OUTER: u32 = line!() + 3;
#[inline(never)]
fn outer() -> Vec<Frame> {
    let frames = inner();
    black_box(&frames);
    frames
}

#[test]
fn inlined_functions_come_before_those_that_they_are_inlined_into() {
    let frames = outer();
    let told = told(&frames);
    let ours = [("it::frames::inner", INNER), ("it::frames::outer", OUTER)];
    assert_eq!(told[1..3], ours, "{told:?}");
}

const LEAF: u32 = line!() + 2;
async fn leaf() -> Vec<Frame> {
    let frames = stack();
    black_box(&frames);
    frames
}

const ROOT: u32 = line!() + 3;
async fn root() -> Vec<Frame> {
    let unused = black_box(1);
    let frames = leaf().await;
    black_box(unused);
    frames
}

#[test]
fn an_async_body_reads_as_its_function() {
    let mut future = pin!(root());
    let ready = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let std::task::Poll::Ready(frames) = ready else { panic!("nothing to wait for") };
    let told = told(&frames);
    let ours = [("it::frames::leaf", LEAF), ("it::frames::root", ROOT)];
    assert_eq!(told[1..3], ours, "{told:?}");
}

#[test]
fn what_is_no_code_has_no_frames() {
    let local = 7_u64;
    let data = std::ptr::from_ref(&local) as u64;
    for address in [0, 1, bias(), bias() + 1, data, u64::MAX, i64::MAX as u64] {
        assert_eq!(frames(address), [], "{address:#x}");
    }
}

#[test]
fn damaged_images_give_frames_or_none() {
    let intact = std::fs::read("/proc/self/exe").unwrap();
    let bias = bias();
    let address = stack as *const () as u64;
    for damaged in damaged(&intact) {
        let Ok(inspector) = Image::parse(&damaged).map(Inspector::new) else { continue };
        let process = Process { memory: &NoMemory, bias, now: None };
        for step in 0..64 {
            let _ = inspector.frames(process, address + step * 256);
        }
    }
}
