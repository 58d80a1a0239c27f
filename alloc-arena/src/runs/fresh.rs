//! Fresh pieces: stretches of a free run that a huge page can back, because no page of them has memory.
//!
//! Above: [`Node`](crate::mapping::Node), which asks the source for huge pages. Below: the bits.
//! A piece is as long as a huge page, and aligned to it.
#![forbid(unsafe_code)]

use super::{Place, Runs};
use crate::bits;
use crate::huge::Wish;
use crate::record::Page;
use core::ops::Range;

impl Runs {
    /// The pieces that `wish` names for `pages` pages at `place`, fresh or not.
    pub fn pieces(&self, place: Place, pages: u32, piece_pages: u32, wish: Wish) -> Range<Page> {
        let run_end = place.run + self.table.records()[place.run as usize].pages();
        let within = match wish {
            Wish::Nothing => return 0..0,
            Wish::Within => place.start..place.start + pages,
            Wish::Touched => {
                let start = place.start - place.start % piece_pages;
                let end = (place.start + pages).next_multiple_of(piece_pages);
                start.max(place.run)..end.min(run_end)
            }
        };
        let end = within.end.min(self.committed_pages);
        within.start.next_multiple_of(piece_pages)..end - end % piece_pages
    }

    /// The first stretch of fresh pieces among `pieces`.
    pub fn fresh(&self, pieces: Range<Page>, piece_pages: u32) -> Option<Range<Page>> {
        let words = self.table.words();
        let is_fresh = |start: &Page| bits::are_clear(words, *start..*start + piece_pages);
        let mut starts = pieces.step_by(piece_pages as usize);
        let start = starts.find(is_fresh)?;
        let more = starts.take_while(is_fresh).count() as u32;
        Some(start..start + (more + 1) * piece_pages)
    }

    /// Notes that the source will back a stretch of the free run at `run` by huge pages: all of it
    /// has memory as soon as any of it is touched.
    pub fn note_filled(&mut self, run: Page, stretch: Range<Page>, tick: u32) {
        let pages = stretch.end - stretch.start;
        bits::set_filled(self.table.words_mut(), stretch);
        self.dirty_pages += pages;
        let record = self.table.records()[run as usize];
        self.remove_free(run);
        // The whole is as old as most of its dirty pages.
        let tick = if record.dirty_pages > pages { record.tick } else { tick };
        self.put_free(run..run + record.pages(), record.dirty_pages + pages, tick);
    }
}
