//! Expectations: read out of the sources that hold them, and written back there.
//!
//! The lines `//=` above a way's function are what its tasks have to look like, one after the other.
//! A place is `at ~name` there, and the line with the comment `//~ name` is that place, or the
//! one above `//~^ name`: nobody writes line numbers.

use std::collections::HashMap;

use super::Way;

/// What a file of ways says.
pub(crate) struct Expectations {
    file: &'static str,
    /// By way: the text, places still by name.
    pub(crate) of_ways: HashMap<String, String>,
    /// The lines of places.
    lines: HashMap<String, u32>,
}

impl Expectations {
    pub(crate) fn read(way: &Way) -> Self {
        let mut lines = HashMap::new();
        let mut of_ways = HashMap::new();
        let mut pending = Vec::new();
        for (number, line) in (1..).zip(way.source.lines()) {
            if let Some((name, number)) = place(line, number) {
                let known = lines.insert(name.to_owned(), number);
                assert_eq!(known, None, "two places are called `{name}` in {}", way.file);
            }
            if let Some(text) = line.strip_prefix("//=") {
                pending.push(text.strip_prefix(' ').unwrap_or(text).to_owned());
            } else if let Some(name) = function(line) {
                of_ways.insert(name.to_owned(), std::mem::take(&mut pending).join("\n"));
            } else if !line.starts_with(['#', '/']) {
                assert!(pending.is_empty(), "an expectation of nothing: {}:{number}", way.file);
            }
        }
        of_ways.retain(|_, text| !text.is_empty());
        Self { file: way.file, of_ways, lines }
    }

    /// What a way's tasks have to look like, with places as they are in the file.
    pub(crate) fn of(&self, name: &str) -> String {
        let text = self.of_ways.get(name).map_or("(no expectation)", String::as_str);
        let place = |(head, rest): (&str, &str)| {
            let (name, tail) = rest.split_once(' ').unwrap_or((rest, ""));
            let line = self.lines.get(name).copied().unwrap_or_default();
            assert_ne!(line, 0, "no place is called `{name}` in {}", self.file);
            let space = if tail.is_empty() { "" } else { " " };
            format!("{head} at {}:{line}{space}{tail}", self.file)
        };
        let lines = text.lines().map(|line| match line.split_once(" at ~") {
            Some(parts) => place(parts),
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The text with places by name. None where a place has no name, or the places are not those that
    /// were expected: names may be written down as they are found, lines may not.
    pub(crate) fn blessed(&self, name: &str, actual: &str) -> Option<String> {
        let mut text = actual.to_owned();
        for (place, line) in &self.lines {
            let (at, end) = (format!(" at {}:{line}", self.file), format!(" at ~{place}"));
            text = text.replace(&format!("{at}\n"), &format!("{end}\n"));
            text = text.replace(&format!("{at} "), &format!("{end} "));
            if let Some(head) = text.strip_suffix(&at) {
                text = format!("{head}{end}");
            }
        }
        let known = self.of_ways.get(name).map_or("", String::as_str);
        let exact = !text.contains(&format!(" at {}:", self.file));
        (exact && places(&text) == places(known)).then_some(text)
    }
}

/// Replaces expectations in a file's source.
pub(crate) fn rewrite(source: &str, blessed: &HashMap<String, String>) -> String {
    let mut written = String::new();
    let mut block = String::new();
    for line in source.lines() {
        if line.starts_with("//=") {
            block += &format!("{line}\n");
            continue;
        }
        if let Some(text) = function(line).and_then(|name| blessed.get(name)) {
            block.clear();
            for line in text.lines() {
                block += format!("//= {line}").trim_end();
                block += "\n";
            }
        }
        written += &std::mem::take(&mut block);
        written += line;
        written += "\n";
    }
    written
}

fn places(text: &str) -> Vec<&str> {
    let name = |line: &'_ str| Some(line.split_once(" at ~")?.1.split(' ').next()?.len());
    text.lines()
        .filter_map(|line| {
            let start = line.find(" at ~")? + 5;
            line.get(start..start + name(line)?)
        })
        .collect()
}

/// The place that this line names: itself, or the line above.
fn place(line: &str, number: u32) -> Option<(&str, u32)> {
    let (_, name) = line.split_once("//~")?;
    match name.strip_prefix('^') {
        Some(above) => Some((above.trim(), number - 1)),
        None => Some((name.trim(), number)),
    }
}

/// The name of the function that starts in this line.
fn function(line: &str) -> Option<&str> {
    line.strip_prefix("fn ")?.split('(').next()
}
