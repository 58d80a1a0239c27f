//! A worker: one thread of the system, which runs tasks.
//!
//! Above: `run` starts workers. Below: queues of tasks, and `idle.rs`, where workers wait.
//!
//! Where a worker looks for a task, in this order:
//!
//! 1. `next`: the task that was made runnable last. Whoever wakes another and then waits hands over to it at
//!    once, without a queue, and what both have used is still in the processor's cache.
//! 2. Its own queue, first in, first out.
//! 3. The queue of tasks from outside, and the queues of other workers, whose older half it takes.
//!
//! Every 64th time it begins with 3 and 2, so that two tasks that wake each other keep nobody waiting for ever.
//! Go's scheduler has these places, too, and tokio's.

use super::counts::Counts;
use super::idle::Idle;
use super::task::{Record, Step, Task};
use crossbeam_deque::{Injector, Steal, Stealer, Worker as Queue};
use std::cell::Cell;
use std::ptr::NonNull;

/// How often a worker looks for tasks of others before it sleeps.
const LOOKS: u32 = 64;
/// One time in so many, the others' tasks come first.
const FAIR_TURNS: u32 = 64;

/// What workers share.
pub(super) struct Shared {
    /// Tasks from outside.
    pub injector: Injector<Task>,
    /// One for each worker.
    pub stealers: Vec<Stealer<Task>>,
    pub idle: Idle,
}

impl Shared {
    fn has_tasks(&self) -> bool {
        !self.injector.is_empty() || self.stealers.iter().any(|stealer| !stealer.is_empty())
    }
}

pub(super) struct Worker<'s> {
    shared: &'s Shared,
    number: usize,
    queue: Queue<Task>,
    next: Cell<Option<Task>>,
    current: Cell<Option<NonNull<Record>>>,
    turns: Cell<u32>,
    pub counts: &'s Counts,
}

impl<'s> Worker<'s> {
    pub fn new(shared: &'s Shared, number: usize, queue: Queue<Task>, counts: &'s Counts) -> Self {
        let (next, current, turns) = (Cell::new(None), Cell::new(None), Cell::new(0));
        Self { shared, number, queue, next, current, turns, counts }
    }

    /// The record of the task that runs.
    #[inline(always)]
    pub fn current(&self) -> NonNull<Record> {
        self.current.get().unwrap_or_else(|| unreachable!("a worker's own code is no task"))
    }

    /// Runs tasks until there are none, and will be none.
    pub fn run(&self) {
        while let Some(task) = self.find() {
            let record = task.record();
            self.note(record);
            self.current.set(Some(record));
            match task.resume() {
                Step::Yields(task) => self.push(task),
                // SAFETY: the task acquired it, on this thread, and has no guard.
                Step::Waits(lock) => unsafe { lock.as_ref().release() },
                Step::Ends => self.counts.ended.add(1),
            }
        }
    }

    #[inline]
    fn note(&self, record: NonNull<Record>) {
        self.counts.switches.add(1);
        // SAFETY: the task is about to be resumed, by this worker.
        let before = unsafe { record.as_ref() }.worker.replace(self.number);
        if before != self.number && before != super::task::NOWHERE {
            self.counts.moves.add(1);
        }
    }

    /// The task will run soon: as the next one here. What was to be the next goes to the queue.
    #[inline]
    pub fn ready(&self, task: Task) {
        if let Some(task) = self.next.replace(Some(task)) {
            self.push(task);
        }
    }

    #[inline]
    fn push(&self, task: Task) {
        self.queue.push(task);
        self.shared.idle.wake_one();
    }

    #[inline]
    fn find(&self) -> Option<Task> {
        let turn = self.turns.get().wrapping_add(1);
        self.turns.set(turn);
        if turn.is_multiple_of(FAIR_TURNS)
            && let Some(task) = self.take_from_outside().or_else(|| self.queue.pop())
        {
            return Some(task);
        }
        self.next.take().or_else(|| self.queue.pop()).or_else(|| self.search())
    }

    /// Looks for tasks of others, or waits for some. `None`: it is over.
    #[cold]
    fn search(&self) -> Option<Task> {
        loop {
            for look in 0..LOOKS {
                if let Some(task) = self.take_from_outside().or_else(|| self.steal()) {
                    if !self.queue.is_empty() {
                        self.shared.idle.wake_one();
                    }
                    return Some(task);
                }
                alloc_core::sync::wait_a_moment(look);
            }
            if !self.shared.idle.sleep(|| self.shared.has_tasks()) {
                return None;
            }
        }
    }

    fn take_from_outside(&self) -> Option<Task> {
        if self.shared.injector.is_empty() {
            return None;
        }
        insist(|| self.shared.injector.steal_batch_and_pop(&self.queue))
    }

    fn steal(&self) -> Option<Task> {
        let others = self.shared.stealers.len();
        let victims = (1..others).map(|step| (self.number + step) % others);
        let task = victims
            .filter_map(|victim| {
                insist(|| self.shared.stealers[victim].steal_batch_and_pop(&self.queue))
            })
            .next()?;
        self.counts.steals.add(1);
        Some(task)
    }
}

/// Tries again as long as another thread comes in between.
fn insist(take: impl Fn() -> Steal<Task>) -> Option<Task> {
    loop {
        match take() {
            Steal::Success(task) => return Some(task),
            Steal::Empty => return None,
            Steal::Retry => {}
        }
    }
}
