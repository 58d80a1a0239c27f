//! Goroutines: user-mode threads by the hundred thousand, on few threads of the system.
//!
//! Above: the example `goroutines`, and the command of that name, which sets them beside Go's. Below: corosensei switches
//! stacks, crossbeam's queues let workers steal, `StackPool` has the stacks, a thread cache what tasks allocate.
//!
//! The journey of a task:
//!
//! 1. [`go`] takes a stack, warm from a task that has just ended, and writes the closure and the task's record onto it
//!    (`task.rs`). The task becomes its worker's next one; what was to be the next is queued (`worker.rs`), and a
//!    worker that sleeps is woken for it (`idle.rs`).
//! 2. A worker takes it, or steals it, and switches to its stack.
//! 3. It comes to a channel that is empty: it leaves a note on its stack that it waits there, and switches back; the
//!    worker lets go of the channel's lock (`wait.rs`).
//! 4. A sender on some worker finds the note, puts the value into it, and makes the task its own next one (`channel.rs`).
//! 5. The worker switches to it: perhaps another thread than before, so that it finds its thread anew (`here.rs`,
//!    and `TASKS` in `memory.rs`).
//! 6. The closure returns, or panics, which ends this task alone; the stack goes back to the pool.
//!
//! In `programs.rs`: loads; in `child.rs` and `results.rs`: the same beside Go's; in `tables.rs`: for the page.
//!
//! Not here: preemption (who computes for long keeps its worker), timers, files and sockets.

mod channel;
pub mod child;
mod counts;
mod group;
mod here;
mod idle;
pub mod loads;
mod memory;
pub mod programs;
pub mod results;
pub mod tables;
mod task;
mod wait;
mod worker;

pub use channel::{Channel, Closed};
pub use counts::Figures;
pub use group::{Group, Joined, Member, spawn};
pub use memory::{Heap, STACKS, TASKS, TaskCache};

use crossbeam_deque::{Injector, Worker as Queue};
use idle::Idle;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use task::Task;
use worker::{Shared, Worker};

/// Why a program of tasks has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stopped {
    /// Every task waits for another. Their stacks stay in use.
    Deadlock {
        /// How many wait.
        tasks: u64,
    },
    /// The first task panicked.
    Panicked,
    /// There was no stack for the first task.
    NoStack(alloc_arena::StackError),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadlock { tasks } => write!(f, "all {tasks} tasks wait for each other"),
            Self::Panicked => f.write_str("the first task panicked"),
            Self::NoStack(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Stopped {}

/// Runs a task, and all that it starts, on so many threads, until the last of them has ended.
///
/// # Errors
///
/// [`Stopped`] says why there is no answer. What other tasks have done stays done.
///
/// # Safety
///
/// Tasks change threads when they wait or yield. Over that, no task keeps what belongs to a thread: no borrow of a
/// thread-local variable, no guard of a lock that a thread owns, no pointer that it shares with others who
/// stay (`Rc`).
///
/// # Panics
///
/// When a thread cannot be started.
pub unsafe fn run<R: Send + 'static>(
    workers: usize,
    first: impl FnOnce() -> R + Send + 'static,
) -> Result<(R, Figures), Stopped> {
    let answer = Arc::new(Mutex::new(None));
    let place = Arc::clone(&answer);
    let task = Task::new(move || {
        let answer = first();
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    });
    let workers = workers.max(1);
    let queues: Vec<_> = (0..workers).map(|_| Queue::new_fifo()).collect();
    let stealers = queues.iter().map(Queue::stealer).collect();
    let shared = Shared { injector: Injector::new(), stealers, idle: Idle::new(workers) };
    shared.injector.push(task.map_err(Stopped::NoStack)?);
    let counts: Vec<_> = (0..workers).map(|_| counts::Counts::default()).collect();
    counts[0].begun.add(1);
    std::thread::scope(|scope| {
        let threads =
            queues.into_iter().zip(&counts).enumerate().map(|(number, (queue, counts))| {
                let shared = &shared;
                scope.spawn(move || {
                    let worker = Worker::new(shared, number, queue, counts);
                    here::be(&worker, || worker.run());
                })
            });
        let threads: Vec<_> = threads.collect();
        // A scope does not wait for destructors of thread-local values, by which caches are emptied.
        threads.into_iter().for_each(|thread| drop(thread.join()));
    });
    let figures = Figures::of(&counts);
    let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    match figures.begun - figures.ended {
        0 => answer.map(|answer| (answer, figures)).ok_or(Stopped::Panicked),
        tasks => Err(Stopped::Deadlock { tasks }),
    }
}

/// Starts a task. It may run on any worker; nobody waits for it but `run`.
///
/// # Panics
///
/// When the caller is no task, or there is no stack for another one.
#[inline]
pub fn go(body: impl FnOnce() + Send + 'static) {
    let task = Task::new(body).unwrap_or_else(|error| panic!("no task: {error}"));
    here::worker(|worker| {
        worker.counts.begun.add(1);
        worker.ready(task);
    });
}

/// Lets other tasks run first.
///
/// # Panics
///
/// When the caller is no task.
pub fn yield_now() {
    here::suspend(None);
}
