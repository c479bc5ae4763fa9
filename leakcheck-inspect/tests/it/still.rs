//! Whether other threads run: only in a process that has no other tests.

use std::process::Command;

use leakcheck_inspect::{Memory as _, ProcessMemory};

const CHILD: &str = "LEAKCHECK_TEST_STILL";
/// How often threads that are about to sleep are asked.
const TRIES: usize = 100_000;

/// Whether the kernel counts how often a thread has run: some are built without.
fn counts() -> bool {
    let counts = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    !counts.trim_end().ends_with(" 0")
}

#[test]
fn nothing_is_written_while_all_other_threads_sleep() {
    if !counts() {
        println!("skipped: this kernel does not count how often a thread has run");
        return;
    }
    if std::env::var_os(CHILD).is_none() {
        let name = "still::nothing_is_written_while_all_other_threads_sleep";
        let mut child = Command::new(std::env::current_exe().expect("this program"));
        let output = child.args([name, "--exact"]).env(CHILD, "1").output().expect("a child");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let (stop, asleep) = std::sync::mpsc::channel::<()>();
    let sleeper = std::thread::spawn(move || asleep.recv());
    let memory = ProcessMemory::own();
    let still = || memory.progress().filter(|now| memory.progress() == Some(*now));
    let before = (0..TRIES).find_map(|_| still()).expect("two moments with nothing between them");
    stop.send(()).expect("a sleeper");
    sleeper.join().expect("no panic").expect("a message");
    assert_ne!(memory.progress(), Some(before), "it woke and ended");
}
