//! What happened: counters, and drawings of what was found.
//!
//! Above: the user. Below: steps, which count; records, which name types.

use crate::header::{record, words};
use crate::kind::Local;
use crate::name::short;
use crate::trial::visit;
use crate::visit::Act;
use alloc::vec::Vec;
use core::fmt;
use core::ptr::NonNull;

/// Steps are counted by powers of two of microseconds.
const STEPS: usize = 24;

/// What happened on a thread, or on all that share, so far. Types that cannot be part of a cycle are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Figures {
    /// Values that are alive, or dead and not found so yet.
    pub live_objects: usize,
    /// Bytes of their boxes.
    pub live_bytes: usize,
    /// Values that wait for a step.
    pub candidates: usize,
    /// Candidates that steps have taken up.
    pub tried: usize,
    /// Values that steps have looked at, each time that they did.
    pub visits: usize,
    /// Values that steps have freed.
    pub freed_objects: usize,
    /// Steps that have freed any.
    pub fruitful: usize,
    /// Steps, by how long they took: the entry `n` counts those of less than 2^n microseconds that are not in the entry
    /// before. Without `std` there is no clock, and nothing is counted.
    pub steps: [usize; STEPS],
    /// The longest of them, in nanoseconds.
    pub longest_nanos: u64,
}

impl Figures {
    pub(crate) const NONE: Self = Self {
        live_objects: 0,
        live_bytes: 0,
        candidates: 0,
        tried: 0,
        visits: 0,
        freed_objects: 0,
        fruitful: 0,
        steps: [0; STEPS],
        longest_nanos: 0,
    };

    pub(crate) fn stepped(&mut self, tried: usize, visits: usize, freed: usize) {
        self.tried += tried;
        self.visits += visits;
        self.freed_objects += freed;
        self.fruitful += usize::from(freed > 0);
    }

    #[cfg(feature = "std")]
    pub(crate) fn paused(&mut self, pause: core::time::Duration) {
        let micros = pause.as_micros().min(1 << (STEPS - 2)) as u32;
        self.steps[(u32::BITS - micros.leading_zeros()) as usize] += 1;
        self.longest_nanos = self.longest_nanos.max(pause.as_nanos() as u64);
    }
}

/// Dead values that a step has found, before they are dropped. Prints as a graph in DOT's language.
#[derive(Debug)]
pub struct Found<'f> {
    values: &'f [NonNull<u8>],
}

impl<'f> Found<'f> {
    pub(crate) const fn of(values: &'f [NonNull<u8>]) -> Self {
        Self { values }
    }

    /// How many there are.
    #[must_use]
    pub const fn objects(&self) -> usize {
        self.values.len()
    }

    /// The compiler's names of their types, one for each.
    pub fn types(&self) -> impl Iterator<Item = &'static str> + '_ {
        // SAFETY: they are not dropped yet.
        self.values.iter().map(|&value| (unsafe { record(value) }.name)())
    }
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "digraph cycle {{")?;
        for &value in self.values {
            // SAFETY: as in `types`. One count is the step's.
            let (name, strong) =
                unsafe { (short((record(value).name)()), words::<Local>(value).strong.get() - 1) };
            writeln!(f, "  n{:x} [label=\"{name}\\n{strong} pointers\"];", value.addr())?;
        }
        for &value in self.values {
            let mut to = Vec::new();
            // SAFETY: as in `types`; this is a step.
            unsafe { visit(value, Act::Look(&mut |other| to.push(other))) };
            for other in to {
                writeln!(f, "  n{:x} -> n{:x};", value.addr(), other.addr())?;
            }
        }
        writeln!(f, "}}")
    }
}
