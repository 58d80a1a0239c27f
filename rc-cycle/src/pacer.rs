//! When a step is due that nobody asked for.
//!
//! Above: whoever lists a candidate. Below: nothing; numbers in, numbers out.
//!
//! Steps look at what candidates lead to, so what they cost depends on what is alive. A step is due when there are many
//! candidates for that: and the more often steps are in vain, the more have to be. But one candidate may lead to
//! thousands of dead values, so one is due, too, when what is alive, or was not found dead, has doubled since all
//! candidates were looked at.
//!
//! Source of growing rarer: the root threshold of PHP 7.3.
#![forbid(unsafe_code)]

/// How steps are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Whether steps happen by themselves: by default, they do.
    pub automatic: bool,
    /// Bytes of candidates' boxes from which on a step happens, at least; and a quarter of what the boxes that are alive
    /// may grow by. By default, 256 KiB.
    pub least_bytes: usize,
    /// The part of the live bytes that candidates may have until then: one in so many. By default, 8.
    pub live_part: usize,
    /// How many values such a step looks at. Where a candidate leads to more, the next step looks at all of those. By
    /// default, 4096.
    pub budget_objects: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Pace {
    const DEFAULT: Self =
        Self { automatic: true, least_bytes: 256 << 10, live_part: 8, budget_objects: 4 << 10 };
}

/// Steps become so much rarer at most.
const MOST_PATIENCE: usize = 64;
/// Steps that look at so many values for each that they free are in vain.
const VAIN_VISITS: usize = 5;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    pub pace: Pace,
    /// How many times rarer steps are than at first.
    patience: usize,
    /// What was alive when all candidates had been looked at.
    floor_bytes: usize,
}

impl Pacer {
    pub const fn new() -> Self {
        Self { pace: Pace::DEFAULT, patience: 1, floor_bytes: 0 }
    }

    /// Whether a step is due, with so many bytes listed and alive.
    pub fn is_due(&self, listed_bytes: usize, live_bytes: usize) -> bool {
        let Pace { automatic, least_bytes, live_part, .. } = self.pace;
        let part_bytes = (live_bytes / live_part.max(1)).max(least_bytes);
        let most_bytes = (live_bytes / 2).max(least_bytes);
        let growth_bytes = self.floor_bytes.max(least_bytes.saturating_mul(4));
        automatic
            && (listed_bytes >= part_bytes.saturating_mul(self.patience).min(most_bytes)
                || live_bytes >= self.floor_bytes.saturating_add(growth_bytes))
    }

    /// All candidates have been looked at; the last step has freed, and looked at, so many values.
    pub fn ended(&mut self, freed: usize, visits: usize, live_bytes: usize) {
        self.floor_bytes = live_bytes;
        self.patience = if freed.saturating_mul(VAIN_VISITS) < visits {
            (self.patience * 2).min(MOST_PATIENCE)
        } else {
            (self.patience / 2).max(1)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn pacer() -> Pacer {
        let pace = Pace { least_bytes: 64 << 10, live_part: 8, ..Pace::DEFAULT };
        Pacer { pace, ..Pacer::new() }
    }

    #[test]
    fn steps_grow_rarer_in_vain_but_not_for_ever() {
        let mut pacer = pacer();
        pacer.ended(1, 1, 16 * MIB);
        assert!(!pacer.is_due(2 * MIB - 1, 16 * MIB) && pacer.is_due(2 * MIB, 16 * MIB));
        pacer.ended(0, 1000, 16 * MIB);
        assert!(!pacer.is_due(4 * MIB - 1, 16 * MIB) && pacer.is_due(4 * MIB, 16 * MIB));
        (0..10).for_each(|_| pacer.ended(0, 1000, 16 * MIB));
        assert!(!pacer.is_due(8 * MIB - 1, 16 * MIB) && pacer.is_due(8 * MIB, 16 * MIB));
        (0..10).for_each(|_| pacer.ended(1000, 1000, 16 * MIB));
        assert!(pacer.is_due(2 * MIB, 16 * MIB));
    }

    #[test]
    fn growth_alone_is_enough() {
        let mut pacer = pacer();
        assert!(!pacer.is_due(100, MIB / 4 - 1) && pacer.is_due(100, MIB / 4));
        pacer.ended(0, 1000, 16 * MIB);
        assert!(!pacer.is_due(100, 32 * MIB - 1) && pacer.is_due(100, 32 * MIB));
        pacer.pace.automatic = false;
        assert!(!pacer.is_due(usize::MAX, usize::MAX));
    }
}
