//! When dirty pages go back: a little at every tick, along a curve, never all at once.
//!
//! Above: [`State`](crate::state::State), which counts its operations here and purges what is owed.
//! Policy alone: numbers in, a number out.
//!
//! Time is cut into ticks, [`STEPS`] to a delay. Pages are told apart by how long they have lain
//! idle, as far as sums can tell: no more pages have been idle through a tick than were dirty at its
//! lowest moment, so what is freed and used again over and over stays young.
//! The curve says what share of a number of pages may still be kept when they are so many ticks old;
//! what is dirty beyond the sum of all shares is owed.
//!
//! ```text
//!   share kept  1 ┤▇▇▆
//!                 │   ▅▄
//!                 │     ▃▂        freed memory that is used again within a fraction of the delay
//!               0 ┤       ▁▁      costs nothing; what lies idle is gone after one delay
//!                 └──────────▶ age in ticks
//! ```
#![forbid(unsafe_code)]

/// Ticks in a delay.
pub(crate) const STEPS: usize = 8;

/// The share kept at an age of 0, 1, 2, … ticks, in 256ths: a smooth step.
const KEEP: [usize; STEPS + 1] = [256, 245, 216, 175, 128, 81, 40, 11, 0];

/// The clock is read once in so many operations.
const OPERATIONS_PER_LOOK: u32 = 16;

/// Without a clock, so many operations make a millisecond.
const OPERATIONS_PER_MS: u64 = 64;

/// A debt to pay: so many bytes, but none that were freed in the tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Debt {
    pub bytes: usize,
    pub spared: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Decay {
    tick: u32,
    /// `None` until the clock is first looked at.
    tick_began_ms: Option<u64>,
    /// The pages that have lain idle for 0, 1, 2, … ticks; the last: for a delay or longer.
    idle_pages: [usize; STEPS],
    /// The fewest pages that were dirty at a time since the tick began.
    low_pages: usize,
    owed_pages: usize,
    operations: u64,
}

impl Decay {
    pub const fn new() -> Self {
        Self {
            tick: 0,
            tick_began_ms: None,
            idle_pages: [0; STEPS],
            low_pages: 0,
            owed_pages: 0,
            operations: 0,
        }
    }

    /// The number of the present tick.
    pub fn tick(&self) -> u32 {
        self.tick
    }

    /// How many pages are to be purged.
    pub fn owed_pages(&self) -> usize {
        self.owed_pages
    }

    /// Counts an operation; whether it is one at which the clock is looked at.
    #[inline]
    pub fn count_operation(&mut self) -> bool {
        self.operations = self.operations.wrapping_add(1);
        (self.operations as u32).is_multiple_of(OPERATIONS_PER_LOOK)
    }

    /// The time, for a source without a clock.
    pub fn operations_ms(&self) -> u64 {
        self.operations / OPERATIONS_PER_MS
    }

    /// Looks at the clock: when a tick is over, what is owed is decided anew.
    pub fn look(&mut self, now_ms: u64, delay_ms: u32, dirty_pages: usize) {
        if delay_ms == 0 {
            self.tick = self.tick.wrapping_add(1);
            self.owed_pages = dirty_pages;
            return;
        }
        let tick_ms = u64::from(delay_ms).div_ceil(STEPS as u64);
        let began_ms = *self.tick_began_ms.get_or_insert(now_ms);
        let ticks = now_ms.saturating_sub(began_ms) / tick_ms;
        if ticks > 0 {
            self.tick_began_ms = Some(began_ms + ticks * tick_ms);
            self.advance(ticks, dirty_pages);
        }
    }

    fn advance(&mut self, ticks: u64, dirty_pages: usize) {
        self.tick = self.tick.wrapping_add(ticks as u32);
        // What was idle through the last tick was never more than was dirty at its lowest.
        let mut room_pages = self.low_pages.min(dirty_pages);
        for pages in self.idle_pages.iter_mut().rev() {
            *pages = room_pages.min(*pages);
            room_pages -= *pages;
        }
        for _ in 0..ticks.min(STEPS as u64) {
            let oldest_pages = self.idle_pages[STEPS - 1];
            self.idle_pages.copy_within(..STEPS - 1, 1);
            self.idle_pages[STEPS - 1] += oldest_pages;
            self.idle_pages[0] = 0;
        }
        // All else is young, also if many ticks went by at once and nobody looked.
        self.idle_pages[0] = dirty_pages - self.idle_pages.iter().sum::<usize>();
        // A step along the curve keeps, of what the steps before have kept, the next share.
        let shares = KEEP.windows(2);
        let kept = self
            .idle_pages
            .iter()
            .zip(shares)
            .map(|(pages, share)| pages.saturating_mul(share[1]) / share[0]);
        self.owed_pages = dirty_pages.saturating_sub(kept.sum());
        self.low_pages = dirty_pages;
    }

    /// Notes how many pages are dirty, after some of them were used.
    #[inline]
    pub fn note_dirty(&mut self, dirty_pages: usize) {
        self.low_pages = self.low_pages.min(dirty_pages);
    }

    /// Notes that `pages` were purged, on demand or because they were owed: the oldest.
    pub fn note_purged(&mut self, mut pages: usize) {
        self.owed_pages = self.owed_pages.saturating_sub(pages);
        self.low_pages = self.low_pages.saturating_sub(pages);
        for idle_pages in self.idle_pages.iter_mut().rev() {
            let part = pages.min(*idle_pages);
            *idle_pages -= part;
            pages -= part;
        }
    }

    /// Gives up on what is owed until the next tick: nothing can be purged now.
    pub fn forgive(&mut self) {
        self.owed_pages = 0;
    }
}

const _: () = assert!(KEEP[STEPS] == 0);

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY_MS: u32 = 800;

    /// What is left of pages that are freed once, after each tick of 100 ms.
    fn idle(pages: usize) -> Vec<usize> {
        let (mut decay, mut dirty) = (Decay::new(), pages);
        decay.look(0, DELAY_MS, dirty);
        (1..=10)
            .map(|tick| {
                decay.look(tick * 100, DELAY_MS, dirty);
                dirty -= decay.owed_pages();
                decay.note_purged(decay.owed_pages());
                dirty
            })
            .collect()
    }

    #[test]
    fn decay_purges_idle_pages_along_the_curve() {
        let along = [2450, 2160, 1750, 1280, 810, 400, 110, 0, 0, 0];
        for (left, curve) in idle(2560).into_iter().zip(along) {
            assert!(left <= curve && left + 10 >= curve, "{left} pages left, not {curve}");
        }
    }

    #[test]
    fn decay_spares_what_is_used_again_soon() {
        let mut decay = Decay::new();
        let mut idle_pages = 500;
        // 1000 pages are freed and used again, over and over; 500 others lie idle.
        for step in 0..400_u64 {
            let dirty = idle_pages + if step % 2 == 0 { 1000 } else { 0 };
            decay.note_dirty(dirty);
            decay.look(step * 25, DELAY_MS, dirty);
            let owed_pages = decay.owed_pages().min(idle_pages);
            idle_pages -= owed_pages;
            decay.note_purged(owed_pages);
            // A tick cannot tell the youngest from those that stay: it keeps 245 of 256.
            let young = 1000 - 1000 * 245 / 256 + 1;
            assert!(decay.owed_pages() <= young, "{} owed at {step}", decay.owed_pages());
        }
        assert_eq!(idle_pages, 0);
    }

    #[test]
    fn decay_at_once_owes_everything() {
        let mut decay = Decay::new();
        decay.look(5, 0, 77);
        assert_eq!(decay.owed_pages(), 77);
        decay.note_purged(77);
        assert_eq!(decay.owed_pages(), 0);
    }

    #[test]
    fn decay_after_a_sleep_keeps_what_is_young() {
        let mut decay = Decay::new();
        decay.look(0, DELAY_MS, 0);
        decay.look(100, DELAY_MS, 100);
        decay.note_purged(decay.owed_pages());
        decay.look(1_000_000, DELAY_MS, 1096);
        // The 96 old pages are owed; of the 1000 young ones next to none.
        assert!((96..=140).contains(&decay.owed_pages()), "{}", decay.owed_pages());
    }

    #[test]
    fn decay_counts_operations_for_a_look_and_for_the_time() {
        let mut decay = Decay::new();
        let looks = |decay: &mut Decay, operations: u64| {
            (0..operations).filter(|_| decay.count_operation()).count()
        };
        let per_look = u64::from(OPERATIONS_PER_LOOK);
        assert_eq!(looks(&mut decay, per_look - 1), 0);
        assert_eq!(looks(&mut decay, 1), 1);
        assert_eq!(looks(&mut decay, 3 * per_look), 3);
        let mut decay = Decay::new();
        looks(&mut decay, 5 * OPERATIONS_PER_MS - 1);
        assert_eq!(decay.operations_ms(), 4);
        looks(&mut decay, 1);
        assert_eq!(decay.operations_ms(), 5);
    }

    #[test]
    fn decay_purges_the_oldest_pages_first() {
        let mut decay =
            Decay { idle_pages: [7; STEPS], owed_pages: 20, low_pages: 30, ..Decay::new() };
        decay.note_purged(16);
        let mut left = [7; STEPS];
        left[STEPS - 3..].copy_from_slice(&[5, 0, 0]);
        assert_eq!((decay.idle_pages, decay.owed_pages(), decay.low_pages), (left, 4, 14));
        decay.forgive();
        assert_eq!((decay.idle_pages, decay.owed_pages(), decay.low_pages), (left, 0, 14));
    }
}
