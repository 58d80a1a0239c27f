//! What a program's run takes: in all, and its longest steps.
//!
//! Above: the programs, which may leave out how they begin and end. Below: the system's clocks.

use crate::collectors::histogram::Histogram;
use crate::measure::Usage;
use std::time::{Duration, Instant};

/// Times a run from when it was made, or [`start`](Self::start), until [`stop`](Self::stop).
pub(super) struct Clock {
    /// What the time is divided by.
    pub operations: u64,
    /// Where pauses show. Programs whose operations are all alike have none.
    pub steps: Histogram,
    began: (Instant, Usage),
    took: Option<(Duration, Usage)>,
}

impl Clock {
    pub(super) fn new() -> Self {
        let began = (Instant::now(), Usage::now());
        Self { operations: 0, steps: Histogram::default(), began, took: None }
    }

    /// What came before is preparation.
    pub(super) fn start(&mut self) {
        self.began = (Instant::now(), Usage::now());
    }

    /// What comes after does not count; the first time that it is called. Returns wall time, and what was used.
    pub(super) fn stop(&mut self) -> (Duration, Usage) {
        let (began, usage) = &self.began;
        *self.took.get_or_insert_with(|| (began.elapsed(), Usage::now().since(usage)))
    }

    /// Runs a step.
    #[inline]
    pub(super) fn step<T>(&mut self, step: impl FnOnce() -> T) -> T {
        time(&mut self.steps, step)
    }
}

/// Runs a step, for a thread that has no clock.
#[inline]
pub(super) fn time<T>(steps: &mut Histogram, step: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let value = step();
    steps.add(begin.elapsed().as_nanos() as u64);
    value
}
