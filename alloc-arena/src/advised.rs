//! Where advice about huge pages is in force in a mapping, and when it is taken back.
//!
//! Above: the mapping, which gives the advice and takes it back (`advice.rs`). Policy alone: ranges of
//! pages.
//!
//! Advice has to be in force only until a piece is touched for the first time: what has a huge page
//! then keeps it. Later it does harm, since the system may fill what is sparse by then. So a mapping
//! knows two ranges outside of which no advice is in force, a young one and an old one. After each delay
//! all advice in the old one is taken back with one call, and the young one becomes old; and advice is
//! taken back from what is purged, before it is purged.
#![forbid(unsafe_code)]

use crate::decay::STEPS;
use crate::record::Page;
use core::ops::Range;

/// Where advice for huge pages is in force.
#[derive(Debug, Default)]
pub(crate) struct Advised {
    /// In parts of these ranges, and nowhere else.
    young: Range<Page>,
    old: Range<Page>,
    /// Since when there is a young range, in ticks of the decay.
    tick: u32,
}

impl Advised {
    /// Advice was given for `stretch`.
    pub fn note(&mut self, stretch: &Range<Page>, tick: u32) {
        if self.young.is_empty() {
            self.tick = tick;
        }
        self.young = hull(&self.young, stretch);
    }

    /// Whether a delay is over since the young range began.
    #[inline]
    pub fn is_due(&self, tick: u32) -> bool {
        let none = self.young.is_empty() && self.old.is_empty();
        !none && tick.wrapping_sub(self.tick) >= STEPS as u32
    }

    /// Makes the young range the old one, if `take_back` has done so with the advice in that; else it
    /// is told again later.
    pub fn grow_old(&mut self, tick: u32, take_back: impl FnOnce(&Range<Page>) -> bool) {
        let done = self.old.is_empty() || take_back(&self.old);
        let old = if done { self.young.clone() } else { hull(&self.old, &self.young) };
        *self = Self { young: 0..0, old, tick };
    }

    /// All of it.
    pub fn range(&self) -> Range<Page> {
        hull(&self.old, &self.young)
    }
}

/// The shortest range that both are part of.
fn hull(one: &Range<Page>, other: &Range<Page>) -> Range<Page> {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other.clone(),
        (_, true) => one.clone(),
        _ => one.start.min(other.start)..one.end.max(other.end),
    }
}
