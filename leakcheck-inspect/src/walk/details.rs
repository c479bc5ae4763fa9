//! What a leaf tells of what it waits for: tokio's private fields, by name. Whatever cannot be read
//! is left out.

use super::lens::Goal;
use super::{At, Walk};
use crate::Error;
use crate::memory::word;
use crate::shape::{Body, Shape};
use crate::wait::{Wait, WaitKind};

/// How many tasks of a set are told.
const TASKS: usize = 64;

/// Permits start at this bit of a semaphore's word, below it is whether it is closed.
const PERMIT_SHIFT: u32 = 1;

impl Walk<'_> {
    /// What can be read of a leaf that waits for this.
    pub(super) fn details(&self, kind: WaitKind, shape: &Shape, at: At) -> Wait {
        let mut wait = Wait::new(kind);
        // Methods that are coroutines have saved what they were called on.
        let own = match self.own(shape, at) {
            Some(own) => own,
            None => at,
        };
        match kind {
            WaitKind::Sleep | WaitKind::Interval | WaitKind::Timeout => {
                wait.remaining_ms = self.remaining(own).ok().flatten();
            }
            WaitKind::Join => match self.joined(own) {
                Ok((_, true)) => wait.kind = WaitKind::Blocking,
                Ok((id, false)) => wait.tasks = vec![id],
                Err(_) => {}
            },
            WaitKind::JoinSet => wait.tasks = self.joined_set(own).unwrap_or_default(),
            WaitKind::Semaphore => {
                wait.permits =
                    self.find_number(own, "permits").ok().map(|word| word >> PERMIT_SHIFT);
            }
            WaitKind::OneshotReceive if is_tokio(shape) => {
                wait.peers = self.others(own, "inner").ok();
            }
            WaitKind::MpscReceive if is_tokio(shape) => {
                wait.peers = self.find_number(own, "tx_count").ok();
            }
            WaitKind::BroadcastReceive => wait.peers = self.find_number(own, "num_tx").ok(),
            WaitKind::WatchChanged => wait.peers = self.find_number(own, "ref_count_tx").ok(),
            WaitKind::WatchClosed => wait.peers = self.find_number(own, "ref_count_rx").ok(),
            _ => {}
        }
        let is_of_a_resource = matches!(
            kind,
            WaitKind::Mutex
                | WaitKind::RwLockRead
                | WaitKind::RwLockWrite
                | WaitKind::Semaphore
                | WaitKind::MpscSend
                | WaitKind::MpscReceive
        );
        if is_of_a_resource && is_tokio(shape) {
            wait.of = self.resource(own).ok();
        }
        wait
    }

    /// The `self` that a suspended method has saved, behind its reference.
    fn own(&self, shape: &Shape, at: At) -> Option<At> {
        let Body::Coroutine(coroutine) = &shape.body else {
            return None;
        };
        let state = coroutine.state(self.tag(coroutine.tag, at).ok()?)?;
        let own = at.inside(state.own.as_ref()?);
        let of_own = self.shape(own.ty).ok()?;
        match &of_own.body {
            Body::Pointer { to, .. } => self.deref(own, *to).ok(),
            _ => Some(own),
        }
    }

    fn remaining(&self, at: At) -> Result<Option<i64>, Error> {
        let Some(now) = self.now else {
            return Ok(None);
        };
        // A timeout's own timer, and an interval's: what is wrapped may have timers, too.
        let timer = match self.field(at, "delay") {
            Ok(delay) => self.pointee_or_self(delay)?,
            Err(_) => at,
        };
        let deadline = self.find(timer, "deadline")?;
        let seconds = self.number(self.find(deadline, "tv_sec")?)? as i64;
        let nanos = self.number(self.find(deadline, "tv_nsec")?)?;
        let due = i128::from(seconds) * 1000 + i128::from(nanos / 1_000_000);
        let now = i128::try_from(now.as_millis()).unwrap_or(i128::MAX);
        Ok(i64::try_from(due - now).ok())
    }

    /// What a `Box` holds, or the value itself if it is in none.
    fn pointee_or_self(&self, at: At) -> Result<At, Error> {
        let shape = self.shape(at.ty)?;
        if shape.plain.starts_with("core::pin::Pin") { self.pointee(at) } else { Ok(at) }
    }

    /// The task of a `JoinHandle`: its id, and whether it is blocking work.
    fn joined(&self, handle: At) -> Result<(u64, bool), Error> {
        let header = self.pointee(self.field(handle, "raw")?)?;
        self.task_told(header.address)
    }

    fn joined_set(&self, set: At) -> Result<Vec<u64>, Error> {
        // A coroutine's `self` may be a wrapper around the set.
        let lists = self.counted(self.find(set, "lists")?)?;
        let mut ids = Vec::new();
        for list in ["notified", "idle"] {
            let head = self.find(self.find(lists, list)?, "head")?;
            let mut next = word(self.memory, head.address, 0)?;
            while next != 0 && ids.len() < TASKS {
                let entry = At { address: next, ..self.pointee(head)? };
                let handle = self.find(self.field(entry, "value")?, "raw")?;
                ids.push(self.task_told(self.pointee(handle)?.address)?.0);
                let after = self.find(self.field(entry, "pointers")?, "next")?;
                next = word(self.memory, after.address, 0)?;
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// How many others share what the `Arc` in this field holds.
    fn others(&self, at: At, field: &str) -> Result<u64, Error> {
        let inner = self.pointee(self.field(at, field)?)?;
        Ok(self.number(self.field(inner, "strong")?)?.saturating_sub(1))
    }

    /// The number in the nearest field of this name, also behind references or an `Arc`.
    fn find_number(&self, at: At, name: &'static str) -> Result<u64, Error> {
        self.number(self.nearest_behind(at, Goal::Field(name))?)
    }
}

fn is_tokio(shape: &Shape) -> bool {
    shape.plain.starts_with("tokio::")
}
