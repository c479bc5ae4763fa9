//! Survivors that may stay: rules with a scope and a reason.

mod condition;

use condition::Condition;
pub(crate) use condition::{Covers, Facts};

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
/// | [`count`](Ignore::count) | yes | yes |
/// | [`future`](Ignore::future), [`function`](Ignore::function), [`awaiting`](Ignore::awaiting) | by inspection | by inspection |
/// | [`spawned_at`](Ignore::spawned_at), [`spawned_by`](Ignore::spawned_by) | yes | by inspection, where the places in the program that spawn such a future agree |
/// | [`name`](Ignore::name) | no | no |
///
/// Inspection needs full debug info, which is what cargo's test profile has, and Linux. Where tasks
/// survive and a condition that cannot be decided might cover them, the test fails and says so, and
/// why: it never passes by guessing.
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

impl Ignore {
    /// A rule without conditions yet, for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), conditions: Vec::new(), count: None }
    }

    /// The task's future, as a glob over its path: `hyper_util::*`.
    pub fn future(self, glob: impl Into<String>) -> Self {
        self.and(Condition::Future(glob.into()))
    }

    /// Any function of its await tree (goleak's `IgnoreAnyFunction`).
    pub fn function(self, glob: impl Into<String>) -> Self {
        self.and(Condition::Function(glob.into()))
    }

    /// The leaf it waits for, or the innermost function (goleak's `IgnoreTopFunction`).
    pub fn awaiting(self, glob: impl Into<String>) -> Self {
        self.and(Condition::Awaiting(glob.into()))
    }

    /// The tokio task name. tokio keeps it where nothing can read it, so that this is never decided:
    /// a test with survivors that it might cover fails and says so.
    pub fn name(self, glob: impl Into<String>) -> Self {
        self.and(Condition::Name(glob.into()))
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

    /// Whether it asks for what only inspection can tell, in every tier.
    pub(crate) fn needs_inspection(&self) -> bool {
        use Condition::{Awaiting, Function, Future};
        let inspected =
            |condition: &Condition| matches!(condition, Future(_) | Function(_) | Awaiting(_));
        self.conditions.iter().any(inspected)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_no_decides_whatever_else_is_unknown() {
        let facts = Facts { future: Some("app::watch"), ..Facts::default() };
        let covers = |ignore: Ignore| ignore.covers(facts);
        assert_eq!(covers(Ignore::new("r").name("*").future("other::*")), Covers::No);
        let name = Covers::Undecided("name");
        assert_eq!(covers(Ignore::new("r").future("app::*").name("*")), name);
    }

    #[test]
    fn without_facts_nothing_is_decided_but_a_count() {
        let covers = |ignore: Ignore| ignore.covers(Facts::default());
        assert_eq!(
            covers(Ignore::new("r").spawned_at("pool.rs", None)),
            Covers::Undecided("spawned_at")
        );
        assert_eq!(covers(Ignore::new("r").spawned_by("*")), Covers::Undecided("spawned_by"));
        assert_eq!(covers(Ignore::new("r").future("*")), Covers::Undecided("future"));
        assert_eq!(covers(Ignore::new("r").awaiting("*")), Covers::Undecided("awaiting"));
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
