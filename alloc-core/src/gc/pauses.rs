//! How long somebody waited for a collector, and how often: counts by powers of two.
//!
//! Above: the figures of every collector here, counted pointers included. Below: nothing. Not here: a clock.
#![forbid(unsafe_code)]

use crate::report::{Report, Unit};
use core::fmt;
use core::time::Duration;

const LENGTHS: usize = 24;

/// What each length is, in words: a report is written without allocating.
const NAMES: [&str; LENGTHS] = [
    "below 1 us",
    "below 2 us",
    "below 4 us",
    "below 8 us",
    "below 16 us",
    "below 32 us",
    "below 64 us",
    "below 128 us",
    "below 256 us",
    "below 512 us",
    "below 1024 us",
    "below 2048 us",
    "below 4096 us",
    "below 8192 us",
    "below 16384 us",
    "below 32768 us",
    "below 65536 us",
    "below 131072 us",
    "below 262144 us",
    "below 524288 us",
    "below 1048576 us",
    "below 2097152 us",
    "below 4194304 us",
    "longer",
];

/// Pauses, by how long they were. As text, a line for each length that there was.
///
/// ```
/// use alloc_core::gc::Pauses;
/// use core::time::Duration;
///
/// let mut pauses = Pauses::new();
/// for micros in [3, 2, 90] {
///     pauses.note(Duration::from_micros(micros));
/// }
/// assert_eq!((pauses.count(), pauses.longest_nanos()), (3, 90_000));
/// assert!(pauses.lengths().eq([(Some(4), 2), (Some(128), 1)]));
/// assert_eq!(pauses.to_string(), "        2 below 4 us\n        1 below 128 us");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pauses {
    /// The entry `n` counts those of less than 2^n microseconds that are not in the entry before; the last one the rest.
    counts: [usize; LENGTHS],
    longest_nanos: u64,
}

impl Pauses {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { counts: [0; LENGTHS], longest_nanos: 0 }
    }

    /// Counts one.
    pub fn note(&mut self, pause: Duration) {
        let micros = pause.as_micros().min(1 << (LENGTHS - 2)) as u32;
        self.counts[(u32::BITS - micros.leading_zeros()) as usize] += 1;
        self.longest_nanos = self.longest_nanos.max(pause.as_nanos() as u64);
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> usize {
        self.counts.iter().sum()
    }

    /// The longest one, in nanoseconds.
    #[must_use]
    pub const fn longest_nanos(&self) -> u64 {
        self.longest_nanos
    }

    /// How many there were of each length, if any, the shortest first: the microseconds that they stayed below, twice
    /// those of the length before, and their number. What is longer than all lengths has `None`.
    pub fn lengths(&self) -> impl Iterator<Item = (Option<u64>, usize)> + '_ {
        let counted = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(|(power, &count)| ((power < LENGTHS - 1).then_some(1 << power), count))
    }

    /// Writes them to a report, as a group of figures.
    pub fn report(&self, name: &str, report: &mut Report<'_>) {
        report.layer(name, |report| {
            report.count("number", self.count() as u64);
            report.figure("longest", self.longest_nanos, Unit::Nanoseconds);
            let counted = self.counts.iter().zip(NAMES).filter(|(count, _)| **count > 0);
            counted.for_each(|(count, name)| report.count(name, *count as u64));
        });
    }
}

impl fmt::Display for Pauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = self.counts.iter().zip(NAMES).filter(|(count, _)| **count > 0);
        counted.enumerate().try_for_each(|(at, (count, name))| {
            let line = if at > 0 { "\n" } else { "" };
            write!(f, "{line}{count:>9} {name}")
        })
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn each_length_is_named_as_it_is_counted() {
        for (power, name) in NAMES.iter().enumerate().take(LENGTHS - 1) {
            assert_eq!(*name, std::format!("below {} us", 1_u64 << power));
            let mut pauses = Pauses::new();
            // The longest that is below, and the shortest that is not.
            pauses.note(Duration::from_micros((1 << power) - 1));
            pauses.note(Duration::from_micros(1 << power));
            assert_eq!((pauses.counts[power], pauses.counts[power + 1]), (1, 1), "{name}");
        }
    }

    #[test]
    fn what_is_longer_than_all_lengths_is_counted_with_the_longest() {
        let mut pauses = Pauses::new();
        pauses.note(Duration::MAX);
        pauses.note(Duration::from_secs(3600));
        assert!(pauses.lengths().eq([(None, 2)]));
    }
}
