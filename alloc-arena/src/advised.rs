//! A mapping's advice about huge pages: given for fresh pieces, taken back after a while.
//!
//! Above: [`State`](crate::state::State), with the wish of the policy. Below: the source; the pieces of
//! the runs.
//!
//! Advice has to be in force only until a piece is touched for the first time: what has a huge page
//! then keeps it. Later it does harm, since the system may fill what is sparse by then. So a mapping
//! knows two ranges outside of which no advice is in force, a young one and an old one. After each delay
//! all advice in the old one is taken back with one call, and the young one becomes old; and advice is
//! taken back from what is purged, before it is purged.

use crate::below::Below;
use crate::decay::STEPS;
use crate::huge::Wish;
use crate::mapping::Node;
use crate::record::Page;
use crate::runs::Place;
use crate::source::{Advice, Source};
use core::ops::Range;
use core::ptr::NonNull;

/// Where advice for huge pages is in force.
#[derive(Debug, Default)]
pub(crate) struct Advised {
    /// In parts of these ranges, and nowhere else.
    young: Range<Page>,
    old: Range<Page>,
    /// Since when there is a young range, in ticks of the decay.
    tick: u32,
}

/// The shortest range that both are part of.
fn hull(one: &Range<Page>, other: &Range<Page>) -> Range<Page> {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other.clone(),
        (_, true) => one.clone(),
        _ => one.start.min(other.start)..one.end.max(other.end),
    }
}

impl Node {
    /// Asks for huge pages behind the fresh pieces that `wish` names of `pages` pages at `place`.
    /// Returns how many bytes were asked for.
    pub fn ask_for_huge<S: Source>(
        &mut self,
        below: &Below<S>,
        place: &mut Place,
        pages: u32,
        wish: Wish,
        tick: u32,
    ) -> usize {
        if wish == Wish::Nothing || !self.terms.may_advise() {
            return 0;
        }
        let piece_pages = self.piece_pages(below);
        let mut rest = self.runs.pieces(*place, pages, piece_pages, wish);
        let mut asked_bytes = 0;
        while let Some(stretch) = self.runs.fresh(rest.clone(), piece_pages) {
            rest.start = stretch.end;
            if !self.advise(below, &stretch, Advice::Huge) {
                break;
            }
            asked_bytes += self.pages_at(stretch.start, stretch.end).1;
            if self.advised.young.is_empty() {
                self.advised.tick = tick;
            }
            self.advised.young = hull(&self.advised.young, &stretch);
            self.runs.note_filled(place.run, stretch, tick);
        }
        place.dirty_pages = self.runs.dirty_at(*place, pages);
        asked_bytes
    }

    /// Takes advice back that was given more than a delay ago: after two at the latest.
    #[inline]
    pub fn forget_huge<S: Source>(&mut self, below: &Below<S>, tick: u32) {
        let Advised { young, old, tick: since } = &self.advised;
        let none = young.is_empty() && old.is_empty();
        if !none && tick.wrapping_sub(*since) >= STEPS as u32 {
            self.forget_old(below, tick);
        }
    }

    #[cold]
    fn forget_old<S: Source>(&mut self, below: &Below<S>, tick: u32) {
        let Advised { young, old, .. } = core::mem::take(&mut self.advised);
        // If the system does not take it back, it is told again later.
        let done = old.is_empty() || self.advise(below, &old, Advice::Small);
        let old = if done { young } else { hull(&old, &young) };
        self.advised = Advised { young: 0..0, old, tick };
    }

    /// The pieces in which `stretch` lies, so far as advice may be in force there.
    pub fn advised_in<S: Source>(
        &self,
        below: &Below<S>,
        stretch: &Range<Page>,
    ) -> Option<(NonNull<u8>, usize)> {
        let Range { start, end } = hull(&self.advised.old, &self.advised.young);
        if stretch.start >= end || start >= stretch.end {
            return None;
        }
        let piece_pages = self.piece_pages(below);
        let from = (stretch.start - stretch.start % piece_pages).max(start);
        let to = stretch.end.next_multiple_of(piece_pages).min(end);
        Some(self.pages_at(from, to))
    }

    fn piece_pages<S: Source>(&self, below: &Below<S>) -> u32 {
        (below.source.huge_bytes() / below.source.page_bytes()) as u32
    }

    fn advise<S: Source>(&self, below: &Below<S>, pages: &Range<Page>, advice: Advice) -> bool {
        let (base, bytes) = self.pages_at(pages.start, pages.end);
        // SAFETY: committed pages of a mapping that the source reserved (`may_advise`).
        unsafe { below.advise(base, bytes, advice) }.is_ok()
    }
}
