//! A mapping's advice about huge pages: given for fresh pieces, taken back after a while.
//!
//! Above: [`State`](crate::state::State), with the wish of the policy. Below: the source; the pieces of
//! the runs; where advice is in force (`advised.rs`, which says why it is taken back).

use crate::below::Below;
use crate::huge::Wish;
use crate::mapping::Node;
use crate::record::Page;
use crate::runs::Place;
use crate::source::{Advice, Source};
use core::ops::Range;
use core::ptr::NonNull;

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
            self.advised.note(&stretch, tick);
            self.runs.note_filled(place.run, stretch, tick);
        }
        place.dirty_pages = self.runs.dirty_at(*place, pages);
        asked_bytes
    }

    /// Takes advice back that was given more than a delay ago: after two at the latest.
    #[inline]
    pub fn forget_huge<S: Source>(&mut self, below: &Below<S>, tick: u32) {
        if self.advised.is_due(tick) {
            self.forget_old(below, tick);
        }
    }

    #[cold]
    fn forget_old<S: Source>(&mut self, below: &Below<S>, tick: u32) {
        let mut advised = core::mem::take(&mut self.advised);
        advised.grow_old(tick, |old| self.advise(below, old, Advice::Small));
        self.advised = advised;
    }

    /// The pieces in which `stretch` lies, so far as advice may be in force there.
    pub fn advised_in<S: Source>(
        &self,
        below: &Below<S>,
        stretch: &Range<Page>,
    ) -> Option<(NonNull<u8>, usize)> {
        let Range { start, end } = self.advised.range();
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
