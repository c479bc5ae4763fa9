//! Readable names: what a person would call the types and functions that rustc names
//! `app::{impl#3}::get::{async_fn_env#0}<u8>`.

/// What kind of coroutine a type is, by the last part of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CoroutineKind {
    Function,
    Block,
    Closure,
}

impl CoroutineKind {
    pub(crate) fn of(last: &str) -> Option<Self> {
        let named = |name| last.starts_with(name);
        match () {
            () if named("{async_fn_env#") => Some(Self::Function),
            () if named("{async_block_env#") => Some(Self::Block),
            () if named("{async_closure_env#") => Some(Self::Closure),
            () => None,
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Function => "",
            Self::Block => "::{async block}",
            Self::Closure => "::{async closure}",
        }
    }
}

/// The name of the type with this path, for reading. Generics are left out. `of_impl` gives the name of
/// the `impl` block with a path such as `app::{impl#3}`.
pub(crate) fn readable(path: &[&str], of_impl: impl Fn(&[&str]) -> Option<String>) -> String {
    let Some((last, around)) = path.split_last() else {
        return "a nameless type".to_owned();
    };
    let coroutine = CoroutineKind::of(last);
    let mut name = String::new();
    let shown = if coroutine.is_none() { path } else { around };
    for (at, part) in shown.iter().enumerate() {
        if part.starts_with("{impl#") {
            if let Some(known) = path.get(..=at).and_then(&of_impl) {
                name = known;
                continue;
            }
        } else if is_of_compiler(part) {
            continue;
        }
        if !name.is_empty() {
            name.push_str("::");
        }
        name.push_str(without_generics(part));
    }
    name.push_str(match coroutine {
        Some(kind) => kind.suffix(),
        None if is_closure(last) => CLOSURE,
        None => "",
    });
    name
}

/// How the names of closures end.
pub(crate) const CLOSURE: &str = "::{closure}";

fn is_closure(last: &str) -> bool {
    last.starts_with("{closure_env#")
}

/// The path without generics and without what the compiler made up: what the tables of known
/// futures are written in.
pub(crate) fn plain(path: &[&str]) -> String {
    let parts = path.iter().filter(|part| !part.starts_with('{'));
    parts.map(|part| without_generics(part)).collect::<Vec<_>>().join("::")
}

/// `{async_block#0}`, `{closure#2}` and the like: bodies inside bodies.
fn is_of_compiler(part: &str) -> bool {
    part.starts_with('{') && !part.starts_with("{impl#")
}

fn without_generics(part: &str) -> &str {
    // `<` begins generics but in the name of a tuple or a reference.
    match part.find('<') {
        Some(at) if at > 0 && !part.starts_with(['&', '(', '*']) => &part[..at],
        _ => part,
    }
}

/// The generic arguments of a type's name, shortened: `<app::Event, alloc::alloc::Global>` is `<Event>`.
pub(crate) fn generics(last: &str) -> String {
    let Some(at) = last.find('<') else {
        return String::new();
    };
    let mut short = String::new();
    let mut word = String::new();
    for c in last[at..].chars() {
        if c.is_alphanumeric() || matches!(c, '_' | ':' | '{' | '}' | '#') {
            word.push(c);
            continue;
        }
        push_word(&mut short, &mut word);
        short.push(c);
    }
    push_word(&mut short, &mut word);
    short.replace(", Global>", ">").replace(", Global", "")
}

fn push_word(short: &mut String, word: &mut String) {
    let last = word.rsplit("::").next().unwrap_or_default();
    match CoroutineKind::of(last) {
        Some(kind) => {
            let mut parts = word.rsplit("::").filter(|part| !part.starts_with('{'));
            short.push_str(parts.next().unwrap_or_default());
            short.push_str(kind.suffix());
        }
        None => short.push_str(last),
    }
    word.clear();
}

/// The first of generic arguments, brackets included: what a method is generic over comes after
/// what its type is.
pub(crate) fn first_generic(generics: &str) -> String {
    let mut depth = 0_usize;
    for (at, c) in generics.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if !generics[..at].ends_with('-') => depth = depth.saturating_sub(1),
            ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 1 => return format!("{}>", &generics[..at]),
            _ => {}
        }
    }
    generics.to_owned()
}

/// The name of an `impl` block, out of the mangled name of a function that lies `levels` below it:
/// `<app::Cache as app::Store>`, or for an inherent one `app::Cache`.
///
/// Generics are left out, since one of the two manglings names those of some instance.
pub(crate) fn of_impl(mangled: &str, levels: usize) -> Option<String> {
    impl_around(&format!("{:#}", rustc_demangle::try_demangle(mangled).ok()?), levels)
}

fn impl_around(function: &str, levels: usize) -> Option<String> {
    let mut name = function;
    let mut left = levels;
    while left > 0 {
        let at = last_separator(name)?;
        // The arguments of a generic function are no level: `<Pool>::take::<u8>`.
        if !name[at..].starts_with("::<") {
            left -= 1;
        }
        name = &name[..at];
    }
    let inside = name.strip_prefix('<').and_then(|name| name.strip_suffix('>'));
    Some(match inside.map(|inside| (inside, inside.split_once(" as "))) {
        Some((_, Some((of, implemented)))) => {
            format!("<{} as {}>", no_generics(of), no_generics(implemented))
        }
        Some((inherent, None)) => no_generics(inherent),
        None => no_generics(name),
    })
}

/// The text without what is in angle brackets.
fn no_generics(name: &str) -> String {
    let mut depth = 0_usize;
    let mut before = ' ';
    let mut short = String::new();
    for c in name.chars() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => short.push(c),
            _ => {}
        }
        before = c;
    }
    short
}

/// Where the last `::` outside of angle brackets is.
fn last_separator(name: &str) -> Option<usize> {
    let bytes = name.as_bytes();
    let mut depth = 0_usize;
    for at in (1..bytes.len()).rev() {
        match bytes[at] {
            // The arrow of a function's type closes nothing.
            b'>' if bytes[at - 1] != b'-' => depth += 1,
            b'<' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && bytes[at - 1] == b':' => return Some(at - 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        let path: Vec<&str> = path.split("::").collect();
        let first = |path: &[&str]| path == ["app", "{impl#0}"];
        let of_impl =
            |path: &[&str]| first(path).then(|| "<app::Cache<T> as app::Store>".to_owned());
        assert_eq!(readable(&path, of_impl), expected);
    }

    #[test]
    fn coroutines_are_named_by_what_was_written() {
        check("app::worker::{async_fn_env#0}<u8>", "app::worker");
        check("app::main::{async_block#0}::{async_block_env#3}", "app::main::{async block}");
        check("app::run::{closure#2}::{async_closure_env#0}", "app::run::{async closure}");
        check("app::{impl#0}::get::{async_fn_env#0}<u8>", "<app::Cache<T> as app::Store>::get");
        check("app::{impl#1}::get::{async_fn_env#0}", "app::{impl#1}::get");
        check("app::run::{closure_env#0}<u8>", "app::run::{closure}");
    }

    #[test]
    fn types_lose_their_generics() {
        check("tokio::time::timeout::Timeout<app>", "tokio::time::timeout::Timeout");
        let path = ["tokio", "sync", "mutex", "{impl#3}", "lock", "{async_fn_env#0}<u8>"];
        assert_eq!(plain(&path), "tokio::sync::mutex::lock");
    }

    #[test]
    fn generics_are_shortened_to_last_names() {
        assert_eq!(generics("Receiver<app::Event>"), "<Event>");
        assert_eq!(generics("{env#0}<alloc::vec::Vec<u8, alloc::alloc::Global>>"), "<Vec<u8>>");
        assert_eq!(generics("Pin<app::run::{async_fn_env#0}>"), "<run>");
        assert_eq!(generics("Sleep"), "");
    }

    #[test]
    fn an_impl_is_named_by_the_functions_in_it() {
        let name = "_ZN58_$LT$m3..svc..Cache$LT$T$GT$$u20$as$u20$m3..svc..Store$GT$3get28_\
                    $u7b$$u7b$closure$u7d$$u7d$17hb6d9fc117e8a703dE";
        assert_eq!(of_impl(name, 2).as_deref(), Some("<m3::svc::Cache as m3::svc::Store>"));
        let check = |name, levels, expected| {
            assert_eq!(impl_around(name, levels).as_deref(), Some(expected));
        };
        check("<app::Pool<u8>>::take::<alloc::vec::Vec<u8>>::{closure#0}", 2, "app::Pool");
        check("<app::Cache<u8> as app::Store>::get", 1, "<app::Cache as app::Store>");
        check("app::Pool::take", 1, "app::Pool");
        assert_eq!(first_generic("<(u8, i32), {closure_env#0}>"), "<(u8, i32)>");
        assert_eq!(no_generics("app::Pool<alloc::vec::Vec<u8>>"), "app::Pool");
        assert_eq!(last_separator("a::B<fn() -> c::D>::e"), Some(18));
    }
}
