//! A task: a coroutine whose record and closure lie on its own stack.
//!
//! Above: workers resume tasks; waiting places hold them. Below: corosensei, and a stack of the pool.
//!
//! ```text
//!   |guard|                       ◀── grows | closure | record | high
//! ```
//!
//! One stack is all that a task takes: nothing is allocated for it beside.
//!
//! A [`Task`] is the one right to resume it. It is in exactly one place: a queue of runnable tasks, a queue of waiting
//! ones, or with the worker that runs it.

use super::here;
use super::memory::STACKS;
use alloc_arena::{PooledStack, StackError};
use alloc_core::sync::Lock;
use corosensei::stack::{Stack, StackPointer};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

/// Why a task suspends itself: it yields, or it waits where this lock is held, which its worker lets go of.
pub(super) type Pause = Option<NonNull<Lock<()>>>;

type TaskYielder = Yielder<(), Pause>;

/// What is known of a task.
pub(super) struct Record {
    coroutine: ManuallyDrop<Coroutine<(), Pause, (), Shortened>>,
    /// How it suspends itself; null before it begins.
    yielder: Cell<*const TaskYielder>,
    /// The worker that it was on last.
    pub worker: Cell<usize>,
}

/// No worker has had it.
pub(super) const NOWHERE: usize = usize::MAX;

/// What the record takes of a stack.
const RECORD_BYTES: usize = size_of::<Record>().next_multiple_of(16);
const _: () = assert!(align_of::<Record>() <= 16 && RECORD_BYTES <= 256);

/// A stack without the place of the record.
struct Shortened(PooledStack);

impl Shortened {
    fn record(&self) -> NonNull<Record> {
        let usable = self.0.usable();
        // SAFETY: a stack has 4 KiB at least; a record takes less.
        unsafe { usable.cast::<u8>().add(usable.len() - RECORD_BYTES).cast() }
    }
}

// SAFETY: it is the pool's stack, which is one, with a higher end cut off by a multiple of 16; what is left of 64 KiB is
// more than the least.
unsafe impl Stack for Shortened {
    #[inline]
    fn base(&self) -> StackPointer {
        self.record().addr()
    }

    #[inline]
    fn limit(&self) -> StackPointer {
        self.0.limit()
    }
}

/// The right to resume a task. Dropped, it leaves the task suspended for ever.
#[must_use]
pub(super) struct Task(NonNull<Record>);

// SAFETY: the closure is `Send`. What else is on the stack while it is suspended comes from this module, whose waiters and
// locks any thread may use, or from the closure's calls: who started the runtime has promised that those hold nothing that
// belongs to a thread (`run`). Caches of threads are found anew after a suspension (`here`, `TASKS`).
unsafe impl Send for Task {}

/// What became of a task that was resumed.
pub(super) enum Step {
    /// It goes on later.
    Yields(Task),
    /// It has put itself where it waits; this lock is held.
    Waits(NonNull<Lock<()>>),
    /// It is over, and its stack is in the pool.
    Ends,
}

impl Task {
    /// A task that will run `body`.
    ///
    /// # Errors
    ///
    /// When there is no stack for it.
    #[inline]
    pub fn new(body: impl FnOnce() + Send + 'static) -> Result<Self, StackError> {
        let stack = Shortened(STACKS.take()?);
        let record = stack.record();
        let coroutine = Coroutine::with_stack(stack, move |yielder: &TaskYielder, ()| {
            here::record(|record| record.yielder.set(yielder));
            live(body);
        });
        let coroutine = ManuallyDrop::new(coroutine);
        let yielder = Cell::new(std::ptr::null());
        // SAFETY: the place is on the stack that the coroutine has, beyond its base, so that nobody else uses it.
        unsafe { record.write(Record { coroutine, yielder, worker: Cell::new(NOWHERE) }) };
        Ok(Self(record))
    }

    /// Its record.
    pub const fn record(&self) -> NonNull<Record> {
        self.0
    }

    /// The task of a record again.
    ///
    /// # Safety
    ///
    /// The record is a task's, and there is no other `Task` of it, or none that is used before it is forgotten.
    pub const unsafe fn of(record: NonNull<Record>) -> Self {
        Self(record)
    }

    /// Runs it until it suspends itself, or ends.
    #[inline]
    pub fn resume(self) -> Step {
        // SAFETY: the record lives until its task ends. This is the one right to resume it, and the task itself
        // touches other fields only.
        let coroutine = unsafe { &mut (*self.0.as_ptr()).coroutine };
        match coroutine.resume(()) {
            CoroutineResult::Yield(None) => Step::Yields(self),
            CoroutineResult::Yield(Some(lock)) => Step::Waits(lock),
            CoroutineResult::Return(()) => {
                // SAFETY: nobody needs the record any more. What is read out of it holds the stack on which it lies.
                let coroutine = unsafe { ManuallyDrop::take(coroutine) };
                drop(coroutine.into_stack());
                Step::Ends
            }
        }
    }
}

impl Record {
    /// Suspends the task of this record, which is the one that calls.
    #[inline]
    pub fn suspend(record: NonNull<Self>, pause: Pause) {
        // SAFETY: the task that calls is alive, so its record is; it has begun, so its yielder is there.
        unsafe { (*record.as_ref().yielder.get()).suspend(pause) };
    }
}

/// Runs a task's body; a panic ends this task, and nobody else.
fn live(body: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(body)) {
        here::worker(|worker| worker.counts.panics.add(1));
        // Even a payload may panic when it is dropped.
        drop(catch_unwind(AssertUnwindSafe(|| drop(payload))));
    }
}
