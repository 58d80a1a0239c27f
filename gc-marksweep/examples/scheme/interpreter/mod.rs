//! An interpreter whose values are all collected, as an example of how to build one.
//!
//! # The one rule
//!
//! Pointers into the heap live as long as a *mutation*, a call of `heap.mutate_root(|mc, root| …)`, and the
//! collector takes its turn between two of them. So what an interpreter does has to be cut into short
//! mutations, and what it is in the middle of has to be found in the root when one ends. An interpreter that
//! recurses in Rust cannot be cut; a machine with stacks of its own can, at every instruction.
//!
//! # The rooms, in the order in which a program passes them
//!
//! ```text
//!  text ──reader──▶ datum ──compiler──▶ code ──machine──▶ value ──printer──▶ text
//! ```
//!
//! * `value.rs`: what a value is: a small copyable enum of `Gc` pointers, with `#[derive(Trace)]`.
//! * `symbols.rs`: the root's table of names, whose objects hold the global variables.
//! * `reader.rs`, `printer.rs`: text to values and back.
//! * `compiler.rs`, `forms.rs`: a datum to instructions, in an object that never changes.
//! * `machine.rs`: the root: stacks, and the loop over instructions.
//! * `primitives/`: the procedures that are written in Rust; `prelude.scm`: the others.
//!
//! Here: the heap, the collector's type, and the loop over mutations.

mod compiler;
mod fault;
mod forms;
mod machine;
mod primitives;
mod printer;
mod reader;
mod symbols;
mod value;

use alloc_arena::{Arena, Os};
use alloc_core::Rootable;
use alloc_core::gc::{Heap, Mutation};
use alloc_sizeclass::{SizeClassHeap, ThreadCache};
use core::ops::ControlFlow;
pub use fault::Fault;
use gc_marksweep::{Config, Figures, MarkSweep, Mode, Pace, Torture};
use machine::Machine;
use std::io::{self, Write};

/// The collector: here, on the whole stack of allocators. Another one takes its place by this line.
pub type Collector = MarkSweep<Below>;
type Below = ThreadCache<SizeClassHeap<Arena<Os>>>;

/// What gives the right to touch the heap, for the time of a mutation.
pub type Mc<'gc> = &'gc Mutation<'gc, Collector>;

Rootable!(type Root<'gc> = Machine<'gc>);

/// Instructions of a mutation. The collector takes its turn after so many, if one is due.
const STEPS: usize = 10_000;
/// The same, when it takes one every time.
const TORTURED_STEPS: usize = 200;

/// How the heap is to be collected.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub mode: Mode,
    pub limit_bytes: usize,
    pub torture: Torture,
    pub trace: bool,
}

impl Default for Options {
    fn default() -> Self {
        let (mode, torture) = (Mode::default(), Torture::Off);
        Self { mode, limit_bytes: usize::MAX, torture, trace: false }
    }
}

/// A heap, and a machine in it.
pub struct Interpreter {
    heap: Heap<Collector, Root>,
    steps: usize,
}

impl Interpreter {
    /// An interpreter that knows the primitives and the prelude.
    pub fn new(options: Options) -> Result<Self, Fault> {
        let collector = collector(options).map_err(|error| Fault::new(error.to_string()))?;
        let heap = Heap::<_, Root>::try_new(collector, |mc| Machine::new(mc))?;
        let mut this = Self { heap, steps: STEPS };
        this.run(include_str!("prelude.scm"), &mut io::sink())?;
        if options.torture != Torture::Off {
            this.steps = TORTURED_STEPS;
        }
        Ok(this)
    }

    /// Evaluates every form in `text`. What the program prints goes to `out`.
    pub fn run(&mut self, text: &str, out: &mut dyn Write) -> Result<(), Fault> {
        self.each_form(text, out, false)
    }

    /// The same, and prints each form's value.
    pub fn run_showing(&mut self, text: &str, out: &mut dyn Write) -> Result<(), Fault> {
        reader::check(text)?;
        self.each_form(text, out, true)
    }

    /// What the collector did so far.
    #[allow(dead_code, reason = "the tests ask")]
    pub fn figures(&self) -> Figures {
        self.heap.collector().figures()
    }

    fn each_form(&mut self, text: &str, out: &mut dyn Write, shows: bool) -> Result<(), Fault> {
        let mut at = 0;
        // A mutation reads and compiles a form; then the machine runs it. `at` is a plain number: it
        // lives outside the heap, and needs no root.
        while let Some(next) = self.retrying(|mc, machine| machine.load(mc, text, at))? {
            at = next;
            let done = self.execute(out, shows);
            // What was printed before a fault counts.
            done.inspect_err(|_| self.heap.mutate_root(|_, machine| machine.reset()))?;
        }
        Ok(())
    }

    /// Runs the machine to the end of the form, in as many mutations as it takes.
    fn execute(&mut self, out: &mut dyn Write, shows: bool) -> Result<(), Fault> {
        let mut starved = 0;
        loop {
            let steps = self.steps;
            let (state, printed) = self.heap.mutate_root(|mc, machine| {
                let state = machine.run(mc, steps);
                if shows && let ControlFlow::Break(Ok(value)) = &state {
                    machine.show(*value);
                }
                (state.map_break(|result| result.map(|_| ())), machine.printed())
            });
            out.write_all(printed.as_bytes()).map_err(|error| Fault::new(error.to_string()))?;
            match state {
                ControlFlow::Continue(()) => starved = 0,
                // The instruction has changed nothing. The collector has had its turn since: once more.
                ControlFlow::Break(Err(fault)) if fault.is_memory() && starved < 2 => starved += 1,
                ControlFlow::Break(result) => return result,
            }
        }
    }

    /// A mutation that is tried again after a collection, if there was no memory for it.
    fn retrying<T>(
        &mut self,
        mutation: impl for<'gc> Fn(Mc<'gc>, &mut Machine<'gc>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        match self.heap.mutate_root(&mutation) {
            Err(fault) if fault.is_memory() => self.heap.mutate_root(&mutation),
            result => result,
        }
    }
}

fn collector(options: Options) -> io::Result<Collector> {
    let pace = Pace { limit_bytes: options.limit_bytes, ..Pace::default() };
    let mut config = Config { pace, ..Config::new(options.mode) };
    if options.torture != Torture::Off {
        config = config.tortured(options.torture);
    }
    let below = ThreadCache::new(SizeClassHeap::new(Arena::new(Os::new())));
    let collector = match options.mode {
        Mode::Background => MarkSweep::background(config, below)?,
        _ => MarkSweep::with(config, below),
    };
    Ok(if options.trace { collector.with_trace(|cycle| eprintln!("{cycle}")) } else { collector })
}
