//! `ignore(..)`: which survivors may stay, and why.

use syn::punctuated::Punctuated;
use syn::{Error, Expr, Meta, MetaList, Result, Token};

use crate::value::{self, Spanned, set};

const CONDITIONS: &str =
    "`future`, `function`, `awaiting`, `spawned_by`, `spawned_at`, `name` and `count`";

/// One `ignore(..)`: a survivor that meets all its conditions may stay.
pub(crate) struct Ignore {
    pub(crate) reason: String,
    /// The conditions that are globs, each by the name of its key.
    pub(crate) patterns: Vec<(&'static str, String)>,
    pub(crate) spawned_at: Option<Place>,
    pub(crate) count: Option<usize>,
}

/// A place in the source: the end of a file's path, and perhaps a line of it.
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: Option<u32>,
}

/// The keys as far as they are written.
#[derive(Default)]
struct Keys {
    future: Option<Spanned<String>>,
    function: Option<Spanned<String>>,
    awaiting: Option<Spanned<String>>,
    spawned_by: Option<Spanned<String>>,
    spawned_at: Option<Spanned<Place>>,
    name: Option<Spanned<String>>,
    count: Option<Spanned<usize>>,
    reason: Option<Spanned<String>>,
}

impl Ignore {
    pub(crate) fn parse(list: &MetaList) -> Result<Self> {
        let metas = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?;
        let mut keys = Keys::default();
        for meta in &metas {
            keys.set(meta)?;
        }
        keys.complete(list)
    }
}

impl Keys {
    fn set(&mut self, meta: &Meta) -> Result<()> {
        let key = match meta.path().get_ident() {
            Some(ident) => ident.to_string(),
            None => return Err(unknown(meta)),
        };
        let slot = match &*key {
            "future" => &mut self.future,
            "function" => &mut self.function,
            "awaiting" => &mut self.awaiting,
            "spawned_by" => &mut self.spawned_by,
            "name" => &mut self.name,
            "reason" => &mut self.reason,
            "spawned_at" => return set(&mut self.spawned_at, &key, assigned(meta)?, place),
            "count" => return set(&mut self.count, &key, assigned(meta)?, value::positive),
            _ => return Err(unknown(meta)),
        };
        set(slot, &key, assigned(meta)?, value::text)
    }

    fn complete(self, list: &MetaList) -> Result<Ignore> {
        let Some(reason) = self.reason else {
            let message = "an `ignore` needs a `reason = \"..\"`: why may these tasks stay?";
            return Err(Error::new_spanned(list, message));
        };
        let patterns: Vec<_> = [
            ("future", self.future),
            ("function", self.function),
            ("awaiting", self.awaiting),
            ("spawned_by", self.spawned_by),
            ("name", self.name),
        ]
        .into_iter()
        .filter_map(|(key, pattern)| Some((key, pattern?.value)))
        .collect();
        if patterns.is_empty() && self.spawned_at.is_none() && self.count.is_none() {
            let message = format!("an `ignore` needs a condition; the conditions are {CONDITIONS}");
            return Err(Error::new_spanned(list, message));
        }
        Ok(Ignore {
            reason: reason.value,
            patterns,
            spawned_at: self.spawned_at.map(|place| place.value),
            count: self.count.map(|count| count.value),
        })
    }
}

/// Reads `path` or `path:line`.
fn place(name: &str, value: &Expr) -> Result<Place> {
    let text = value::text(name, value)?;
    let (file, line) = match text.rsplit_once(':') {
        // A colon before a separator is that of a drive, as in `C:\src\pool.rs`.
        Some((file, line)) if !line.contains(['/', '\\']) => (file, Some(line)),
        _ => (&*text, None),
    };
    let before_column = file.rsplit_once(':').filter(|(_, line)| number(line).is_some());
    let message = match (before_column, line.map(number)) {
        (Some((file, line)), _) => {
            format!("`{name}` takes no column: `{name} = \"{file}:{line}\"`")
        }
        (None, _) if file.trim().is_empty() => {
            format!("`{name}` needs a file before the colon, as in \"src/pool.rs:88\"")
        }
        (None, Some(None)) => format!(
            "`{name}` takes a file and perhaps a line, as in \"src/pool.rs\" or \"src/pool.rs:88\""
        ),
        (None, line) => {
            return Ok(Place { file: file.to_owned(), line: line.flatten() });
        }
    };
    Err(Error::new_spanned(value, message))
}

fn number(line: &str) -> Option<u32> {
    line.parse().ok().filter(|line| *line > 0)
}

/// The value of `key = value`.
fn assigned(meta: &Meta) -> Result<&Expr> {
    match meta {
        Meta::NameValue(pair) => Ok(&pair.value),
        Meta::Path(_) | Meta::List(_) => {
            let message = "a key of `ignore` takes a value, as in `future = \"hyper_util::*\"`";
            Err(Error::new_spanned(meta, message))
        }
    }
}

fn unknown(meta: &Meta) -> Error {
    Error::new_spanned(
        meta.path(),
        format_args!("unknown key of `ignore`; beside `reason`, the keys are {CONDITIONS}"),
    )
}
