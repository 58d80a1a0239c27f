//! Waiting for tasks: for all of a group, or for one and its answer.
//!
//! Above: tasks. Below: gates and waiters (`wait.rs`); a channel for the answer.

use super::channel::Channel;
use super::wait::{Gate, Waiter, Waiters, ready};
use alloc_core::sync::{AtomicUsize, Ordering};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// A number of tasks that are not done; a clone is another hand on the same one.
#[derive(Clone)]
pub struct Group(Arc<Inner>);

struct Inner {
    left: AtomicUsize,
    waiting: Gate<Waiters<()>>,
}

/// One of a group: it is done when this is dropped, so that a panic does not keep the group waiting.
#[derive(Debug)]
#[must_use = "it is done when this is dropped"]
pub struct Member(Group);

impl Group {
    /// A group of none.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner { left: AtomicUsize::new(0), waiting: Gate::new(Waiters::new()) }))
    }

    /// One more.
    #[inline]
    pub fn member(&self) -> Member {
        // ORDERING: Relaxed: whoever adds has a hand on the group, and does not wait for it at this moment.
        self.0.left.fetch_add(1, Ordering::Relaxed);
        Member(self.clone())
    }

    /// Waits until all are done. Only a task may.
    pub fn wait(&self) {
        let entered = self.0.waiting.enter();
        // ORDERING: Acquire meets the Release in `Member`'s drop. The last one looks for who waits under the
        // lock, after it has counted: it finds this one, or this one finds its count.
        if self.0.left.load(Ordering::Acquire) > 0 {
            entered.wait(&Waiter::new(None), |waiters| waiters);
        }
    }
}

impl Drop for Member {
    #[inline]
    fn drop(&mut self) {
        let group = &self.0.0;
        // ORDERING: Release meets the Acquire in `wait`, Acquire the other members'.
        if group.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let next = || group.waiting.enter().value().pop(|_| ());
            while let Some((task, ())) = next() {
                ready(task);
            }
        }
    }
}

impl Default for Group {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("left", &self.0.left).finish_non_exhaustive()
    }
}

/// A task whose answer somebody wants.
#[derive(Debug)]
pub struct Joined<R>(Channel<std::thread::Result<R>>);

/// Starts a task whose answer can be waited for.
///
/// # Panics
///
/// As [`go`](super::go) does.
pub fn spawn<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> Joined<R> {
    let answer = Channel::new(1);
    let joined = Joined(answer.clone());
    super::go(move || {
        let outcome = catch_unwind(AssertUnwindSafe(body));
        drop(answer.send(outcome));
    });
    joined
}

impl<R: Send> Joined<R> {
    /// Waits for the answer. Only a task may.
    ///
    /// # Errors
    ///
    /// What the task panicked with.
    pub fn join(self) -> std::thread::Result<R> {
        self.0.receive().unwrap_or_else(|| resume_unwind(Box::new("a task sends one answer")))
    }
}
