//! The hooks tier: what tokio tells of each task when it is built with `--cfg tokio_unstable`.
//! The only room that knows tokio's hook API.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, TaskMeta};

use crate::current;
use crate::options::Options;
use crate::registry::{Registry, Spawner};
use crate::runtime::Tokio;

type Hook = Arc<dyn Fn(&TaskMeta<'_>) + Send + Sync>;

/// The hooks that the user set; each runs after leakcheck's own.
#[derive(Clone, Default)]
pub(crate) struct UserHooks {
    spawn: Option<Hook>,
    terminate: Option<Hook>,
    before_poll: Option<Hook>,
    after_poll: Option<Hook>,
}

impl fmt::Debug for UserHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserHooks").finish_non_exhaustive()
    }
}

/// tokio's task hooks, beside leakcheck's own. Only with `--cfg tokio_unstable`.
impl Options {
    /// As `tokio::runtime::Builder::on_task_spawn`.
    pub fn on_task_spawn(mut self, hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static) -> Self {
        self.user_hooks.spawn = Some(Arc::new(hook));
        self
    }

    /// As `tokio::runtime::Builder::on_task_terminate`.
    pub fn on_task_terminate(
        mut self,
        hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.user_hooks.terminate = Some(Arc::new(hook));
        self
    }

    /// As `tokio::runtime::Builder::on_before_task_poll`.
    pub fn on_before_task_poll(
        mut self,
        hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.user_hooks.before_poll = Some(Arc::new(hook));
        self
    }

    /// As `tokio::runtime::Builder::on_after_task_poll`.
    pub fn on_after_task_poll(
        mut self,
        hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.user_hooks.after_poll = Some(Arc::new(hook));
        self
    }
}

/// tokio keeps one callback per hook: both run from it.
macro_rules! install {
    ($builder:ident, $setter:ident, $registry:ident, $user:expr, |$own:ident, $meta:ident| $tell:expr) => {{
        let $own = Arc::clone($registry);
        match $user.clone() {
            Some(user) => $builder.$setter(move |$meta| {
                $tell;
                user($meta);
            }),
            None => $builder.$setter(move |$meta| $tell),
        };
    }};
}

pub(crate) fn install(builder: &mut Builder, registry: &Arc<Registry>, user: &UserHooks) {
    install!(builder, on_task_spawn, registry, user.spawn, |own, meta| {
        own.spawned(meta.id(), meta.spawned_at(), spawner());
    });
    install!(builder, on_task_terminate, registry, user.terminate, |own, meta| {
        current::with_polling(|thread| thread.terminated(meta.id()));
        own.terminated(meta.id());
    });
    install!(builder, on_before_task_poll, registry, user.before_poll, |_own, meta| {
        current::with_polling(|thread| thread.began(meta.id()));
    });
    install!(builder, on_after_task_poll, registry, user.after_poll, |own, meta| {
        current::with_polling(|thread| own.poll_ended(meta.id(), thread));
    });
}

/// Where nothing is checked, the user's hooks still run.
pub(crate) fn install_only_users(builder: &mut Builder, user: &UserHooks) {
    let UserHooks { spawn, terminate, before_poll, after_poll } = user.clone();
    if let Some(hook) = spawn {
        builder.on_task_spawn(move |meta| hook(meta));
    }
    if let Some(hook) = terminate {
        builder.on_task_terminate(move |meta| hook(meta));
    }
    if let Some(hook) = before_poll {
        builder.on_before_task_poll(move |meta| hook(meta));
    }
    if let Some(hook) = after_poll {
        builder.on_after_task_poll(move |meta| hook(meta));
    }
}

/// The hook runs on the spawner's own stack: whoever runs here is the parent.
fn spawner() -> Spawner {
    match tokio::task::try_id() {
        Some(parent) => Spawner::Task(parent),
        None if current::runs_body() => Spawner::Body,
        None => Spawner::Thread,
    }
}

/// Finds out, with one task, whether the user's own hand on the builder left leakcheck's task hooks
/// in place.
pub(crate) fn replaced(runtime: &Tokio, registry: &Arc<Registry>) -> Vec<&'static str> {
    let mut replaced = Vec::new();
    replaced.extend(runtime.block_on(replaced_during_life(Arc::clone(registry))));
    if runtime.block_on(outlives_its_end(runtime, registry)) {
        replaced.push("on_task_terminate");
    }
    replaced
}

async fn replaced_during_life(registry: Arc<Registry>) -> Option<&'static str> {
    let probe = tokio::spawn(async move {
        // The first poll has to end for its hooks to be seen by the second.
        tokio::task::yield_now().await;
        let id = tokio::task::id();
        current::with_polling(|thread| registry.seen_polled(id, thread)).flatten()
    });
    match probe.await.ok().flatten() {
        None => Some("on_task_spawn"),
        // Without its begin, the end of a poll cannot be told of.
        Some((false, _)) => Some("on_before_task_poll"),
        Some((true, false)) => Some("on_after_task_poll"),
        Some((true, true)) => None,
    }
}

/// tokio calls the terminate hook before it forgets the task, so once no task is left, a registry
/// that still has one missed its end.
async fn outlives_its_end(runtime: &Tokio, registry: &Registry) -> bool {
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while runtime.alive() > 0 && std::time::Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
    registry.len() > 0
}
