//! The function that a test names with `cleanup = ..`: sync or async, fallible or not.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

type CleanupFuture = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// A cleanup and the name its test gave it.
#[derive(Clone)]
pub(crate) struct Cleanup {
    pub(crate) name: &'static str,
    start: Arc<dyn Fn() -> CleanupFuture + Send + Sync>,
}

impl Cleanup {
    pub(crate) fn new<F, R, Shape>(name: &'static str, cleanup: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: IntoCleanup<Shape>,
    {
        let cleanup = Arc::new(cleanup);
        let start = Arc::new(move || {
            let cleanup = Arc::clone(&cleanup);
            // The call itself belongs inside the future: a sync cleanup needs the runtime too.
            Box::pin(async move { cleanup().into_cleanup().await }) as CleanupFuture
        });
        Self { name, start }
    }

    /// Runs it. `Err` is the rendered error of a cleanup that returned one.
    pub(crate) fn start(&self) -> CleanupFuture {
        (self.start)()
    }
}

impl fmt::Debug for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cleanup").field(&self.name).finish()
    }
}

/// What a cleanup function may return: `()`, a `Result`, or a future of either.
///
/// `Shape` only tells the impls apart, which would overlap if `()` ever became a future; it is
/// always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a cleanup",
    label = "this cleanup returns `{Self}`",
    note = "a cleanup is a `fn` or an `async fn` without arguments that returns `()` or `Result<(), E>` with `E: Debug`"
)]
pub trait IntoCleanup<Shape> {
    #[doc(hidden)]
    fn into_cleanup(self) -> impl Future<Output = Result<(), String>>;
}

/// The shape of a cleanup that is done when it returns.
#[derive(Debug)]
pub enum AtOnce {}

/// The shape of a cleanup that returns a future.
#[derive(Debug)]
pub enum Later {}

impl IntoCleanup<AtOnce> for () {
    async fn into_cleanup(self) -> Result<(), String> {
        self.into_result()
    }
}

impl<E: fmt::Debug> IntoCleanup<AtOnce> for Result<(), E> {
    async fn into_cleanup(self) -> Result<(), String> {
        self.into_result()
    }
}

impl<F> IntoCleanup<Later> for F
where
    F: Future,
    F::Output: CleanupOutput,
{
    async fn into_cleanup(self) -> Result<(), String> {
        self.await.into_result()
    }
}

/// What an async cleanup may return: `()` or a `Result`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by an async cleanup",
    note = "an async cleanup returns `()` or `Result<(), E>` with `E: Debug`"
)]
pub trait CleanupOutput {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), String>;
}

impl CleanupOutput for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: fmt::Debug> CleanupOutput for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| format!("{error:?}"))
    }
}
