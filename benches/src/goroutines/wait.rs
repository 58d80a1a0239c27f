//! Waiting: a lock that a task leaves behind when it is suspended, and queues of tasks that wait.
//!
//! Above: channels, groups. Below: `here`.
//!
//! * **W1** What is behind a gate is touched by who holds its lock.
//! * **W2** A task that waits puts itself into a queue behind a gate, and is suspended with the lock held. Its worker
//!   lets go of the lock when it is off the task's stack. So whoever finds the task in the queue may resume it.
//! * **W3** A waiter lies on its task's stack. Whoever takes it out of the queue may use it until the task is made ready.

use super::here;
use super::task::Task;
use alloc_core::sync::Lock;
use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// A value behind a lock.
pub(super) struct Gate<T> {
    lock: Lock<()>,
    value: UnsafeCell<T>,
}

// SAFETY: the lock gives the value to one thread at a time (W1).
unsafe impl<T: Send> Sync for Gate<T> {}

/// The lock is held.
pub(super) struct Entered<'g, T> {
    gate: &'g Gate<T>,
    // A task that has it stays on its thread.
    marker: PhantomData<*const ()>,
}

impl<T> Gate<T> {
    pub const fn new(value: T) -> Self {
        Self { lock: Lock::new(()), value: UnsafeCell::new(value) }
    }

    #[inline]
    pub fn enter(&self) -> Entered<'_, T> {
        self.lock.acquire();
        Entered { gate: self, marker: PhantomData }
    }
}

impl<T> Entered<'_, T> {
    #[inline]
    pub fn value(&mut self) -> &mut T {
        // SAFETY: the lock is held (W1), by this value alone.
        unsafe { &mut *self.gate.value.get() }
    }

    /// Puts the calling task's waiter into the queue that `choose` names, and waits until somebody makes it ready.
    #[inline]
    pub fn wait<V>(mut self, waiter: &Waiter<V>, choose: impl FnOnce(&mut T) -> &mut Waiters<V>) {
        // SAFETY: it is suspended below, with the lock held until then (W2).
        waiter.task.set(Some(unsafe { here::task() }));
        choose(self.value()).push(waiter);
        let lock = NonNull::from(&self.gate.lock);
        // The worker releases it.
        std::mem::forget(self);
        here::suspend(Some(lock));
    }
}

impl<T> Drop for Entered<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: acquired by `enter`, on this thread: nothing between suspends.
        unsafe { self.gate.lock.release() };
    }
}

/// A task that waits, and a value for it, or from it.
pub(super) struct Waiter<V> {
    task: Cell<Option<Task>>,
    pub value: Cell<Option<V>>,
    next: Cell<Option<NonNull<Self>>>,
}

impl<V> Waiter<V> {
    pub const fn new(value: Option<V>) -> Self {
        Self { task: Cell::new(None), value: Cell::new(value), next: Cell::new(None) }
    }
}

/// Tasks that wait, in the order in which they came.
pub(super) struct Waiters<V> {
    /// Who came first, and who came last.
    ends: Option<[NonNull<Waiter<V>>; 2]>,
}

// SAFETY: a waiter in the queue is a suspended task's (W2), its value on its way from one task to another.
unsafe impl<V: Send> Send for Waiters<V> {}

impl<V> Waiters<V> {
    pub const fn new() -> Self {
        Self { ends: None }
    }

    fn push(&mut self, waiter: &Waiter<V>) {
        let new = NonNull::from(waiter);
        self.ends = match self.ends {
            None => Some([new, new]),
            Some([first, last]) => {
                // SAFETY: it is in the queue, so it is there (W3).
                unsafe { last.as_ref() }.next.set(Some(new));
                Some([first, new])
            }
        };
    }

    /// Takes out who came first: `serve` may use its value, and then the task is yours.
    #[inline]
    pub fn pop<R>(&mut self, serve: impl FnOnce(&Cell<Option<V>>) -> R) -> Option<(Task, R)> {
        let [first, last] = self.ends?;
        // SAFETY: as in `push`; the task is not ready before this returns (W3).
        let waiter = unsafe { first.as_ref() };
        self.ends = waiter.next.get().map(|next| [next, last]);
        let answer = serve(&waiter.value);
        Some((waiter.task.take()?, answer))
    }
}

/// The task runs soon, on this worker if no other takes it.
#[inline]
pub(super) fn ready(task: Task) {
    here::worker(|worker| worker.ready(task));
}
