//! Steps of a program, timed from inside: a pause is a step that took long.
//!
//! Above: the programs. Below: the monotonic clock.
//!
//! The machine stutters by itself, so pauses are read beside those of the same steps without a collector.

use super::histogram::Histogram;
use super::outcome::Own;
use std::time::Instant;

/// Times steps.
#[derive(Debug, Default)]
pub struct Clock {
    /// What it has seen.
    pub steps: Histogram,
    /// What the collector says of itself in the end.
    pub own: Option<Own>,
}

impl Clock {
    /// Runs a step.
    #[inline]
    pub fn step<T>(&mut self, step: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let value = step();
        self.steps.add(begin.elapsed().as_nanos() as u64);
        value
    }
}
