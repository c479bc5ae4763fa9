//! The environment variables: `LEAKCHECK`, `LEAKCHECK_GRACE`, `LEAKCHECK_BACKTRACE`,
//! `LEAKCHECK_REPORT`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use crate::error::ErrorKind;
use crate::options::Action;

/// What the environment says. Read once: the environment of a process is a fact about it, and
/// reading it takes a lock that parallel tests would share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    pub(crate) action: Option<Action>,
    pub(crate) grace: Option<Duration>,
    pub(crate) backtrace: Option<bool>,
    pub(crate) report: Option<PathBuf>,
}

/// A variable whose value is none of those accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadVariable {
    variable: &'static str,
    value: String,
    accepted: &'static str,
}

impl From<BadVariable> for ErrorKind {
    fn from(bad: BadVariable) -> Self {
        let BadVariable { variable, value, accepted } = bad;
        Self::Environment { variable, value, accepted }
    }
}

impl Environment {
    /// This process's.
    pub(crate) fn of_process() -> Result<&'static Self, BadVariable> {
        static READ: OnceLock<Result<Environment, BadVariable>> = OnceLock::new();
        READ.get_or_init(|| Self::read(|name| std::env::var_os(name)))
            .as_ref()
            .map_err(Clone::clone)
    }

    /// An empty variable counts as one that is not set, as in most tools.
    fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, BadVariable> {
        let get = |name| lookup(name).filter(|value| !value.is_empty());
        Ok(Self {
            action: get("LEAKCHECK").map(action).transpose()?,
            grace: get("LEAKCHECK_GRACE").map(grace).transpose()?,
            backtrace: get("LEAKCHECK_BACKTRACE").map(backtrace).transpose()?,
            report: get("LEAKCHECK_REPORT").map(PathBuf::from),
        })
    }
}

fn action(value: OsString) -> Result<Action, BadVariable> {
    match value.to_str() {
        Some("fail") => Ok(Action::Fail),
        Some("warn") => Ok(Action::Warn),
        Some("off") => Ok(Action::Off),
        _ => Err(bad("LEAKCHECK", value, "one of `fail`, `warn`, `off`")),
    }
}

fn grace(value: OsString) -> Result<Duration, BadVariable> {
    let accepted = "a time with its unit, such as `250ms`, `2s` or `1s 500ms`";
    let parsed = value.to_str().and_then(|text| humantime::parse_duration(text).ok());
    parsed.ok_or_else(|| bad("LEAKCHECK_GRACE", value, accepted))
}

fn backtrace(value: OsString) -> Result<bool, BadVariable> {
    match value.to_str() {
        Some("1") => Ok(true),
        Some("0") => Ok(false),
        _ => Err(bad("LEAKCHECK_BACKTRACE", value, "`1` or `0`")),
    }
}

fn bad(variable: &'static str, value: OsString, accepted: &'static str) -> BadVariable {
    let value = value.to_string_lossy().into_owned();
    BadVariable { variable, value, accepted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, BadVariable> {
        Environment::read(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn unset_and_empty_variables_say_nothing() {
        assert_eq!(read(&[]), Ok(Environment::default()));
        assert_eq!(read(&[("LEAKCHECK", ""), ("LEAKCHECK_GRACE", "")]), Ok(Environment::default()));
    }

    #[test]
    fn each_variable_is_read() {
        let environment = read(&[
            ("LEAKCHECK", "warn"),
            ("LEAKCHECK_GRACE", "1s 500ms"),
            ("LEAKCHECK_BACKTRACE", "1"),
            ("LEAKCHECK_REPORT", "out"),
        ]);
        let expected = Environment {
            action: Some(Action::Warn),
            grace: Some(Duration::from_millis(1500)),
            backtrace: Some(true),
            report: Some(PathBuf::from("out")),
        };
        assert_eq!(environment, Ok(expected));
    }

    #[test]
    fn a_wrong_value_names_the_variable_the_value_and_what_is_accepted() {
        for (variable, value) in [
            ("LEAKCHECK", "nonsense"),
            ("LEAKCHECK_GRACE", "abc"),
            ("LEAKCHECK_GRACE", "500"),
            ("LEAKCHECK_BACKTRACE", "yes"),
        ] {
            let error = ErrorKind::from(read(&[(variable, value)]).unwrap_err()).to_string();
            assert!(error.contains(&format!("`{variable}` is `{value}`")), "{error}");
        }
    }
}
