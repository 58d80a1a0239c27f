//! When a cycle begins, and how much work an allocation pays for.
//!
//! Above: the collector, which asks at the ends of mutations. Below: nothing; numbers in, numbers out.
//!
//! After a cycle, *live* bytes were found. The heap may grow by `growth_percent` of that, at least by
//! `min_growth_bytes`, until the next cycle should have ended. A cycle that stops everything begins when
//! that is used up. A cycle of small steps begins earlier, at `START_PERCENT` of it; what is left is its
//! runway: each byte that is allocated on it pays for so much marking that the cycle ends in time.
#![forbid(unsafe_code)]

/// The part of the growth after which a cycle of small steps begins.
const START_PERCENT: usize = 50;
/// More than the exact share, so that a cycle ends before its runway does.
const SHARE_PERCENT: usize = 125;

/// However near a limit is, so much is allocated between two cycles.
const LEAST_GROWTH_BYTES: usize = 256 << 10;

/// What the pacer is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// By how many percent of what was live the heap may grow until a cycle has ended.
    pub growth_percent: usize,
    /// By how much it may grow at least, below the limit.
    pub min_growth_bytes: usize,
    /// What the heap may have of the layer below: spans, large objects and what lies free in them. As it
    /// comes near, cycles come more often. An allocation that would pass it fails, and a whole cycle
    /// follows at the end of the mutation. `usize::MAX`: no limit.
    pub limit_bytes: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { growth_percent: 60, min_growth_bytes: 4 << 20, limit_bytes: usize::MAX }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    /// Bytes found live by the last cycle.
    live_bytes: usize,
}

impl Pacer {
    pub const fn new(pace: Pace) -> Self {
        Self { pace, live_bytes: 0 }
    }

    /// A cycle has found so much alive.
    pub fn cycle_ended(&mut self, live_bytes: usize) {
        self.live_bytes = live_bytes;
    }

    pub const fn live_bytes(&self) -> usize {
        self.live_bytes
    }

    /// Bytes that may be allocated between the ends of two cycles.
    fn growth_bytes(&self) -> usize {
        let share = (self.live_bytes / 100).saturating_mul(self.pace.growth_percent);
        let room_bytes = self.pace.limit_bytes.saturating_sub(self.live_bytes);
        // Spans are never quite full: below a limit, room is left for that. And not every turn is a cycle.
        let most_bytes = (room_bytes / 4 * 3).max(LEAST_GROWTH_BYTES);
        share.max(self.pace.min_growth_bytes).min(most_bytes).max(1)
    }

    /// Bytes that may be allocated after a cycle until the next one begins.
    pub fn trigger_bytes(&self, in_steps: bool) -> usize {
        let growth_bytes = self.growth_bytes();
        if in_steps { growth_bytes / 100 * START_PERCENT } else { growth_bytes }
    }

    /// How much to mark for so many bytes that were allocated on the runway.
    pub fn share_bytes(&self, allocated_bytes: usize) -> usize {
        let growth_bytes = self.growth_bytes();
        let runway_bytes = growth_bytes - growth_bytes / 100 * START_PERCENT;
        // What was live, and what was allocated since, may have to be marked.
        let to_mark_bytes = self.live_bytes + growth_bytes;
        let percent = to_mark_bytes / (runway_bytes / SHARE_PERCENT + 1) + 1;
        allocated_bytes.saturating_mul(percent) / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_ends_below_the_limit() {
        let pace = Pace { limit_bytes: 100 << 20, ..Pace::default() };
        let mut pacer = Pacer::new(pace);
        assert_eq!(pacer.growth_bytes(), 4 << 20);
        pacer.cycle_ended(50 << 20);
        assert_eq!(pacer.growth_bytes(), (50 << 20) / 100 * 60);
        pacer.cycle_ended(90 << 20);
        assert_eq!(pacer.growth_bytes(), (10 << 20) / 4 * 3);
        pacer.cycle_ended(200 << 20);
        assert_eq!(pacer.growth_bytes(), LEAST_GROWTH_BYTES);
    }

    #[test]
    fn a_cycle_of_steps_ends_on_its_runway() {
        for live_bytes in [0, 1_000, 10 << 20, 1 << 30] {
            let mut pacer = Pacer::new(Pace::default());
            pacer.cycle_ended(live_bytes);
            let growth_bytes = pacer.growth_bytes();
            let start_bytes = pacer.trigger_bytes(true);
            assert!(start_bytes < pacer.trigger_bytes(false));
            let (mut allocated_bytes, mut marked_bytes) = (start_bytes, 0);
            while marked_bytes < live_bytes + start_bytes {
                allocated_bytes += 4096;
                marked_bytes += pacer.share_bytes(4096);
            }
            assert!(allocated_bytes <= growth_bytes + 4096, "{live_bytes}");
        }
    }
}
