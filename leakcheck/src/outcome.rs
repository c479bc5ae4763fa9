//! Whether a test's return value is a failure, told without consuming it.
//!
//! The attribute calls `(&&Outcome(&value)).failed()`: method lookup tries the impls on
//! `&&Outcome<Result<..>>` and `&&Outcome<ExitCode>` first and falls back to the one on
//! `&Outcome<T>` (autoref specialisation; the return type may hide behind an alias, so tokens do
//! not tell).

use std::process::ExitCode;

/// A test's return value.
#[derive(Debug)]
pub struct Outcome<'a, T>(pub &'a T);

/// The answer for the types that it can be told for.
pub trait KnownOutcome {
    /// Whether the test failed.
    fn failed(self) -> bool;
}

/// The answer for all other types: not known to have failed.
pub trait AnyOutcome {
    /// `false`.
    fn failed(self) -> bool;
}

impl<T, E> KnownOutcome for &&Outcome<'_, Result<T, E>> {
    fn failed(self) -> bool {
        self.0.is_err()
    }
}

impl KnownOutcome for &&Outcome<'_, ExitCode> {
    fn failed(self) -> bool {
        *self.0 != ExitCode::SUCCESS
    }
}

impl<T> AnyOutcome for &Outcome<'_, T> {
    fn failed(self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! failed {
        ($value:expr) => {
            (&&Outcome(&$value)).failed()
        };
    }

    #[test]
    fn errors_and_exit_codes_are_told_from_success() {
        type Alias = Result<(), &'static str>;
        assert!(failed!(Alias::Err("no")));
        assert!(!failed!(Alias::Ok(())));
        assert!(failed!(ExitCode::FAILURE));
        assert!(!failed!(ExitCode::SUCCESS));
        assert!(!failed!(()));
    }
}
