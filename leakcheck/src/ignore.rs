//! Survivors that may stay: rules with a scope and a reason.

use wildmatch::WildMatch;

use crate::place::Place;

/// A rule for survivors that may stay, with the reason why.
///
/// Conditions inside one ignore are and-ed; several ignores are or-ed. Patterns are globs over the
/// whole path: `*` stands for any text, `?` for one character. An ignored survivor is never waited
/// for, and an ignore that matched nothing is named in the report.
///
/// # Which conditions can be decided
///
/// | condition | hooks tier | plain tier |
/// | --- | --- | --- |
/// | [`spawned_at`](Ignore::spawned_at), [`spawned_by`](Ignore::spawned_by) | yes | no |
/// | [`count`](Ignore::count) | yes | yes |
/// | [`future`](Ignore::future), [`function`](Ignore::function), [`awaiting`](Ignore::awaiting), [`name`](Ignore::name) | no | no |
///
/// Where tasks survive and a condition that cannot be decided might cover them, the test fails and
/// says so: it never passes by guessing.
///
/// # Examples
///
/// ```
/// use leakcheck::{Ignore, Options};
///
/// let options = Options::new().ignore(
///     Ignore::new("the metrics flusher lives as long as the process")
///         .spawned_at("src/metrics.rs", Some(88))
///         .count(1),
/// );
/// # leakcheck::run(options, async {});
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an ignore does nothing until it is given to `Options::ignore`"]
pub struct Ignore {
    pub(crate) reason: String,
    conditions: Vec<Condition>,
    pub(crate) count: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    /// A condition on what only an await tree or tokio's memory can tell: its key and pattern.
    Inspected(&'static str, String),
    SpawnedBy(String),
    SpawnedAt {
        file: String,
        line: Option<u32>,
    },
}

/// Whether a condition or a rule covers a survivor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Covers {
    Yes,
    No,
    /// It hangs on this condition, which cannot be decided here.
    Undecided(&'static str),
}

/// What an ignore looks at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts<'a> {
    /// The places that spawned it: tokio's own word, and the first one in the workspace.
    pub(crate) places: &'a [Place],
    /// The functions that spawned it, innermost first; `None` where no backtrace was kept.
    pub(crate) spawners: Option<&'a [String]>,
}

impl Ignore {
    /// A rule without conditions yet, for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), conditions: Vec::new(), count: None }
    }

    /// The task's future, as a glob over its path: `hyper_util::*`.
    pub fn future(self, glob: impl Into<String>) -> Self {
        self.and(Condition::Inspected("future", glob.into()))
    }

    /// Any function of its await tree (goleak's `IgnoreAnyFunction`).
    pub fn function(self, glob: impl Into<String>) -> Self {
        self.and(Condition::Inspected("function", glob.into()))
    }

    /// The leaf it waits for, or the innermost function (goleak's `IgnoreTopFunction`).
    pub fn awaiting(self, glob: impl Into<String>) -> Self {
        self.and(Condition::Inspected("awaiting", glob.into()))
    }

    /// The tokio task name.
    pub fn name(self, glob: impl Into<String>) -> Self {
        self.and(Condition::Inspected("name", glob.into()))
    }

    /// The function that spawned it (goleak's `IgnoreCreatedBy`): the one around the call of
    /// `spawn`, or the first one of the workspace where a library made that call.
    pub fn spawned_by(self, glob: impl Into<String>) -> Self {
        self.and(Condition::SpawnedBy(glob.into()))
    }

    /// The place that spawned it: the end of a path, by whole components, and perhaps a line.
    pub fn spawned_at(self, file: impl Into<String>, line: Option<u32>) -> Self {
        self.and(Condition::SpawnedAt { file: file.into(), line })
    }

    /// Covers this many survivors at the most. Alone, it covers any.
    pub fn count(mut self, most: usize) -> Self {
        self.count = Some(most);
        self
    }

    fn and(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Whether it asks for the functions that spawned a task.
    pub(crate) fn needs_spawners(&self) -> bool {
        self.conditions.iter().any(|condition| matches!(condition, Condition::SpawnedBy(_)))
    }

    /// Whether it covers survivors by number alone.
    pub(crate) fn is_count_alone(&self) -> bool {
        self.conditions.is_empty() && self.count.is_some()
    }

    /// Whether its conditions, `count` aside, cover the survivor.
    pub(crate) fn covers(&self, facts: Facts<'_>) -> Covers {
        let mut verdict = Covers::Yes;
        for condition in &self.conditions {
            match condition.covers(facts) {
                Covers::No => return Covers::No,
                Covers::Undecided(key) => verdict = Covers::Undecided(key),
                Covers::Yes => {}
            }
        }
        verdict
    }

    /// As the attribute writes it, for reports.
    pub(crate) fn shown(&self) -> String {
        let mut keys: Vec<String> = self.conditions.iter().map(Condition::shown).collect();
        keys.extend(self.count.map(|most| format!("count = {most}")));
        keys.push(format!("reason = {:?}", self.reason));
        format!("ignore({})", keys.join(", "))
    }
}

impl Condition {
    fn covers(&self, facts: Facts<'_>) -> Covers {
        let decided = |yes| if yes { Covers::Yes } else { Covers::No };
        match self {
            Self::Inspected(key, _) => Covers::Undecided(key),
            Self::SpawnedBy(glob) => match facts.spawners {
                Some(functions) => {
                    decided(functions.iter().any(|function| WildMatch::new(glob).matches(function)))
                }
                None => Covers::Undecided("spawned_by"),
            },
            Self::SpawnedAt { file, line } if !facts.places.is_empty() => {
                let at = |place: &Place| {
                    std::path::Path::new(&place.file).ends_with(file)
                        && line.is_none_or(|line| line == place.line)
                };
                decided(facts.places.iter().any(at))
            }
            Self::SpawnedAt { .. } => Covers::Undecided("spawned_at"),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Inspected(key, glob) => format!("{key} = {glob:?}"),
            Self::SpawnedBy(glob) => format!("spawned_by = {glob:?}"),
            Self::SpawnedAt { file, line: Some(line) } => format!("spawned_at = \"{file}:{line}\""),
            Self::SpawnedAt { file, line: None } => format!("spawned_at = {file:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ignore: Ignore, expected: Covers) {
        let places = [
            Place::test("hyper-util-0.1.21/src/rt/tokio.rs", 127),
            Place::test("app/src/pool.rs", 88),
        ];
        let spawners = ["app::pool::Pool::grow".to_owned()];
        assert_eq!(ignore.covers(Facts { places: &places, spawners: Some(&spawners) }), expected);
    }

    #[test]
    fn a_place_matches_by_whole_components_from_the_end() {
        check(Ignore::new("r").spawned_at("src/pool.rs", None), Covers::Yes);
        check(Ignore::new("r").spawned_at("pool.rs", Some(88)), Covers::Yes);
        check(Ignore::new("r").spawned_at("rt/tokio.rs", Some(127)), Covers::Yes);
        check(Ignore::new("r").spawned_at("ool.rs", None), Covers::No);
        check(Ignore::new("r").spawned_at("src/pool.rs", Some(89)), Covers::No);
    }

    #[test]
    fn a_function_matches_by_glob() {
        check(Ignore::new("r").spawned_by("app::pool::*"), Covers::Yes);
        check(Ignore::new("r").spawned_by("app::pool"), Covers::No);
    }

    #[test]
    fn one_no_decides_whatever_else_is_unknown() {
        check(Ignore::new("r").future("*").spawned_at("other.rs", None), Covers::No);
        check(Ignore::new("r").spawned_by("app::*").future("*"), Covers::Undecided("future"));
        check(Ignore::new("r").awaiting("*"), Covers::Undecided("awaiting"));
    }

    #[test]
    fn without_facts_nothing_is_decided_but_a_count() {
        let covers = |ignore: Ignore| ignore.covers(Facts::default());
        assert_eq!(
            covers(Ignore::new("r").spawned_at("pool.rs", None)),
            Covers::Undecided("spawned_at")
        );
        assert_eq!(covers(Ignore::new("r").spawned_by("*")), Covers::Undecided("spawned_by"));
        assert_eq!(covers(Ignore::new("r").count(2)), Covers::Yes);
    }

    #[test]
    fn it_is_shown_as_it_was_written() {
        let ignore = Ignore::new("lives on").spawned_at("src/pool.rs", Some(88)).count(2);
        assert_eq!(
            ignore.shown(),
            r#"ignore(spawned_at = "src/pool.rs:88", count = 2, reason = "lives on")"#
        );
    }
}
