//! The forms in which tests are written.

use leakcheck as checks;
use leakcheck::leak_test;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::leak;

mod imported_as_test {
    use leakcheck::test;

    #[test]
    async fn bare() {
        tokio::task::yield_now().await;
    }

    #[test(known_leak = "the check must run", grace = "1ms")]
    async fn with_arguments() {
        crate::leak();
    }
}

/// Names that generated code must not take for its own.
mod shadowed {
    #![expect(dead_code, unused_imports, reason = "only their names matter")]

    mod core {}
    mod std {}
    mod alloc {}
    struct Box;
    struct Pin;
    struct Outcome;
    enum Option {
        Some,
        None,
    }
    use self::Option::{None, Some};
    type Result = ::core::result::Result<(), ()>;
    trait Future {}

    #[leakcheck::leak_test(
        grace = "1s",
        ignore(future = "*", reason = "never used"),
        action = "warn"
    )]
    async fn names() -> Result {
        let (body, outcome) = (1, 2);
        assert_eq!(body + outcome, 3);
        Ok(())
    }
}

#[cfg_attr(all(), leak_test(known_leak = "the check must run", grace = "1ms"))]
async fn conditional() {
    leak();
}

#[leak_test(leakcheck = "checks", crate = "hidden::tokio1", known_leak = "..", grace = "1ms")]
async fn renamed() {
    leak();
}

mod hidden {
    pub(super) use tokio as tokio1;
}

macro_rules! tests {
    ($($name:ident on $flavor:literal is $expected:expr => $body:block)*) => {$(
        #[leak_test(flavor = $flavor)]
        async fn $name() {
            assert_eq!(Handle::current().runtime_flavor(), $expected);
            $body
        }
    )*};
}

tests! {
    written_by_a_macro on "current_thread" is RuntimeFlavor::CurrentThread => {
        tokio::task::yield_now().await;
    }
    written_by_a_macro_too on "multi_thread" is RuntimeFlavor::MultiThread => {
        tokio::spawn(async {}).await.unwrap();
    }
}

macro_rules! whole_test {
    ($name:ident, $reason:expr, $body:block) => {
        #[leak_test(known_leak = $reason, grace = "1ms")]
        async fn $name() $body
    };
}

whole_test!(fragments, "the check must run", {
    leak();
});

#[leak_test]
async fn inner_attributes() {
    #![expect(unused_variables, reason = "shows that inner attributes hold for the body")]
    let unused = 1;
}

#[leak_test]
async fn r#match() {
    tokio::task::yield_now().await;
}
