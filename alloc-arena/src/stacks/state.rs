//! Everything that a pool's lock guards.
//!
//! Above: [`StackPool`](super::StackPool), which holds the lock. Below: lists, mappings, the decay.

use super::config::Config;
use super::figures::StackFigures;
use super::list::List;
use super::places::Places;
use super::record::{Place, Whose};
use crate::below::Below;
use crate::decay::{Decay, STEPS};
use crate::source::Source;
use alloc_core::Broken;

/// How many mappings a pool may have. One has room for hundreds of thousands of stacks, unless addresses are short.
pub(super) const MOST_MAPPINGS: usize = 16;

/// A stack counts for so many pages of the decay, whose curve has 256 steps: so that of a single stack nothing is owed
/// until it is old.
pub(super) const SHARES: usize = 256;

/// In the order of how often it is used: what a warm stack needs lies side by side.
#[derive(Debug)]
#[repr(C)]
pub(super) struct State {
    /// Free places that have memory.
    pub warm: List,
    pub live: usize,
    pub peak_live: usize,
    /// Its pages are shares of our warm stacks.
    pub decay: Decay,
    /// How much is away, and whether somebody waits until nothing is (R2, R3).
    pub away: usize,
    pub wanted: bool,
    /// Free places that have no memory, and those whose guard was refused.
    pub cold: List,
    pub raw: List,
    pub made: usize,
    pub peak_stack_bytes: usize,
    pub given_back_bytes: usize,
    pub split_guards: usize,
    pub mappings: [Option<Places>; MOST_MAPPINGS],
}

// SAFETY: records and mappings belong to the state; who has it, holds the lock.
unsafe impl Send for State {}

impl State {
    pub const fn new() -> Self {
        Self {
            warm: List::new(),
            live: 0,
            peak_live: 0,
            decay: Decay::new(),
            away: 0,
            wanted: false,
            cold: List::new(),
            raw: List::new(),
            made: 0,
            peak_stack_bytes: 0,
            given_back_bytes: 0,
            split_guards: 0,
            mappings: [const { None }; MOST_MAPPINGS],
        }
    }

    /// A place that was on no list any more is live.
    #[inline]
    pub fn note_taken(&mut self, place: Place) {
        place.begin();
        self.live += 1;
        self.peak_live = self.peak_live.max(self.live);
        self.decay.note_dirty(self.warm.count() * SHARES);
    }

    /// How many warm stacks are to cool.
    pub fn owed(&self) -> usize {
        self.decay.owed_pages() / SHARES
    }

    /// Whether a place is on a list.
    pub fn has_free(&self) -> bool {
        self.warm.count() + self.cold.count() + self.raw.count() > 0
    }

    /// Whether a place is to be looked at before it is warm again. The clock is not read.
    #[inline]
    pub fn is_due(&self, place: Place) -> bool {
        let wait = (STEPS as u32) << place.patience.get();
        self.decay.tick().wrapping_sub(place.looked_tick.get()) >= wait
    }

    /// Counts a place that came back; whether the clock is to be looked at now.
    #[inline]
    pub fn counts_to_a_look(&mut self, config: &Config) -> bool {
        self.decay.count_operation() || config.idle_delay_ms == Some(0)
    }

    pub fn mappings(&self) -> impl Iterator<Item = &Places> {
        self.mappings.iter().flatten()
    }

    pub fn figures<S: Source>(&self, below: &Below<S>, config: &Config) -> StackFigures {
        let sum = |what: fn(&Places) -> usize| self.mappings().map(what).sum();
        let shape = super::config::Shape::of(config, below.source.page_bytes()).ok();
        StackFigures {
            stack_bytes: shape.map_or(0, |shape| shape.span_bytes),
            guard_bytes: shape.map_or(0, |shape| shape.guard_bytes),
            live_stacks: self.live + self.away,
            warm_stacks: self.warm.count(),
            cold_stacks: self.cold.count() + self.raw.count(),
            peak_live_stacks: self.peak_live,
            peak_stack_bytes: self.peak_stack_bytes,
            given_back_bytes: self.given_back_bytes,
            split_guards: self.split_guards,
            reserved_bytes: sum(Places::reserved_bytes),
            committed_bytes: sum(Places::committed_bytes),
            metadata_bytes: sum(Places::metadata_bytes),
            calls: below.calls(),
        }
    }

    pub fn verify(&self) -> Result<(), Broken> {
        self.warm.verify(Whose::Warm)?;
        self.cold.verify(Whose::Cold)?;
        self.raw.verify(Whose::Raw)?;
        let count = |whose| {
            let places = self.mappings().flat_map(Places::iter);
            places.filter(|place| place.is(whose)).count()
        };
        let counts = [
            (Whose::Live, self.live),
            (Whose::Away, self.away),
            (Whose::Warm, self.warm.count()),
            (Whose::Cold, self.cold.count()),
            (Whose::Raw, self.raw.count()),
        ];
        for (whose, expected) in counts {
            let rule = "R1: every place is in one hand, and counted";
            Broken::unless(count(whose) == expected, "StackPool", rule, whose as usize)?;
        }
        let made: usize = counts.iter().map(|(_, count)| count).sum();
        let sum: usize = self.mappings().map(|mapping| mapping.made).sum();
        Broken::unless(made == self.made && sum == made, "StackPool", "places are counted", made)
    }

    /// The pool ends.
    pub fn dispose<S: Source>(&mut self, below: &Below<S>) {
        if self.live > 0 {
            return; // R5
        }
        for mapping in self.mappings.iter_mut().filter_map(Option::take) {
            #[cfg(all(feature = "os", unix))]
            super::registry::forget(&mapping);
            // SAFETY: no place is live, and none away, as nobody else has the pool any more.
            unsafe { mapping.dispose(below) };
        }
    }
}
