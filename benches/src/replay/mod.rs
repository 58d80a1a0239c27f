//! Executes a program on a heap, with a thread of the system for each of its threads.
//!
//! Above: `candidates`, in a process of its own for each replay. Below: `program`, `heap`,
//! `measure`.
//!
//! In `lane`: what one thread does. In `contents`: what is written to objects and checked.
//! In `probe`: how memory is looked at. In `pauses`: how single events are timed. In `outcome`: what comes out.
//!
//! A replay measures time, memory, or pauses, one of them: looking takes time.

pub mod contents;
mod lane;
pub mod outcome;
pub mod pauses;
mod probe;
mod watch;

pub use outcome::{Fault, Memory, Outcome, Pass, Sample};

use crate::heap::Heap;
use crate::measure::Usage;
use crate::program::Program;
use alloc_core::sync::{AtomicBool, AtomicPtr};
use lane::Lane;
use pauses::Gathered;
use probe::Probe;
use std::sync::Barrier;
use std::time::Instant;

/// What the threads of a replay share.
struct Stage<'p, H> {
    heap: &'p H,
    program: &'p Program,
    /// By place: the address of the object.
    table: Vec<AtomicPtr<u8>>,
    lanes: Vec<Lane>,
    /// Some thread met a fault: the others stop where they would wait.
    failed: AtomicBool,
    probe: Option<Probe>,
    pauses: Option<Gathered>,
    /// All threads pass it three times: when they are ready, to start, and when they are done.
    gate: Barrier,
}

/// Replays `program` on `heap`.
///
/// # Errors
///
/// [`Fault`] names the first step (of a thread) at which the heap had no memory left or broke its
/// contract.
///
/// # Panics
///
/// If a thread cannot be started.
pub fn replay<H: Heap>(heap: &H, program: &Program, pass: Pass) -> Result<Outcome, Fault> {
    let mut table = Vec::with_capacity(program.places() as usize);
    table.resize_with(program.places() as usize, AtomicPtr::default);
    let stage = Stage {
        heap,
        program,
        table,
        lanes: (0..program.threads()).map(|_| Lane::default()).collect(),
        failed: AtomicBool::new(false),
        probe: (pass == Pass::Memory).then(Probe::new),
        pauses: (pass == Pass::Pauses).then(Gathered::default),
        gate: Barrier::new(program.threads()),
    };
    let mut outcome = std::thread::scope(|scope| {
        let stage = &stage;
        let threads: Vec<_> =
            (1..program.threads()).map(|n| scope.spawn(move || stage.follow(n))).collect();
        let outcome = stage.lead();
        let faults = threads.into_iter().filter_map(|thread| match thread.join() {
            Ok(result) => result.err(),
            Err(panic) => std::panic::resume_unwind(panic),
        });
        match (outcome, faults.min_by_key(|fault| fault.thread)) {
            (Ok(_), Some(fault)) => Err(fault),
            (outcome, _) => outcome,
        }
    })?;
    heap.verify().map_err(Fault::broken)?;
    outcome.pauses = stage.pauses.as_ref().map(Gathered::take);
    Ok(outcome)
}

impl<H: Heap> Stage<'_, H> {
    /// What the first thread does: its own steps, and the measuring around all.
    fn lead(&self) -> Result<Outcome, Fault> {
        self.gate.wait();
        if let Some(probe) = &self.probe {
            probe.begin();
        }
        let usage = Usage::now();
        let start = Instant::now();
        self.gate.wait();
        let result = self.steps(0);
        self.gate.wait();
        let wall = start.elapsed();
        let usage = Usage::now().since(&usage);
        let memory = self.probe.as_ref().map(|probe| probe.end(self));
        result?;
        Ok(Outcome {
            wall_ns: wall.as_nanos() as u64,
            user_ns: usage.user.as_nanos() as u64,
            sys_ns: usage.sys.as_nanos() as u64,
            minor_faults: usage.minor_faults,
            memory,
            pauses: None,
        })
    }

    fn follow(&self, thread: usize) -> Result<(), Fault> {
        self.gate.wait();
        self.gate.wait();
        let result = self.steps(thread);
        self.gate.wait();
        result
    }

    fn steps(&self, thread: usize) -> Result<(), Fault> {
        match (&self.probe, &self.pauses) {
            (Some(probe), _) => self.run(thread, &mut probe.of(self, thread)),
            (None, Some(pauses)) => self.run(thread, &mut pauses.timer(thread)),
            (None, None) => self.run(thread, &mut ()),
        }
    }
}
