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
//! Here: the heap, and the loop over mutations. Which collector it is, is said in `collector.rs` outside: by one
//! type.

mod compiler;
mod fault;
mod forms;
mod machine;
mod primitives;
mod printer;
mod reader;
mod symbols;
mod value;

use super::collector::{self, Collector, Options};
use alloc_core::Rootable;
use alloc_core::gc::{Heap, Mutation};
use core::ops::ControlFlow;
pub use fault::Fault;
use gc_marksweep::Torture;
use machine::Machine;
use std::io::{self, Write};

/// What gives the right to touch the heap, for the time of a mutation.
pub type Mc<'gc> = &'gc Mutation<'gc, Collector>;

Rootable!(type Root<'gc> = Machine<'gc>);

/// Instructions of a mutation. The collector takes its turn after so many, if one is due.
const STEPS: usize = 10_000;
/// The same, when it takes one every time.
const TORTURED_STEPS: usize = 200;

/// A heap, and a machine in it.
pub struct Interpreter {
    heap: Heap<Collector, Root>,
    steps: usize,
}

impl Interpreter {
    /// An interpreter that knows the primitives and the prelude.
    pub fn new(options: Options) -> Result<Self, Fault> {
        let collector = collector::make(options).map_err(|error| Fault::new(error.to_string()))?;
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

    /// Cycles of the collector so far.
    #[allow(dead_code, reason = "the tests ask")]
    pub fn cycles(&self) -> usize {
        collector::told(self.heap.collector()).cycles
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
