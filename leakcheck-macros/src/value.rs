//! The values of `name = value` arguments.

use std::fmt::Display;
use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned as _;
use syn::{Error, Expr, ExprLit, Lit, Path, Result};

/// A value and the place it was written at.
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T> Spanned<T> {
    /// An error on this value.
    pub(crate) fn error(&self, message: impl Display) -> Error {
        Error::new(self.span, message)
    }
}

/// Fills an empty `slot` with what `read` makes of `value`.
pub(crate) fn set<T>(
    slot: &mut Option<Spanned<T>>,
    name: &str,
    value: &Expr,
    read: impl FnOnce(&str, &Expr) -> Result<T>,
) -> Result<()> {
    if slot.is_some() {
        return Err(Error::new_spanned(value, format_args!("`{name}` set multiple times.")));
    }
    let span = value.span();
    let value = read(name, value)?;
    *slot = Some(Spanned { value, span });
    Ok(())
}

pub(crate) fn string(name: &str, value: &Expr) -> Result<String> {
    match literal(value)? {
        Lit::Str(text) => Ok(text.value()),
        other => Err(cannot_parse(other, name, "string.")),
    }
}

pub(crate) fn boolean(name: &str, value: &Expr) -> Result<bool> {
    match literal(value)? {
        Lit::Bool(boolean) => Ok(boolean.value),
        other => Err(cannot_parse(other, name, "bool.")),
    }
}

/// As `boolean`, in leakcheck's own words.
pub(crate) fn yes_or_no(name: &str, value: &Expr) -> Result<bool> {
    match literal(value) {
        Ok(Lit::Bool(boolean)) => Ok(boolean.value),
        _ => {
            let message = format!("`{name}` takes `true` or `false`: `{name} = true`");
            Err(Error::new_spanned(value, message))
        }
    }
}

/// A number of things of which there is at least one.
pub(crate) fn positive(name: &str, value: &Expr) -> Result<usize> {
    let number = match literal(value)? {
        Lit::Int(number) => number
            .base10_parse()
            .map_err(|error| cannot_parse(number, name, format_args!("integer: {error}")))?,
        other => return Err(cannot_parse(other, name, "integer.")),
    };
    if number == 0 {
        return Err(Error::new_spanned(value, format_args!("`{name}` may not be 0.")));
    }
    Ok(number)
}

/// A path in quotes, as in `crate = "tokio1"`.
pub(crate) fn quoted_path(name: &str, value: &Expr) -> Result<Path> {
    match literal(value)? {
        Lit::Str(text) => text
            .parse()
            .map_err(|_| cannot_parse(text, name, format_args!("path: \"{}\"", text.value()))),
        other => Err(cannot_parse(other, name, "path.")),
    }
}

/// A text that says something.
pub(crate) fn text(name: &str, value: &Expr) -> Result<String> {
    let Ok(Lit::Str(text)) = literal(value) else {
        let message = format!("`{name}` takes a text in quotes: `{name} = \"..\"`");
        return Err(Error::new_spanned(value, message));
    };
    let text = text.value();
    if text.trim().is_empty() {
        return Err(Error::new_spanned(value, format_args!("`{name}` may not be empty")));
    }
    Ok(text)
}

pub(crate) fn duration(name: &str, value: &Expr) -> Result<Duration> {
    let forms = format!("`{name}` takes a duration such as \"250ms\", \"2s\" or \"1m 30s\"");
    let Ok(Lit::Str(text)) = literal(value) else {
        return Err(Error::new_spanned(value, forms));
    };
    humantime::parse_duration(&text.value())
        .map_err(|error| Error::new_spanned(value, format_args!("{forms}: {error}")))
}

/// The path of a function, without quotes.
pub(crate) fn function(name: &str, value: &Expr) -> Result<TokenStream> {
    match ungrouped(value) {
        Expr::Path(path) => Ok(path.to_token_stream()),
        other => {
            let message = format!(
                "`{name}` takes the path of a function, without quotes: `{name} = path::to::function`"
            );
            Err(Error::new_spanned(other, message))
        }
    }
}

fn literal(value: &Expr) -> Result<&Lit> {
    match ungrouped(value) {
        Expr::Lit(ExprLit { lit, .. }) => Ok(lit),
        other => Err(Error::new_spanned(other, "Must be a literal")),
    }
}

/// `value` without the invisible groups around a fragment of `macro_rules!`.
fn ungrouped(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => ungrouped(&group.expr),
        other => other,
    }
}

fn cannot_parse(value: impl ToTokens, name: &str, kind: impl Display) -> Error {
    Error::new_spanned(value, format_args!("Failed to parse value of `{name}` as {kind}"))
}
