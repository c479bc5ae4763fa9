//! How tests end.

use std::error::Error;
use std::process::{ExitCode, Termination};

use leakcheck::leak_test;

use crate::leak;

#[leak_test]
#[should_panic]
async fn a_panic_is_wanted() {
    panic!("as wanted");
}

#[should_panic(expected = "wanted")]
#[leak_test(flavor = "multi_thread")]
async fn a_certain_panic_is_wanted() {
    panic!("as wanted");
}

#[leak_test(on_failure)]
#[should_panic(expected = "as wanted")]
async fn the_panic_comes_before_the_leak() {
    leak();
    panic!("as wanted");
}

#[leak_test]
#[cfg_attr(all(), should_panic(expected = "as wanted"))]
async fn should_panic_may_be_conditional() {
    panic!("as wanted");
}

#[leak_test]
#[ignore = "ignored tests do not run"]
async fn an_ignored_test_does_not_run() {
    leak();
    panic!("ignored tests do not run");
}

#[leak_test]
async fn results() -> Result<(), std::num::ParseIntError> {
    let answer: u8 = "42".parse()?;
    assert_eq!(answer, 42);
    Ok(())
}

/// Check that errors are boxed as in an `async fn`, which needs the return type in the body.
#[leak_test]
async fn errors_of_any_type() -> Result<(), Box<dyn Error>> {
    if std::env::args().len() == 0 {
        return Err(Box::new(std::fmt::Error));
    }
    Ok(())
}

#[leak_test(known_leak = "the check must run", grace = "1ms")]
async fn results_are_checked() -> Result<(), String> {
    leak();
    Ok(())
}

#[leak_test]
async fn exit_codes() -> ExitCode {
    ExitCode::SUCCESS
}

type Report = Finished;

struct Finished;

impl Termination for Finished {
    fn report(self) -> ExitCode {
        ExitCode::SUCCESS
    }
}

#[leak_test]
async fn terminations_behind_an_alias() -> Report {
    Finished
}

/// Check that a body without a value to tell its type has that of the signature.
#[leak_test]
async fn bodies_that_only_return() -> Result<(), String> {
    let mut rounds = 0..3;
    loop {
        tokio::task::yield_now().await;
        if rounds.next().is_none() {
            return Ok(());
        }
    }
}
