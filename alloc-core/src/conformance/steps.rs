//! What was done so far, one line each: what a failure tells, and what is told before a process ends.
//!
//! Above: the sessions. Below: standard error.

use std::io::Write;

/// The lines, in their order.
#[derive(Debug)]
pub(super) struct Steps {
    lines: Vec<String>,
    is_told: bool,
}

impl Steps {
    /// No steps. Those that come are told at once, if `is_told`; `during` is what they are a part of.
    pub fn new(is_told: bool, during: &str) -> Self {
        let steps = Self { lines: Vec::new(), is_told };
        steps.tell(format_args!("a fresh allocator, for {during}"));
        steps
    }

    /// Notes a step, before it is done.
    pub fn push(&mut self, line: String) {
        self.tell(format_args!("  {line}"));
        self.lines.push(line);
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn truncate(&mut self, len: usize) {
        self.lines.truncate(len);
    }

    pub fn take(&mut self) -> Vec<String> {
        core::mem::take(&mut self.lines)
    }

    /// Not by a macro: a test's output is kept back until the test ends, and its process may end before.
    fn tell(&self, line: core::fmt::Arguments<'_>) {
        if self.is_told {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
}
