//! Programs of tasks, the same as in Go (`benches/src/stacks/go`), with their figures.
//!
//! Above: `child`, the example. Below: tasks, channels, groups.

use super::{Channel, Figures, Group, STACKS, Stopped, TASKS, go, run};
use crate::measure::{Resident, Usage};
use alloc_arena::Bump;
use alloc_core::api2::vec::Vec as TaskVec;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Where a task has its memory from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variant {
    /// It allocates nothing.
    #[default]
    Nothing,
    /// From its worker's cache.
    Cache,
    /// From a bump of its own, which dies with it.
    Bump,
}

/// What a program did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// What tasks have computed.
    pub answer: u64,
    /// Tasks, or messages there and back.
    pub operations: u64,
    /// From before the first operation to after the last.
    pub wall_ns: u64,
    /// Processor time of all threads.
    pub cpu_ns: u64,
    /// What is resident for a task that waits; 0 where none are counted.
    pub task_bytes: f64,
    /// What the workers did; of Go's it is not known.
    #[serde(default)]
    pub figures: Figures,
}

/// Words that a task asks for, where it does.
const WORDS: usize = 16;
/// Steps of a task's own work.
const STEPS: u32 = 16;

/// A task's own work: a few steps of a generator, kept in memory of its own where it has some.
fn work(number: u64, variant: Variant) -> u64 {
    match variant {
        Variant::Nothing => steps(number, |_| {}),
        Variant::Cache => {
            let mut kept = TaskVec::with_capacity_in(WORDS, &TASKS);
            steps(number, |step| kept.push(step));
            kept.iter().fold(0, |all, step| all ^ step)
        }
        Variant::Bump => {
            let bump = Bump::new(&TASKS).with_chunk_bytes(512, 4096);
            let mut kept = TaskVec::with_capacity_in(WORDS, &bump);
            steps(number, |step| kept.push(step));
            kept.iter().fold(0, |all, step| all ^ step)
        }
    }
}

fn steps(number: u64, mut keep: impl FnMut(u64)) -> u64 {
    let mut state = number | 1;
    let mut all = 0;
    for _ in 0..STEPS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        keep(state);
        all ^= state;
    }
    all
}

/// In each round so many tasks are started, work a little, and are waited for.
///
/// # Errors
///
/// As for [`run`].
pub fn storm(
    workers: usize,
    tasks: u64,
    rounds: u64,
    variant: Variant,
) -> Result<Outcome, Stopped> {
    timed(workers, tasks * rounds, move || {
        for _ in 0..rounds {
            let group = Group::new();
            for number in 0..tasks {
                let member = group.member();
                go(move || {
                    std::hint::black_box(work(number, variant));
                    drop(member);
                });
            }
            group.wait();
        }
        tasks * rounds
    })
}

/// Pairs of tasks: one sends a number, the other sends it back with one added.
///
/// # Errors
///
/// As for [`run`].
pub fn ping_pong(workers: usize, pairs: u64, turns: u64) -> Result<Outcome, Stopped> {
    timed(workers, pairs * turns, move || {
        let (group, sums) = (Group::new(), Channel::new(pairs as usize));
        for _ in 0..pairs {
            let (there, back) = (Channel::<u64>::new(0), Channel::<u64>::new(0));
            let (to, from, member) = (there.clone(), back.clone(), group.member());
            go(move || {
                while let Some(number) = to.receive() {
                    let _ = from.send(number + 1);
                }
                drop(member);
            });
            let (sums, member) = (sums.clone(), group.member());
            go(move || {
                let mut number = 0;
                for _ in 0..turns {
                    let _ = there.send(number);
                    number = back.receive().unwrap_or(0);
                }
                there.close();
                let _ = sums.send(number);
                drop(member);
            });
        }
        group.wait();
        (0..pairs).filter_map(|_| sums.receive()).sum()
    })
}

/// So many tasks wait at a time, for the closing of a channel; and go on.
///
/// # Errors
///
/// As for [`run`].
pub fn live(workers: usize, tasks: u64, variant: Variant) -> Result<Outcome, Stopped> {
    let resident = Resident::open();
    let before_bytes = resident.bytes();
    let mut outcome = timed(workers, tasks, move || {
        let (group, gate) = (Group::new(), Channel::<()>::new(0));
        let begun = Group::new();
        for number in 0..tasks {
            let (member, gate, begin) = (group.member(), gate.clone(), begun.member());
            go(move || {
                drop(begin);
                gate.receive();
                std::hint::black_box(work(number, variant));
                drop(member);
            });
        }
        begun.wait();
        super::yield_now();
        let bytes = resident.bytes().saturating_sub(before_bytes);
        gate.close();
        group.wait();
        bytes
    })?;
    outcome.task_bytes = outcome.answer as f64 / tasks.max(1) as f64;
    outcome.answer = tasks;
    Ok(outcome)
}

fn timed(
    workers: usize,
    operations: u64,
    first: impl FnOnce() -> u64 + Send + 'static,
) -> Result<Outcome, Stopped> {
    let (before, start) = (Usage::now(), Instant::now());
    // SAFETY: the programs of this file keep over a suspension: channels, groups, numbers, and memory of `TASKS`.
    let (answer, figures) = unsafe { run(workers, first) }?;
    let wall_ns = start.elapsed().as_nanos() as u64;
    let used = Usage::now().since(&before);
    let cpu_ns = (used.user + used.sys).as_nanos() as u64;
    Ok(Outcome { answer, operations, wall_ns, cpu_ns, task_bytes: 0.0, figures })
}

/// The deepest that a stack was, in bytes, as far as the pool has looked.
#[must_use]
pub fn peak_stack_bytes() -> usize {
    STACKS.figures().peak_stack_bytes
}
