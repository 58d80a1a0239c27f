//! Where a task is: which worker runs it at this moment.
//!
//! Above: whatever a task calls. Below: one thread-local pointer.
//!
//! Thread-local storage and tasks that migrate: a compiler may keep the address of a thread's variable over a
//! suspension, and find the worker of before. So it is read out of line, and what is found is not kept.

use super::task::{Pause, Record, Task};
use super::worker::Worker;
use alloc_core::sync::light_fence;
use std::cell::Cell;
use std::ptr::{NonNull, null};

std::thread_local! {
    static WORKER: Cell<*const Worker<'static>> = const { Cell::new(null()) };
}

/// The fence costs nothing; with it, calls of this are not merged.
#[inline(never)]
fn find() -> *const Worker<'static> {
    light_fence();
    WORKER.get()
}

/// Makes this thread a worker's, while `work` runs.
pub(super) fn be<R>(worker: &Worker<'_>, work: impl FnOnce() -> R) -> R {
    WORKER.set(std::ptr::from_ref(worker).cast());
    let answer = work();
    WORKER.set(null());
    answer
}

/// Shows the worker that this code is on. `look` suspends nothing.
///
/// # Panics
///
/// When this is no task.
#[inline(always)]
pub(super) fn worker<R>(look: impl FnOnce(&Worker<'_>) -> R) -> R {
    let worker = find();
    assert!(!worker.is_null(), "only a task can do that: see `goroutines::run`");
    // SAFETY: `be` is on this thread's stack, and holds the worker, whose lifetime is not shown.
    look(unsafe { &*worker })
}

/// Shows the record of the task that calls.
#[inline(always)]
pub(super) fn record<R>(look: impl FnOnce(&Record) -> R) -> R {
    // SAFETY: the running task's record is alive.
    look(unsafe { worker(|worker| worker.current()).as_ref() })
}

/// The calling task, for who will resume it.
///
/// # Safety
///
/// The task suspends itself before anybody uses it: it is put where a lock is held, and then [`suspend`] is
/// called with that lock.
pub(super) unsafe fn task() -> Task {
    // SAFETY: the worker forgets the `Task` that it resumed when the task says that it waits.
    unsafe { Task::of(worker(|worker| worker.current())) }
}

/// Suspends the calling task. Afterwards it may be on another thread.
///
/// # Panics
///
/// While it panics: a thread counts its panics, and would be left with a wrong number.
#[inline]
pub(super) fn suspend(pause: Pause) {
    assert!(!std::thread::panicking(), "a task cannot wait while it unwinds");
    let record: NonNull<Record> = worker(|worker| worker.current());
    Record::suspend(record, pause);
}
