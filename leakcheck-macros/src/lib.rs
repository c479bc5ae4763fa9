//! The `#[leak_test]` attribute; documented where `leakcheck` re-exports it.
//!
//! Data goes one way: `item` and `arguments` (with `ignore` and `value` under it) parse, `valid`
//! rejects, `expand` emits. Each takes and returns `proc_macro2` tokens, so that tests call it.

mod arguments;
mod expand;
mod fallback;
mod ignore;
mod item;
mod options;
#[cfg(test)]
mod tests;
mod valid;
mod value;

use proc_macro::TokenStream;

use crate::arguments::Arguments;
use crate::item::TestFn;

#[expect(missing_docs, reason = "documented where `leakcheck` re-exports it")]
#[proc_macro_attribute]
pub fn leak_test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute(arguments.into(), item.into()).into()
}

#[expect(missing_docs, reason = "documented where `leakcheck` re-exports it")]
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute(arguments.into(), item.into()).into()
}

/// Both attributes: a mistake still gives a test, beside the error that names it.
fn attribute(
    arguments: proc_macro2::TokenStream,
    item: proc_macro2::TokenStream,
) -> proc_macro2::TokenStream {
    let test = match syn::parse2::<TestFn>(item.clone()) {
        Ok(test) => test,
        Err(error) => return fallback::not_a_function(item, &error),
    };
    let (arguments, parsed) = Arguments::parse(arguments);
    let checked =
        valid::check_function(&test).and(parsed).and_then(|()| valid::check_arguments(&arguments));
    match checked {
        Ok(()) => expand::expand(test, &arguments),
        Err(error) => fallback::plausible_test(test, &arguments, &error),
    }
}
