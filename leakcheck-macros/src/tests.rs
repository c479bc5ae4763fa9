//! Tokens in, tokens out.

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;
use quote::quote;

use crate::attribute;

/// Checks the options that `#[leak_test(arguments)]` builds.
#[track_caller]
fn check_options(arguments: TokenStream, options: TokenStream) {
    let expanded = attribute(arguments, quote! { async fn it() {} }).to_string();
    let options = format!(", {options} , body) ; }}");
    assert!(expanded.contains(&options), "no `{options}` in\n{expanded}");
}

/// Checks what the attribute says of a test that it rejects.
#[track_caller]
fn check_error(arguments: &str, item: TokenStream, message: Expect) {
    let arguments = arguments.parse().unwrap();
    let messages: Vec<String> = attribute(arguments, item).into_iter().flat_map(texts).collect();
    message.assert_eq(&messages.join("\n"));
}

/// Checks what is said of `#[leak_test(arguments)]` on a test without other mistakes.
#[track_caller]
fn check_mistake(arguments: &str, message: Expect) {
    check_error(arguments, quote! { async fn it() {} }, message);
}

/// The texts of the `compile_error!`s in `tokens`: strings in a group of their own.
fn texts(tokens: proc_macro2::TokenTree) -> Vec<String> {
    match tokens {
        proc_macro2::TokenTree::Group(group) => match syn::parse2::<syn::LitStr>(group.stream()) {
            Ok(text) => vec![text.value()],
            Err(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Check the whole expansion once: attributes above, the body in a future, a description below.
#[test]
fn the_body_becomes_a_future_that_leakcheck_runs() {
    let test = quote! {
        /// Says why.
        #[should_panic]
        pub(crate) async fn it() {
            #![expect(unused_variables)]
            never parsed;
        }
    };
    let expected = quote! {
        /// Says why.
        #[should_panic]
        #[expect(unused_variables)]
        #[::core::prelude::v1::test]
        pub(crate) fn it() {
            let body = async move {
                if false {
                    return ::core::option::Option::unwrap(::core::option::Option::None::<()>);
                }
                never parsed;
            };
            let body: ::core::pin::Pin<
                ::std::boxed::Box<dyn ::core::future::Future<Output = ()> + '_>
            > = ::std::boxed::Box::pin(body);
            return ::leakcheck::__private::run(
                ::leakcheck::__private::Test::<()> {
                    path: ::core::concat!(::core::module_path!(), "::", "it"),
                    package: ::core::option_env!("CARGO_PKG_NAME"),
                    manifest_dir: ::core::option_env!("CARGO_MANIFEST_DIR"),
                    file: ::core::file!(),
                    should_panic: true,
                    not_panicked: ::core::option::Option::Some(|| ()),
                    failed: |outcome: &()| -> bool {
                        use ::leakcheck::__private::outcome::*;
                        (&&::leakcheck::__private::outcome::Outcome(outcome)).failed()
                    },
                },
                ::leakcheck::Options::new(),
                body
            );
        }
    };
    assert_eq!(attribute(TokenStream::new(), test).to_string(), expected.to_string());
}

/// Check that parameters are dropped by the body, whatever their patterns are.
#[test]
fn parameters_move_into_the_body() {
    let test = quote! {
        async fn it(plain: u8, #[case] mut changed: u8, (left, _): (u8, u8), _: Guard) -> Answer {}
    };
    let expanded = attribute(TokenStream::new(), test).to_string();
    let signature = quote! {
        fn it(plain: u8, #[case] changed: u8, __arg2: (u8, u8), __arg3: Guard) -> Answer
    };
    let moves = quote! {
        let plain = plain;
        let mut changed = changed;
        let __arg2 = __arg2;
        let (left, _) = __arg2;
        let __arg3 = __arg3;
        let _ = __arg3;
    };
    assert!(expanded.contains(&signature.to_string()), "{expanded}");
    assert!(expanded.contains(&moves.to_string()), "{expanded}");
}

#[test]
fn arguments_become_options() {
    check_options(
        quote! { FLAVOR = "multi_thread", worker_threads = 3, name = "pool" },
        quote! {
            ::leakcheck::Options::new()
                .flavor(::leakcheck::Flavor::MultiThread)
                .worker_threads(3usize)
                .runtime_name("pool")
        },
    );
    check_options(
        quote! { start_paused = true, unhandled_panic = "shutdown_runtime" },
        quote! {
            ::leakcheck::__private::with_unhandled_panic!(
                ::leakcheck::Options::new().start_paused(true),
                ShutdownRuntime
            )
        },
    );
    check_options(
        quote! {
            grace = "1s 5ms", action = "warn", known_leak = "#12", on_failure,
            backtrace = true, cleanup = super::pool::close,
        },
        quote! {
            ::leakcheck::Options::new()
                .grace(::core::time::Duration::new(1u64, 5000000u32))
                .action(::leakcheck::Action::Warn)
                .known_leak("#12")
                .on_failure(true)
                .backtrace(true)
                .cleanup_named("super::pool::close", super::pool::close)
        },
    );
}

#[test]
fn ignores_add_up() {
    check_options(
        quote! {
            ignore(future = "hyper_util::*", count = 2, reason = "the pool"),
            ignore(spawned_at = "src/pool.rs:88", reason = "the reaper"),
            ignore(spawned_at = r"C:\src\pool.rs", reason = "the same elsewhere"),
        },
        quote! {
            ::leakcheck::Options::new()
                .ignore(::leakcheck::Ignore::new("the pool").future("hyper_util::*").count(2usize))
                .ignore(
                    ::leakcheck::Ignore::new("the reaper")
                        .spawned_at("src/pool.rs", ::core::option::Option::Some(88u32))
                )
                .ignore(
                    ::leakcheck::Ignore::new("the same elsewhere")
                        .spawned_at("C:\\src\\pool.rs", ::core::option::Option::None)
                )
        },
    );
}

#[test]
fn a_renamed_leakcheck_is_used_throughout() {
    let arguments = quote! { leakcheck = "crate::checks", crate = "tokio1", action = "off" };
    let expanded = attribute(arguments, quote! { async fn it() {} }).to_string();
    assert!(!expanded.contains(":: leakcheck"), "{expanded}");
    let same_tokio = quote! {
        const _: fn(&tokio1::runtime::Runtime)
            -> &crate::checks::__private::tokio::runtime::Runtime = |runtime| runtime;
    };
    assert!(expanded.contains(&same_tokio.to_string()), "{expanded}");
}

#[test]
fn mistakes_in_values_name_the_valid_ones() {
    check_mistake(
        "grace = 250",
        expect![[r#"`grace` takes a duration such as "250ms", "2s" or "1m 30s""#]],
    );
    check_mistake(
        "action = \"ignore\"",
        expect!["no such action `ignore`; the actions are `fail`, `warn` and `off`"],
    );
    check_mistake(
        "cleanup = \"close\"",
        expect![
            "`cleanup` takes the path of a function, without quotes: `cleanup = path::to::function`"
        ],
    );
    check_mistake("known_leak = \" \"", expect!["`known_leak` may not be empty"]);
    check_mistake(
        "flavor(local)",
        expect![[
            r#"Unknown attribute inside the macro; `flavor` is written `flavor = "multi_thread"`"#
        ]],
    );
    check_mistake("backtrace", expect!["`backtrace` is written `backtrace = true`"]);
    let told = expect!["`backtrace` takes `true` or `false`: `backtrace = true`"];
    check_mistake("backtrace = 1", told);
    check_mistake("on_failure = true", expect!["`on_failure` stands alone, without a value"]);
    check_mistake(
        "ignore",
        expect![[r#"`ignore` is written `ignore(future = "hyper_util::*", reason = "..")`"#]],
    );
}

#[test]
fn mistakes_in_places_name_the_form() {
    let at = |place: &str| format!("ignore(spawned_at = \"{place}\", reason = \"x\")");
    check_mistake(
        &at("src/pool.rs:x"),
        expect![[
            r#"`spawned_at` takes a file and perhaps a line, as in "src/pool.rs" or "src/pool.rs:88""#
        ]],
    );
    check_mistake(
        &at("src/pool.rs:0"),
        expect![[
            r#"`spawned_at` takes a file and perhaps a line, as in "src/pool.rs" or "src/pool.rs:88""#
        ]],
    );
    check_mistake(
        &at("src/pool.rs:88:9"),
        expect![[r#"`spawned_at` takes no column: `spawned_at = "src/pool.rs:88"`"#]],
    );
    check_mistake(
        &at(":88"),
        expect![[r#"`spawned_at` needs a file before the colon, as in "src/pool.rs:88""#]],
    );
}

#[test]
fn every_mistake_is_named_at_once() {
    check_mistake(
        "worker_threads = 0, grace = \"\", ignore(count = 1)",
        expect![[r#"
            `worker_threads` may not be 0.
            `grace` takes a duration such as "250ms", "2s" or "1m 30s": value was empty
            an `ignore` needs a `reason = ".."`: why may these tasks stay?"#]],
    );
}

#[test]
fn a_renamed_leakcheck_is_used_in_spite_of_mistakes() {
    let arguments = quote! { grace = 1, leakcheck = "checks" };
    let expanded = attribute(arguments, quote! { async fn it() {} }).to_string();
    assert!(!expanded.contains(":: leakcheck"), "{expanded}");
}

/// Check that only what is left of a rejected test can go wrong: no second `#[test]`, no parameter
/// that nobody supplies.
#[test]
fn a_rejected_test_is_still_a_plausible_one() {
    let expanded = attribute(TokenStream::new(), quote! { #[tokio::test] async fn it() {} });
    let start = quote! { #[::core::prelude::v1::test] fn it() };
    assert!(expanded.to_string().starts_with(&start.to_string()), "{expanded}");

    let expanded =
        attribute(TokenStream::new(), quote! { #[test_case(1)] async fn it(one: u8) {} });
    let start = quote! { #[cfg(test)] #[allow(dead_code)] fn it(one: u8) };
    assert!(expanded.to_string().starts_with(&start.to_string()), "{expanded}");
}

#[test]
fn only_rstest_may_make_cases_below() {
    let cases = quote! { #[case(1)] #[rstest] async fn it(#[case] one: u8) {} };
    check_error("", cases, expect![""]);
    let cases = quote! { #[case(1)] async fn it(one: u8) {} };
    check_error(
        "",
        cases,
        expect!["put `#[leak_test]` below `#[test_case]`: above it, every case would run twice"],
    );
}

#[test]
fn other_items_stay_as_they_are() {
    let module = quote! { mod tests {} };
    let expanded = attribute(TokenStream::new(), module.clone());
    assert!(expanded.to_string().starts_with(&module.to_string()), "{expanded}");
    check_error("", module, expect!["`#[leak_test]` goes on an `async fn`"]);
}
