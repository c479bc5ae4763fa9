//! Options, environment and defaults, laid over each other: each value with its origin.

use std::fmt;
use std::time::Duration;

use crate::environment::Environment;
use crate::options::{Action, Options};

const DEFAULT_GRACE: Duration = Duration::from_millis(500);

/// A value and who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Who said a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The attribute's argument or the builder.
    Code,
    /// The environment variable of this name.
    Variable(&'static str),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code => f.write_str("set by the test"),
            Self::Variable(name) => write!(f, "set by {name}"),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// The values that may come from outside the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) action: Sourced<Action>,
    pub(crate) grace: Sourced<Duration>,
    pub(crate) backtrace: Sourced<bool>,
}

impl Settings {
    /// Code wins over the environment, the environment over the defaults.
    pub(crate) fn resolve(options: &Options, environment: &Environment) -> Self {
        Self {
            action: layered(options.action, ("LEAKCHECK", environment.action), Action::Fail),
            grace: layered(options.grace, ("LEAKCHECK_GRACE", environment.grace), DEFAULT_GRACE),
            backtrace: layered(
                options.backtrace,
                ("LEAKCHECK_BACKTRACE", environment.backtrace),
                false,
            ),
        }
    }
}

fn layered<T>(
    code: Option<T>,
    (variable, outside): (&'static str, Option<T>),
    default: T,
) -> Sourced<T> {
    match (code, outside) {
        (Some(value), _) => Sourced { value, origin: Origin::Code },
        (None, Some(value)) => Sourced { value, origin: Origin::Variable(variable) },
        (None, None) => Sourced { value: default, origin: Origin::Default },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment {
            action: Some(Action::Off),
            grace: Some(Duration::from_secs(9)),
            backtrace: Some(true),
            report: None,
        }
    }

    #[test]
    fn code_wins_over_the_environment() {
        let options =
            Options::new().action(Action::Warn).grace(Duration::from_millis(1)).backtrace(false);
        let settings = Settings::resolve(&options, &environment());
        assert_eq!(settings.action, Sourced { value: Action::Warn, origin: Origin::Code });
        assert_eq!(settings.backtrace, Sourced { value: false, origin: Origin::Code });
        assert_eq!(
            settings.grace,
            Sourced { value: Duration::from_millis(1), origin: Origin::Code }
        );
    }

    #[test]
    fn the_environment_wins_over_the_defaults() {
        let settings = Settings::resolve(&Options::new(), &environment());
        assert_eq!(settings.action.origin, Origin::Variable("LEAKCHECK"));
        assert_eq!(settings.grace.value, Duration::from_secs(9));
        let expected = Sourced { value: true, origin: Origin::Variable("LEAKCHECK_BACKTRACE") };
        assert_eq!(settings.backtrace, expected);
    }

    #[test]
    fn the_defaults_are_to_fail_after_half_a_second() {
        let settings = Settings::resolve(&Options::new(), &Environment::default());
        assert_eq!(settings.action, Sourced { value: Action::Fail, origin: Origin::Default });
        assert_eq!(settings.grace.value, Duration::from_millis(500));
        assert_eq!(settings.backtrace, Sourced { value: false, origin: Origin::Default });
    }
}
