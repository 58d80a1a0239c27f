//! How long steps took, in slots whose bounds grow by an eighth part of a doubling.
//!
//! Above: `clock`, and what comes out of runs. Below: numbers.

use serde::{Deserialize, Serialize};

/// Parts that each doubling is cut into: a quantile is exact to the eighth part.
const PARTS: usize = 8;
const SLOTS: usize = 64 * PARTS;

/// How long steps took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Histogram {
    /// How many steps took how long; see [`Histogram::bound_ns`].
    pub counts: Vec<u64>,
    /// The longest.
    pub longest_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; SLOTS], longest_ns: 0 }
    }
}

impl Histogram {
    /// Counts a step.
    pub fn add(&mut self, ns: u64) {
        self.counts[Self::slot(ns)] += 1;
        self.longest_ns = self.longest_ns.max(ns);
    }

    /// Counts all that `other` has.
    pub fn join(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum += count);
        self.longest_ns = self.longest_ns.max(other.longest_ns);
    }

    fn slot(ns: u64) -> usize {
        if ns < PARTS as u64 {
            return ns as usize;
        }
        let log = ns.ilog2() as usize;
        let part = (ns >> (log - PARTS.ilog2() as usize)) as usize - PARTS;
        (log - 2) * PARTS + part
    }

    /// What the steps in a slot stay below, in nanoseconds.
    #[must_use]
    pub const fn bound_ns(slot: usize) -> u64 {
        if slot < PARTS {
            return slot as u64 + 1;
        }
        let (log, part) = (slot / PARTS - 1, slot % PARTS);
        ((PARTS + part + 1) as u64) << log
    }

    /// How many steps there were.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// What so large a part of the steps (0 to 1) stays below, in nanoseconds.
    #[must_use]
    pub fn quantile_ns(&self, part: f64) -> u64 {
        let wanted = (self.steps() as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (slot, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                return Self::bound_ns(slot).min(self.longest_ns);
            }
        }
        self.longest_ns
    }

    /// How many steps took at least so long (to the eighth part).
    #[must_use]
    pub fn above(&self, ns: u64) -> u64 {
        self.counts[Self::slot(ns)..].iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_holds_what_is_below_its_bound() {
        for ns in (0..5000).chain([1 << 20, (1 << 40) + 12345, u64::MAX >> 3]) {
            let slot = Histogram::slot(ns);
            assert!(ns < Histogram::bound_ns(slot), "{ns}");
            assert!(slot == 0 || ns >= Histogram::bound_ns(slot - 1), "{ns}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_steps() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|ns| histogram.add(ns * 1000));
        let close = |part, ns: u64| {
            let found = histogram.quantile_ns(part);
            assert!(found >= ns && found <= ns + ns / 7, "{part}: {found}");
        };
        close(0.5, 500_000);
        close(0.99, 990_000);
        assert_eq!(histogram.quantile_ns(1.0), 1_000_000);
        assert_eq!((histogram.steps(), histogram.above(0)), (1000, 1000));
    }
}
