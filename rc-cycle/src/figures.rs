//! What happened: counters, what a step has come to, and what it has found.
//!
//! Above: steps, which count; the user. Below: records, which name types. In `print.rs`: what was found as a drawing.

use crate::header::record;
use alloc_core::Report;
use alloc_core::gc::Pauses;
use core::fmt;
use core::ptr::NonNull;

/// What happened on a thread, or on all that share, so far. Types that cannot be part of a cycle are not counted. As text, it is
/// a line of sums, and one for each length of steps that there was.
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
    /// Steps, by how long they took. Without `std` there is no clock, and nothing is counted.
    pub steps: Pauses,
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
        steps: Pauses::new(),
    };

    pub(crate) fn stepped(&mut self, tried: usize, visits: usize, freed: usize) {
        self.tried += tried;
        self.visits += visits;
        self.freed_objects += freed;
        self.fruitful += usize::from(freed > 0);
    }

    /// Writes the figures to a report, as a layer with that name.
    pub(crate) fn report(&self, name: &str, report: &mut Report<'_>) {
        report.layer(name, |report| self.write(report));
    }

    fn write(&self, report: &mut Report<'_>) {
        report.count("live objects", self.live_objects as u64);
        report.bytes("live", self.live_bytes);
        report.count("candidates", self.candidates as u64);
        report.count("tried candidates", self.tried as u64);
        report.count("visits", self.visits as u64);
        report.count("freed objects", self.freed_objects as u64);
        report.count("fruitful steps", self.fruitful as u64);
        self.steps.report("steps", report);
    }
}

/// A line of sums, and one for each length of steps that there was.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { live_objects, live_bytes, freed_objects, steps, .. } = self;
        let (count, longest_micros) = (steps.count(), steps.longest_nanos() / 1000);
        write!(
            f,
            "{live_objects} objects live, {} KiB; {freed_objects} freed by {count} steps, the longest {longest_micros} us",
            live_bytes / 1024
        )?;
        if count > 0 { write!(f, "\n{steps}") } else { Ok(()) }
    }
}

/// What a bounded step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Values that were freed.
    pub freed_objects: usize,
    /// Whether candidates are left for the next step, other than those that were put aside.
    pub more: bool,
    /// Candidates that were put aside: they lead to more values than the budget. A step with a larger budget takes them
    /// up again, and so does [`collect`](crate::collect).
    pub set_aside: usize,
}

impl Progress {
    pub(crate) const NONE: Self = Self { freed_objects: 0, more: false, set_aside: 0 };
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

    pub(crate) const fn values(&self) -> &'f [NonNull<u8>] {
        self.values
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
