//! The test function that the attribute becomes.

use std::mem;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{FnArg, Pat, PatIdent, ReturnType, Signature};

use crate::arguments::Arguments;
use crate::item::TestFn;
use crate::options::options;

/// A synchronous test that hands the body to leakcheck.
pub(crate) fn expand(test: TestFn, arguments: &Arguments) -> TokenStream {
    // Below the user's attributes, so that macros among them see that this is a test already.
    let attribute = quote! { #[::core::prelude::v1::test] };
    function(test, arguments, &attribute)
}

/// The function under its own attributes and then `attribute`.
pub(crate) fn function(
    mut test: TestFn,
    arguments: &Arguments,
    attribute: &TokenStream,
) -> TokenStream {
    let leakcheck = leakcheck(arguments);
    let output = output(&test.sig);
    let description = description(&test, &leakcheck, &output);
    let options = options(arguments, &leakcheck);
    let same_tokio = same_tokio(arguments, &leakcheck);

    test.sig.asyncness = None;
    let parameters = own_parameters(&mut test.sig);
    let returns_output = returns_output(&output);
    let body = Ident::new("body", Span::mixed_site());
    let TestFn { attrs, vis, sig, brace, body: written } = test;

    let mut tokens = quote! { #(#attrs)* #attribute #vis #sig };
    brace.surround(&mut tokens, |tokens| {
        tokens.extend(quote! { let #body = async move });
        brace.surround(tokens, |tokens| {
            tokens.extend([parameters, returns_output, written]);
        });
        tokens.extend(quote! {
            ;
            // One type for all tests with this output: what runs it is compiled once.
            let #body: ::core::pin::Pin<
                ::std::boxed::Box<dyn ::core::future::Future<Output = #output> + '_>
            > = ::std::boxed::Box::pin(#body);
            #same_tokio
            return #leakcheck::__private::run(#description, #options, #body);
        });
    });
    tokens
}

/// The path of leakcheck in the user's crate.
fn leakcheck(arguments: &Arguments) -> TokenStream {
    match &arguments.leakcheck {
        Some(path) => path.value.to_token_stream(),
        None => quote! { ::leakcheck },
    }
}

fn output(sig: &Signature) -> TokenStream {
    match &sig.output {
        ReturnType::Default => quote! { () },
        ReturnType::Type(_, output) => output.to_token_stream(),
    }
}

/// What leakcheck knows of the test before it runs.
fn description(test: &TestFn, leakcheck: &TokenStream, output: &TokenStream) -> TokenStream {
    let name = test.sig.ident.to_string();
    let should_panic = test.should_panic();
    // The value with which a test that should panic, and did not, lets libtest say so.
    let not_panicked = if should_panic && test.returns_unit() {
        quote! { ::core::option::Option::Some(|| ()) }
    } else {
        quote! { ::core::option::Option::None }
    };
    quote! {
        #leakcheck::__private::Test::<#output> {
            path: ::core::concat!(::core::module_path!(), "::", #name),
            package: ::core::option_env!("CARGO_PKG_NAME"),
            manifest_dir: ::core::option_env!("CARGO_MANIFEST_DIR"),
            file: ::core::file!(),
            should_panic: #should_panic,
            not_panicked: #not_panicked,
            failed: |outcome: &#output| -> bool {
                use #leakcheck::__private::outcome::*;
                (&&#leakcheck::__private::outcome::Outcome(outcome)).failed()
            },
        }
    }
}

/// Moves the parameters into the body, which then drops them when it ends, as an `async fn` does.
///
/// A parameter that is a pattern gets a name first, and is taken apart inside.
fn own_parameters(sig: &mut Signature) -> TokenStream {
    let mut moves = TokenStream::new();
    for (index, input) in sig.inputs.iter_mut().enumerate() {
        let FnArg::Typed(parameter) = input else {
            continue;
        };
        if let Pat::Ident(PatIdent { by_ref: None, mutability, ident, subpat: None, .. }) =
            &mut *parameter.pat
        {
            let mutability = mutability.take();
            moves.extend(quote! { let #mutability #ident = #ident; });
            continue;
        }
        let name = format_ident!("__arg{index}");
        let pattern = mem::replace(&mut *parameter.pat, named(name.clone()));
        moves.extend(quote! { let #name = #name; let #pattern = #name; });
    }
    moves
}

fn named(ident: Ident) -> Pat {
    Pat::Ident(PatIdent { attrs: Vec::new(), by_ref: None, mutability: None, ident, subpat: None })
}

/// Tells the compiler what an async block returns, which has no syntax of its own: a mismatch is
/// then found where the body has it, and what it returns is coerced as in an `async fn`.
fn returns_output(output: &TokenStream) -> TokenStream {
    let span = match output.to_token_stream().into_iter().next() {
        Some(first) => Span::call_site().located_at(first.span()),
        None => Span::call_site(),
    };
    quote_spanned! {span=>
        if false {
            return ::core::option::Option::unwrap(::core::option::Option::None::<#output>);
        }
    }
}

/// A check that `crate` is the tokio that leakcheck runs.
fn same_tokio(arguments: &Arguments, leakcheck: &TokenStream) -> Option<TokenStream> {
    let tokio = arguments.tokio.as_ref()?;
    let path = &tokio.value;
    let span = Span::call_site().located_at(tokio.span);
    Some(quote_spanned! {span=>
        const _: fn(&#path::runtime::Runtime) -> &#leakcheck::__private::tokio::runtime::Runtime =
            |runtime| runtime;
    })
}
