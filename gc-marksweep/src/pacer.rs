//! When a cycle begins, and how much work an allocation pays for.
//!
//! Above: the collector, which asks at the ends of mutations. Below: nothing; numbers in, numbers out.
//!
//! After a cycle, *live* bytes were found: those that were visited. The heap may grow by `growth_percent` of
//! them, at least by `min_growth_bytes`, until the next cycle has ended. What was born while the last cycle
//! marked, and survived it unseen, has used up some of that already.
//!
//! ```text
//!   the last cycle ended                    this one begins                   it has to end
//!   │── born in the last ──│─────── start ────────│──────── runway ──────────│
//!   └───────────────────────────── growth ───────────────────────────────────┘
//! ```
//!
//! * All at once: there is no runway.
//! * In steps: the runway is `runway_percent` of the growth, and each byte that is allocated on it pays for
//!   so much marking that the cycle ends in time.
//! * Beside the mutator: the runway is what was allocated during the last cycles, and a quarter more. So
//!   cycles begin early enough to end in time, and no earlier; and a mutator waits only where it suddenly
//!   allocates much faster than before.
//!
//! Source for beginning early by what the last cycle took: the pacer of Go's collector (2015), simplified.
#![forbid(unsafe_code)]

use crate::Mode;

/// More than the exact share, so that a cycle ends before its runway does.
const SHARE_PERCENT: usize = 125;

/// However near a limit is, so much is allocated between two cycles.
const LEAST_GROWTH_BYTES: usize = 256 << 10;

/// However long the runway is, a cycle does not begin before this part of the growth was allocated.
const LEAST_START_PART: usize = 8;

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
    /// The part of the growth, in percent, in which an incremental cycle marks. The shorter it is, the more
    /// an allocation marks while a cycle is under way, and the fewer cycles there are.
    pub runway_percent: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            growth_percent: 60,
            min_growth_bytes: 4 << 20,
            limit_bytes: usize::MAX,
            runway_percent: 25,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    pub mode: Mode,
    /// Bytes that the last cycle visited.
    visited_bytes: usize,
    /// Bytes that were allocated while it marked.
    born_bytes: usize,
    /// Bytes that will be allocated while the next one marks, by what the last ones took.
    beside_bytes: usize,
}

impl Pacer {
    pub const fn new(pace: Pace, mode: Mode) -> Self {
        Self { pace, mode, visited_bytes: 0, born_bytes: 0, beside_bytes: 0 }
    }

    /// A cycle has visited so much, while so much was born.
    pub fn cycle_ended(&mut self, visited_bytes: usize, born_bytes: usize) {
        self.visited_bytes = visited_bytes;
        self.born_bytes = born_bytes;
        let faded_bytes = self.beside_bytes / 4 * 3;
        self.beside_bytes = faded_bytes.max(born_bytes.saturating_add(born_bytes / 4));
    }

    /// What was alive when the last cycle ended, and may still be.
    #[must_use]
    pub const fn live_bytes(&self) -> usize {
        self.visited_bytes + self.born_bytes
    }

    /// By how much what was visited may grow until a cycle has ended.
    fn growth_bytes(&self) -> usize {
        let share = (self.visited_bytes / 100).saturating_mul(self.pace.growth_percent);
        let room_bytes = self.pace.limit_bytes.saturating_sub(self.visited_bytes);
        // Spans are never quite full: below a limit, room is left for that. And not every turn is a cycle.
        let most_bytes = (room_bytes / 4 * 3).max(LEAST_GROWTH_BYTES);
        // More than half the address space ahead would be taken for past (`MarkSweep::is_due`).
        share.max(self.pace.min_growth_bytes).min(most_bytes).clamp(1, usize::MAX / 4)
    }

    fn runway_bytes(&self) -> usize {
        match self.mode {
            Mode::StopTheWorld => 0,
            Mode::Incremental => self.growth_bytes() / 100 * self.pace.runway_percent.clamp(1, 100),
            #[cfg(feature = "std")]
            Mode::Background => self.beside_bytes,
        }
    }

    /// Bytes that may be allocated from the end of the last cycle to the end of the next.
    pub fn goal_bytes(&self) -> usize {
        let growth_bytes = self.growth_bytes();
        growth_bytes.saturating_sub(self.born_bytes).max(growth_bytes / LEAST_START_PART)
    }

    /// Bytes after which a mutator waits for a cycle that is under way: twice what the heap should grow by.
    #[cfg(feature = "std")]
    pub fn wait_bytes(&self) -> usize {
        self.goal_bytes().saturating_add(self.growth_bytes())
    }

    /// Bytes that may be allocated after a cycle until the next one begins.
    pub fn start_bytes(&self) -> usize {
        let least_bytes = self.growth_bytes() / LEAST_START_PART;
        self.goal_bytes().saturating_sub(self.runway_bytes()).max(least_bytes).max(1)
    }

    /// How much to mark for so many bytes that were allocated on the runway. Beside a thread that marks, a
    /// little of what the barrier has found.
    pub fn share_bytes(&self, allocated_bytes: usize) -> usize {
        if self.mode != Mode::Incremental {
            return allocated_bytes;
        }
        // What was live, and what was allocated since, may have to be marked.
        let to_mark_bytes = self.live_bytes() + self.start_bytes();
        let percent = to_mark_bytes / (self.runway_bytes() / SHARE_PERCENT + 1) + 1;
        allocated_bytes.saturating_mul(percent) / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_ends_below_the_limit() {
        let pace = Pace { limit_bytes: 100 << 20, ..Pace::default() };
        let mut pacer = Pacer::new(pace, Mode::StopTheWorld);
        assert_eq!(pacer.start_bytes(), 4 << 20);
        pacer.cycle_ended(50 << 20, 0);
        assert_eq!(pacer.start_bytes(), (50 << 20) / 100 * 60);
        pacer.cycle_ended(90 << 20, 0);
        assert_eq!(pacer.start_bytes(), (10 << 20) / 4 * 3);
        pacer.cycle_ended(200 << 20, 0);
        assert_eq!(pacer.start_bytes(), LEAST_GROWTH_BYTES);
    }

    #[test]
    fn a_cycle_of_steps_ends_on_its_runway() {
        for live_bytes in [0, 1_000, 10 << 20, 1 << 30] {
            let mut pacer = Pacer::new(Pace::default(), Mode::Incremental);
            pacer.cycle_ended(live_bytes, 0);
            let start_bytes = pacer.start_bytes();
            assert!(start_bytes < pacer.goal_bytes());
            let (mut allocated_bytes, mut marked_bytes) = (start_bytes, 0);
            while marked_bytes < live_bytes + start_bytes {
                allocated_bytes += 4096;
                marked_bytes += pacer.share_bytes(4096);
            }
            assert!(allocated_bytes <= pacer.goal_bytes() + 4096, "{live_bytes}");
        }
    }

    /// In steady state: the heap stays below its goal, and no cycle begins much earlier than it has to.
    #[test]
    fn a_cycle_beside_the_mutator_begins_as_late_as_it_can() {
        for (live_bytes, while_marking_bytes) in [(100 << 20, 1 << 20), (100 << 20, 20 << 20)] {
            let mut pacer = Pacer::new(Pace::default(), Mode::Background);
            for cycle in 0..20 {
                let after_bytes = pacer.live_bytes();
                let peak_bytes = after_bytes + pacer.start_bytes() + while_marking_bytes;
                pacer.cycle_ended(live_bytes, while_marking_bytes);
                if cycle > 1 {
                    assert!(peak_bytes <= live_bytes / 100 * 160, "{peak_bytes}");
                    assert!(peak_bytes + while_marking_bytes / 2 >= live_bytes / 100 * 160);
                }
            }
        }
    }

    #[test]
    fn one_slow_cycle_is_forgotten() {
        let mut pacer = Pacer::new(Pace::default(), Mode::Background);
        pacer.cycle_ended(100 << 20, 50 << 20);
        assert_eq!(pacer.start_bytes(), (100 << 20) / 100 * 60 / LEAST_START_PART);
        (0..20).for_each(|_| pacer.cycle_ended(100 << 20, 1 << 20));
        assert!(pacer.start_bytes() > 57 << 20);
    }
}
