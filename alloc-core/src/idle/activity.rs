//! A report as one number, which another report has only if nothing happened between the two.
//!
//! Above: [`Idle`](super::Idle). Below: reports. Nothing is allocated.
#![forbid(unsafe_code)]

use crate::Layer;
use crate::report::{Report, Sink, Unit};

/// All figures of a stack, folded, but not those of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Activity(u64);

/// A sink that folds.
struct Fold {
    folded: u64,
    /// How many groups are open, from one about the process on.
    process_depth: u32,
}

impl Activity {
    pub fn of<L: Layer + ?Sized>(layer: &L) -> Self {
        let mut fold = Fold { folded: 0, process_depth: 0 };
        layer.report(&mut Report::new(&mut fold));
        Self(fold.folded)
    }
}

impl Fold {
    fn add(&mut self, value: u64) {
        // An odd factor and a rotation: neither loses a bit, and each value reaches all bits in time.
        self.folded = (self.folded ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}

impl Sink for Fold {
    fn enter(&mut self, name: &str) {
        if self.process_depth > 0 || name == Report::PROCESS {
            self.process_depth += 1;
        }
    }

    fn figure(&mut self, _: &str, value: u64, _: Unit) {
        if self.process_depth == 0 {
            self.add(value);
        }
    }

    fn leave(&mut self) {
        self.process_depth = self.process_depth.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[u64], faults: u64) -> u64 {
        let mut fold = Fold { folded: 0, process_depth: 0 };
        Report::new(&mut fold).layer("outer", |report| {
            report.process(|report| {
                report.count("faults", faults);
                report.layer("more", |report| report.count("major", faults));
            });
            values.iter().for_each(|&value| report.count("value", value));
        });
        fold.folded
    }

    #[test]
    fn every_figure_counts_and_its_place() {
        let all =
            [of(&[1, 2], 0), of(&[2, 1], 0), of(&[1, 3], 0), of(&[0, 2], 0), of(&[1, 2, 1], 0)];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{all:?}");
        }
    }

    #[test]
    fn the_process_does_not_count() {
        assert_eq!(of(&[1, 2], 0), of(&[1, 2], 77));
    }
}
