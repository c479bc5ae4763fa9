//! tokio's own runtimes, as the options ask for them, with leakcheck's hooks in place.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, LocalOptions, LocalRuntime};

use crate::error::{Error, ErrorKind};
use crate::options::{Flavor, Options};
use crate::registry::Registry;

/// tokio has two types of runtime.
#[derive(Debug)]
pub(crate) enum Tokio {
    Shared(tokio::runtime::Runtime),
    Local(LocalRuntime),
}

impl Tokio {
    /// Without a registry it is a plain runtime, with the user's own hooks.
    pub(super) fn build(
        options: &Options,
        registry: Option<&Arc<Registry>>,
    ) -> Result<Self, Error> {
        let mut builder = builder(options)?;
        #[cfg(tokio_unstable)]
        match registry {
            Some(registry) => crate::hooks::install(&mut builder, registry, &options.user_hooks),
            None => crate::hooks::install_only_users(&mut builder, &options.user_hooks),
        }
        let (registry, user) = (registry.cloned(), options.on_thread_start.clone());
        builder.on_thread_start(move || {
            if let Some(registry) = &registry {
                crate::current::adopt_thread(registry);
            }
            if let Some(user) = &user {
                user();
            }
        });
        if let Some(configure) = &options.configure {
            configure(&mut builder);
        }
        let built = match options.flavor {
            Flavor::Local => builder.build_local(LocalOptions::default()).map(Self::Local),
            Flavor::CurrentThread | Flavor::MultiThread => builder.build().map(Self::Shared),
        };
        built.map_err(|error| ErrorKind::Runtime(error).into())
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self {
            Self::Shared(runtime) => runtime.block_on(future),
            Self::Local(runtime) => runtime.block_on(future),
        }
    }

    pub(super) fn handle(&self) -> &Handle {
        match self {
            Self::Shared(runtime) => runtime.handle(),
            Self::Local(runtime) => runtime.handle(),
        }
    }

    /// tokio's own count of live tasks.
    pub(crate) fn alive(&self) -> usize {
        self.handle().metrics().num_alive_tasks()
    }

    pub(super) fn shut_down(self, bound: Duration) {
        match self {
            Self::Shared(runtime) => runtime.shutdown_timeout(bound),
            Self::Local(runtime) => runtime.shutdown_timeout(bound),
        }
    }
}

/// Finds out whether the user's own hand on the builder left leakcheck's hooks in place. Threads
/// first: without them the task hooks tell nothing.
pub(super) fn verify_hooks(tokio: &Tokio, registry: &Arc<Registry>) -> Result<(), Error> {
    let _entered = crate::current::enter(registry);
    let adopted = || crate::current::registry().is_some();
    let adopts = tokio.block_on(async { tokio::task::spawn_blocking(adopted).await });
    let replaced = match adopts {
        Ok(false) => vec!["on_thread_start"],
        #[cfg(tokio_unstable)]
        _ => crate::hooks::replaced(tokio, registry),
        #[cfg(not(tokio_unstable))]
        _ => Vec::new(),
    };
    if replaced.is_empty() {
        return Ok(());
    }
    let hooks = replaced.join("`, `");
    Err(ErrorKind::HooksReplaced { hooks }.into())
}

fn builder(options: &Options) -> Result<Builder, Error> {
    let refused = |option, problem, fix| Err(ErrorKind::Options { option, problem, fix }.into());
    let mut builder = match options.flavor {
        Flavor::MultiThread => Builder::new_multi_thread(),
        Flavor::CurrentThread | Flavor::Local => Builder::new_current_thread(),
    };
    match options.worker_threads {
        Some(_) if options.flavor != Flavor::MultiThread => {
            return refused(
                "worker_threads",
                "needs worker threads",
                "set `flavor` to `Flavor::MultiThread`",
            );
        }
        Some(threads) => {
            builder.worker_threads(threads);
        }
        None => {}
    }
    if options.start_paused {
        if options.flavor == Flavor::MultiThread {
            return refused(
                "start_paused",
                "needs one thread",
                "set `flavor` to `Flavor::CurrentThread` or `Local`",
            );
        }
        builder.start_paused(true);
    }
    if let Some(name) = &options.runtime_name {
        builder.name(name);
    }
    #[cfg(tokio_unstable)]
    if let Some(behavior) = options.unhandled_panic {
        builder.unhandled_panic(behavior.into());
    }
    builder.enable_all();
    Ok(builder)
}

#[cfg(tokio_unstable)]
impl From<crate::options::UnhandledPanic> for tokio::runtime::UnhandledPanic {
    fn from(behavior: crate::options::UnhandledPanic) -> Self {
        match behavior {
            crate::options::UnhandledPanic::Ignore => Self::Ignore,
            crate::options::UnhandledPanic::ShutdownRuntime => Self::ShutdownRuntime,
        }
    }
}
