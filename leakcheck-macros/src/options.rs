//! The arguments as an expression that builds `leakcheck::Options`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::arguments::{Action, Arguments, Flavor, UnhandledPanic};
use crate::ignore::Ignore;

pub(crate) fn options(arguments: &Arguments, leakcheck: &TokenStream) -> TokenStream {
    let mut options = quote! { #leakcheck::Options::new() };
    options.extend(runtime_options(arguments, leakcheck));
    options.extend(check_options(arguments, leakcheck));

    let Some(unhandled_panic) = &arguments.unhandled_panic else {
        return options;
    };
    let span = Span::call_site().located_at(unhandled_panic.span);
    let behavior = match unhandled_panic.value {
        UnhandledPanic::Ignore => quote! { Ignore },
        UnhandledPanic::ShutdownRuntime => quote! { ShutdownRuntime },
    };
    quote_spanned! {span=> #leakcheck::__private::with_unhandled_panic!(#options, #behavior) }
}

/// What runs the test.
fn runtime_options(arguments: &Arguments, leakcheck: &TokenStream) -> TokenStream {
    let mut calls = TokenStream::new();
    if let Some(flavor) = &arguments.flavor {
        let flavor = match flavor.value {
            Flavor::CurrentThread => quote! { CurrentThread },
            Flavor::MultiThread => quote! { MultiThread },
            Flavor::Local => quote! { Local },
        };
        calls.extend(quote! { .flavor(#leakcheck::Flavor::#flavor) });
    }
    if let Some(worker_threads) = &arguments.worker_threads {
        let count = worker_threads.value;
        calls.extend(quote! { .worker_threads(#count) });
    }
    if let Some(start_paused) = &arguments.start_paused {
        let paused = start_paused.value;
        calls.extend(quote! { .start_paused(#paused) });
    }
    if let Some(name) = &arguments.runtime_name {
        let name = &name.value;
        calls.extend(quote! { .runtime_name(#name) });
    }
    calls
}

/// What checks it.
fn check_options(arguments: &Arguments, leakcheck: &TokenStream) -> TokenStream {
    let mut calls = TokenStream::new();
    if let Some(grace) = &arguments.grace {
        let (seconds, nanoseconds) = (grace.value.as_secs(), grace.value.subsec_nanos());
        calls.extend(quote! { .grace(::core::time::Duration::new(#seconds, #nanoseconds)) });
    }
    if let Some(action) = &arguments.action {
        let action = match action.value {
            Action::Fail => quote! { Fail },
            Action::Warn => quote! { Warn },
            Action::Off => quote! { Off },
        };
        calls.extend(quote! { .action(#leakcheck::Action::#action) });
    }
    for rule in &arguments.ignores {
        let rule = ignore(rule, leakcheck);
        calls.extend(quote! { .ignore(#rule) });
    }
    if let Some(known_leak) = &arguments.known_leak {
        let reason = &known_leak.value;
        calls.extend(quote! { .known_leak(#reason) });
    }
    if arguments.on_failure {
        calls.extend(quote! { .on_failure(true) });
    }
    if let Some(backtrace) = &arguments.backtrace {
        let wanted = backtrace.value;
        calls.extend(quote! { .backtrace(#wanted) });
    }
    if let Some(cleanup) = &arguments.cleanup {
        let function = &cleanup.value;
        let name = function.to_string().replace(' ', "");
        // What the function returns may be refused: the error belongs to the one who named it.
        let span = Span::call_site().located_at(cleanup.span);
        calls.extend(quote_spanned! {span=> .cleanup_named(#name, #function) });
    }
    calls
}

fn ignore(ignore: &Ignore, leakcheck: &TokenStream) -> TokenStream {
    let reason = &ignore.reason;
    let mut rule = quote! { #leakcheck::Ignore::new(#reason) };
    for (condition, pattern) in &ignore.patterns {
        let condition = proc_macro2::Ident::new(condition, Span::call_site());
        rule.extend(quote! { .#condition(#pattern) });
    }
    if let Some(place) = &ignore.spawned_at {
        let file = &place.file;
        let line = match place.line {
            Some(line) => quote! { ::core::option::Option::Some(#line) },
            None => quote! { ::core::option::Option::None },
        };
        rule.extend(quote! { .spawned_at(#file, #line) });
    }
    if let Some(count) = ignore.count {
        rule.extend(quote! { .count(#count) });
    }
    rule
}
