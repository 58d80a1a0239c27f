//! Goroutines: user-mode threads with stacks of their own, many on few threads of the system.
//!
//! ```text
//! cargo run --release -p benches --example goroutines
//! cargo run --release -p benches --example goroutines -- --live 100000 --total 1000000 --variant bump
//! ```
//!
//! A task is a function that can stop in its middle and go on later, perhaps on another thread. What it needs for that is
//! a stack to keep its place on. A thread of the system has one, too, but making it, and switching to it, are the
//! system's business and cost microseconds. A task's stack comes from a pool, warm from the task before, and a switch is
//! a dozen instructions. The runtime is `benches::goroutines`; its first file tells the journey of a task. Here it is
//! used, in three steps:
//!
//! 1. `sieve.rs`: tasks that talk by channels. Each prime number is a task that lets through what it does not divide.
//! 2. `errands.rs`: tasks with memory that ends with them: frames of a bump, and calls that are deferred to the end of a
//!    frame, which run also when the task panics.
//! 3. `crowd.rs`: a hundred thousand tasks that live at a time, and a million one after the other; what each takes.
//!
//! Whatever allocates here, allocates from the cache of the thread that the task is on at that moment: it is the
//! program's allocator. The cache is declared for tasks that migrate (`TASKS`).

mod crowd;
mod errands;
mod sieve;

use alloc_arena::overflow;
use alloc_core::AsGlobal;
use benches::goroutines::{Figures, Stopped, TASKS, TaskCache, run};
use clap::{Parser, ValueEnum};
use std::time::{Duration, Instant};

#[global_allocator]
static GLOBAL: AsGlobal<&TaskCache> = AsGlobal::new(&TASKS);

/// User-mode threads, and what they cost.
#[derive(Debug, Parser)]
struct Arguments {
    /// Tasks that live at a time.
    #[arg(long, default_value_t = 10_000)]
    live: u64,
    /// Tasks in all.
    #[arg(long, default_value_t = 50_000)]
    total: u64,
    /// Threads of the system.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Where a task of the crowd has its memory from.
    #[arg(long, value_enum, default_value_t = Variant::Cache)]
    variant: Variant,
}

/// Where a task has its memory from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Variant {
    /// The cache of the thread that it is on.
    Cache,
    /// A bump of its own, which dies with it.
    Bump,
}

fn main() -> Result<(), Stopped> {
    let arguments = Arguments::parse();
    // A task that needs more than its stack is named, and the program ends.
    overflow::install().expect("the system takes a handler");

    let (primes, figures, time) = on(arguments.workers, || sieve::primes(100))?;
    println!("the 100th prime is {}: {} tasks", primes[99], figures.begun);
    println!("  {} switches, {} each", figures.switches, per(time, figures.switches));

    let (diary, figures, _) = on(arguments.workers, errands::run)?;
    println!("{}", diary.join("\n"));
    println!("  {} of {} tasks panicked, and nobody else noticed", figures.panics, figures.begun);

    crowd::show(&arguments)
}

/// Runs a task and all that it starts; with what the workers did, and the time that it took.
fn on<R: Send + 'static>(
    workers: usize,
    first: impl FnOnce() -> R + Send + 'static,
) -> Result<(R, Figures, Duration), Stopped> {
    let start = Instant::now();
    // SAFETY: the tasks of this program keep, while they wait: channels, groups, numbers, their own memory. No borrow of
    // a thread-local variable, no guard of a lock.
    let (answer, figures) = unsafe { run(workers, first) }?;
    Ok((answer, figures, start.elapsed()))
}

fn per(time: Duration, count: u64) -> String {
    format!("{:.0} ns", time.as_nanos() as f64 / count.max(1) as f64)
}
