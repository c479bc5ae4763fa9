//! The arguments of the attribute.

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Meta, MetaNameValue, Path, Result, Token};

use crate::ignore::Ignore;
use crate::value::{self, Spanned, set};

const NAMES: &str = "`flavor`, `worker_threads`, `start_paused`, `crate`, `unhandled_panic`, \
                     `name`, `grace`, `action`, `ignore`, `known_leak`, `on_failure`, `backtrace`, \
                     `cleanup`, `leakcheck`";

/// What the attribute says; what it leaves out is decided at run time.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) flavor: Option<Spanned<Flavor>>,
    pub(crate) worker_threads: Option<Spanned<usize>>,
    pub(crate) start_paused: Option<Spanned<bool>>,
    pub(crate) unhandled_panic: Option<Spanned<UnhandledPanic>>,
    pub(crate) runtime_name: Option<Spanned<String>>,
    /// Where tokio is.
    pub(crate) tokio: Option<Spanned<Path>>,
    /// Where leakcheck is.
    pub(crate) leakcheck: Option<Spanned<Path>>,
    pub(crate) grace: Option<Spanned<Duration>>,
    pub(crate) action: Option<Spanned<Action>>,
    pub(crate) ignores: Vec<Ignore>,
    pub(crate) known_leak: Option<Spanned<String>>,
    pub(crate) on_failure: bool,
    pub(crate) backtrace: Option<Spanned<bool>>,
    pub(crate) cleanup: Option<Spanned<TokenStream>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    CurrentThread,
    MultiThread,
    Local,
}

#[derive(Clone, Copy)]
pub(crate) enum UnhandledPanic {
    Ignore,
    ShutdownRuntime,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Fail,
    Warn,
    Off,
}

impl Arguments {
    /// Reads all arguments. A mistake does not keep the others from being understood, or named.
    pub(crate) fn parse(tokens: TokenStream) -> (Self, Result<()>) {
        let mut arguments = Self::default();
        let metas = match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(metas) => metas,
            Err(error) => return (arguments, Err(error)),
        };
        let mistakes = metas.iter().filter_map(|meta| arguments.set(meta).err());
        let mistakes = mistakes.reduce(combined);
        (arguments, mistakes.map_or(Ok(()), Err))
    }

    fn set(&mut self, meta: &Meta) -> Result<()> {
        let Some(name) = meta.path().get_ident() else {
            return Err(Error::new_spanned(meta, "Must have specified ident"));
        };
        let name = name.to_string().to_lowercase();
        match meta {
            Meta::NameValue(pair) => self.set_value(&name, pair),
            Meta::List(list) if name == "ignore" => {
                self.ignores.push(Ignore::parse(list)?);
                Ok(())
            }
            Meta::Path(path) if name == "on_failure" => {
                if self.on_failure {
                    return Err(Error::new_spanned(path, "`on_failure` set multiple times."));
                }
                self.on_failure = true;
                Ok(())
            }
            Meta::Path(path) => Err(Error::new_spanned(path, bare_word(&name))),
            Meta::List(list) => Err(Error::new_spanned(list, in_parentheses(&name))),
        }
    }

    fn set_value(&mut self, name: &str, pair: &MetaNameValue) -> Result<()> {
        let value = &pair.value;
        match name {
            "flavor" => set(&mut self.flavor, name, value, Flavor::read),
            "worker_threads" => set(&mut self.worker_threads, name, value, value::positive),
            "start_paused" => set(&mut self.start_paused, name, value, value::boolean),
            "unhandled_panic" => set(&mut self.unhandled_panic, name, value, UnhandledPanic::read),
            "name" => set(&mut self.runtime_name, name, value, value::string),
            "crate" => set(&mut self.tokio, name, value, value::quoted_path),
            "leakcheck" => set(&mut self.leakcheck, name, value, value::quoted_path),
            "grace" => set(&mut self.grace, name, value, value::duration),
            "action" => set(&mut self.action, name, value, Action::read),
            "backtrace" => set(&mut self.backtrace, name, value, value::yes_or_no),
            "known_leak" => set(&mut self.known_leak, name, value, value::text),
            "cleanup" => set(&mut self.cleanup, name, value, value::function),
            "core_threads" => {
                let message = "Attribute `core_threads` is renamed to `worker_threads`";
                Err(Error::new_spanned(pair, message))
            }
            // `ignore` and `on_failure` have a form, but no value.
            _ => {
                let message = form(name).unwrap_or_else(|| unknown(name));
                Err(Error::new_spanned(pair, message))
            }
        }
    }
}

impl Flavor {
    fn read(name: &str, value: &Expr) -> Result<Self> {
        let message = match &*value::string(name, value)? {
            "current_thread" => return Ok(Self::CurrentThread),
            "multi_thread" => return Ok(Self::MultiThread),
            "local" => return Ok(Self::Local),
            "single_thread" => {
                "The single threaded runtime flavor is called `current_thread`.".to_owned()
            }
            "basic_scheduler" => {
                "The `basic_scheduler` runtime flavor has been renamed to `current_thread`."
                    .to_owned()
            }
            "threaded_scheduler" => {
                "The `threaded_scheduler` runtime flavor has been renamed to `multi_thread`."
                    .to_owned()
            }
            other => format!(
                "No such runtime flavor `{other}`. \
                 The runtime flavors are `current_thread`, `local`, and `multi_thread`."
            ),
        };
        Err(Error::new_spanned(value, message))
    }
}

impl UnhandledPanic {
    fn read(name: &str, value: &Expr) -> Result<Self> {
        match &*value::string(name, value)? {
            "ignore" => Ok(Self::Ignore),
            "shutdown_runtime" => Ok(Self::ShutdownRuntime),
            other => {
                let message = format!(
                    "No such unhandled panic behavior `{other}`. \
                     The unhandled panic behaviors are `ignore` and `shutdown_runtime`."
                );
                Err(Error::new_spanned(value, message))
            }
        }
    }
}

impl Action {
    fn read(name: &str, value: &Expr) -> Result<Self> {
        match &*value::text(name, value)? {
            "fail" => Ok(Self::Fail),
            "warn" => Ok(Self::Warn),
            "off" => Ok(Self::Off),
            other => {
                let message =
                    format!("no such action `{other}`; the actions are `fail`, `warn` and `off`");
                Err(Error::new_spanned(value, message))
            }
        }
    }
}

/// What to say of an argument that has no value.
fn bare_word(name: &str) -> String {
    match name {
        "threaded_scheduler" | "multi_thread" => {
            "Set the runtime flavor with #[leak_test(flavor = \"multi_thread\")].".to_owned()
        }
        "basic_scheduler" | "current_thread" | "single_threaded" => {
            "Set the runtime flavor with #[leak_test(flavor = \"current_thread\")].".to_owned()
        }
        "flavor" | "worker_threads" | "start_paused" | "crate" | "unhandled_panic" | "name" => {
            format!("The `{name}` attribute requires an argument.")
        }
        _ => form(name).unwrap_or_else(|| unknown(name)),
    }
}

/// What to say of an argument whose value is in parentheses.
fn in_parentheses(name: &str) -> String {
    let form = form(name).unwrap_or_else(|| format!("expected one of: {NAMES}."));
    format!("Unknown attribute inside the macro; {form}")
}

/// How the argument `name` is written, if there is one.
fn form(name: &str) -> Option<String> {
    let value = match name {
        "ignore" => "(future = \"hyper_util::*\", reason = \"..\")",
        "on_failure" => return Some("`on_failure` stands alone, without a value".to_owned()),
        "flavor" => " = \"multi_thread\"",
        "worker_threads" => " = 2",
        "start_paused" => " = true",
        "crate" => " = \"tokio\"",
        "leakcheck" => " = \"leakcheck\"",
        "unhandled_panic" => " = \"shutdown_runtime\"",
        "name" => " = \"..\"",
        "grace" => " = \"250ms\"",
        "action" => " = \"warn\"",
        "known_leak" => " = \"reason\"",
        "backtrace" => " = true",
        "cleanup" => " = path::to::function",
        _ => return None,
    };
    Some(format!("`{name}` is written `{name}{value}`"))
}

fn unknown(name: &str) -> String {
    format!("Unknown attribute {name} is specified; expected one of: {NAMES}.")
}

fn combined(mut first: Error, next: Error) -> Error {
    first.combine(next);
    first
}
