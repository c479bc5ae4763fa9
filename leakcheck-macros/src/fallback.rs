//! What a rejected attribute expands to: its error, and an item that causes no further ones.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Error;

use crate::arguments::Arguments;
use crate::expand;
use crate::item::TestFn;
use crate::valid;

/// The item as it is.
pub(crate) fn not_a_function(item: TokenStream, error: &Error) -> TokenStream {
    with_error(item, error)
}

/// The test with the arguments that were understood, without what it cannot stand beside.
pub(crate) fn plausible_test(
    mut test: TestFn,
    arguments: &Arguments,
    error: &Error,
) -> TokenStream {
    let conflicts: Vec<bool> =
        test.attrs.iter().map(|attr| valid::conflict(attr, &test).is_some()).collect();
    let mut conflicts = conflicts.into_iter();
    test.attrs.retain(|_| conflicts.next() == Some(false));

    // A test with parameters is one more error if nothing is left to supply them.
    let tokens = if test.sig.inputs.is_empty() {
        expand::expand(test, arguments)
    } else {
        expand::function(test, arguments, &quote! { #[cfg(test)] #[allow(dead_code)] })
    };
    with_error(tokens, error)
}

fn with_error(mut tokens: TokenStream, error: &Error) -> TokenStream {
    tokens.extend(error.to_compile_error());
    tokens
}
