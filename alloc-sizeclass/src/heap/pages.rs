//! The pages of a partly used span: which of them no slot in use touches, and what became of those.
//!
//! Above: `give_back.rs`, which gives such pages back while the span lives on. Below: the span's
//! numbers; nothing here touches memory.
//!
//! A link lies in the first word of a free slot, so a page can go when every slot that touches it is
//! free and none that *starts* in it is linked. Hence two marks per page:
//! * *resting*: the slots that start in it are free, and not linked. They wake together.
//! * *clean*: given back, and not touched since: there is nothing to gain from giving it back again.
//!
//! A page in which fresh slots start needs no rest, for those are not linked either.

use crate::table::ClassInfo;
use core::ops::Range;

/// A page has at least so many bytes; a span is looked at as at most 64 pages.
const MIN_PAGE_BYTES: usize = 4096;

/// Spans of more slots are left alone.
const MAX_SLOTS: usize = 4096;

#[derive(Clone, Copy, Debug)]
pub(super) struct Pages {
    resting: u64,
    clean: u64,
    resting_slots: u32,
}

/// One bit per slot.
pub(super) struct SlotSet([u64; MAX_SLOTS / 64]);

/// How a class's spans divide into pages and slots.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    slot_bytes: usize,
    slots: usize,
    page_bytes: usize,
    pages: usize,
}

impl SlotSet {
    pub const fn new() -> Self {
        Self([0; MAX_SLOTS / 64])
    }

    pub const fn insert(&mut self, slot: usize) {
        self.0[slot / 64] |= 1 << (slot % 64);
    }

    pub const fn contains(&self, slot: usize) -> bool {
        self.0[slot / 64] & 1 << (slot % 64) != 0
    }
}

impl Grid {
    /// `None` for spans that are not worth a look: of one page, or of more slots than a set holds.
    pub fn of(info: &ClassInfo) -> Option<Self> {
        let page_bytes = info.span_bytes.div_ceil(64).next_power_of_two().max(MIN_PAGE_BYTES);
        let (slot_bytes, slots) = (info.slot_bytes, info.span_slots as usize);
        let pages = info.span_bytes / page_bytes;
        (pages > 1 && slots <= MAX_SLOTS).then_some(Self { slot_bytes, slots, page_bytes, pages })
    }

    /// The slots that start in `page`.
    fn starts(&self, page: usize) -> Range<usize> {
        let first = |page: usize| (page * self.page_bytes).div_ceil(self.slot_bytes);
        first(page).min(self.slots)..first(page + 1).min(self.slots)
    }

    /// The page in which `slot` starts.
    pub const fn page_of(&self, slot: usize) -> usize {
        slot * self.slot_bytes / self.page_bytes
    }

    /// The pages that `slot` touches.
    const fn touches(&self, slot: usize) -> u64 {
        let last = ((slot + 1) * self.slot_bytes - 1) / self.page_bytes;
        ones(last + 1) & !ones(self.page_of(slot))
    }

    /// Bytes from the span's start, for runs of pages next to each other.
    pub fn runs(&self, mut pages: u64) -> impl Iterator<Item = Range<usize>> {
        let page_bytes = self.page_bytes;
        core::iter::from_fn(move || {
            let first = (pages != 0).then(|| pages.trailing_zeros() as usize)?;
            let len = (pages >> first).trailing_ones() as usize;
            pages &= !(ones(len) << first);
            Some(first * page_bytes..(first + len) * page_bytes)
        })
    }
}

/// The lowest `count` bits.
const fn ones(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

impl Pages {
    pub const NEW: Self = Self { resting: 0, clean: 0, resting_slots: 0 };

    pub const fn resting_slots(&self) -> u32 {
        self.resting_slots
    }

    /// Whether any page is clean.
    pub const fn has_clean(&self) -> bool {
        self.clean != 0
    }

    /// Whether slots that start in `page` rest.
    pub const fn rests(&self, page: usize) -> bool {
        self.resting & 1 << page != 0
    }

    /// Puts every page to rest that may go. `free` are the linked slots, `fresh` the first of the
    /// slots that were never handed out. Returns the pages to give back.
    pub fn rest(&mut self, grid: Grid, free: &SlotSet, fresh: usize) -> u64 {
        let mut in_use = 0;
        for slot in 0..fresh {
            if !free.contains(slot) && !self.rests(grid.page_of(slot)) {
                in_use |= grid.touches(slot);
            }
        }
        let mut idle = ones(grid.pages) & !in_use;
        let mut resting = 0;
        let mut resting_slots = 0;
        for page in 0..grid.pages {
            let starts = grid.starts(page);
            let (is_idle, has_fresh) = (idle & 1 << page != 0, starts.end > fresh);
            if is_idle && has_fresh && starts.start < fresh {
                // Freed slots and fresh ones start here: it has to wait until all are of one kind.
                idle &= !(1 << page);
            } else if self.rests(page) || is_idle && !has_fresh && !starts.is_empty() {
                // What rests goes on resting, also while a slot from a page before reaches into it.
                resting |= 1 << page;
                resting_slots += starts.len() as u32;
            }
        }
        let leaving = idle & !self.clean;
        (self.resting, self.resting_slots) = (resting, resting_slots);
        self.clean = idle & !self.reached_into(grid, fresh);
        leaving
    }

    /// Pages that a slot reaches into from a page before, where it is linked or in use: it may be
    /// written to without a word here.
    fn reached_into(&self, grid: Grid, fresh: usize) -> u64 {
        let mut reached = 0;
        for page in (0..grid.pages).filter(|&page| !self.rests(page)) {
            let starts = grid.starts(page);
            if !starts.is_empty() && starts.start < fresh {
                reached |= grid.touches(starts.end.min(fresh) - 1);
            }
        }
        reached
    }

    /// Wakes the first page that rests: returns its slots, to be linked.
    pub fn wake(&mut self, grid: Grid) -> Option<Range<usize>> {
        let page = (self.resting != 0).then(|| self.resting.trailing_zeros() as usize)?;
        let slots = grid.starts(page);
        self.resting &= !(1 << page);
        self.resting_slots -= slots.len() as u32;
        self.touch(grid, slots.clone());
        Some(slots)
    }

    /// `slots` are handed out or linked: their pages are not clean any more.
    pub fn touch(&mut self, grid: Grid, slots: Range<usize>) {
        if self.has_clean() && !slots.is_empty() {
            let first = grid.touches(slots.start);
            let last = grid.touches(slots.end - 1);
            self.clean &= !(ones(64 - last.leading_zeros() as usize)
                & !ones(first.trailing_zeros() as usize));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { slot_bytes: 48, slots: 341, page_bytes: 4096, pages: 4 };

    /// The slots of a span: in use, linked or fresh; resting ones are linked to nothing.
    fn free_but(used: &[usize], fresh: usize, pages: &Pages) -> SlotSet {
        let mut free = SlotSet::new();
        for slot in (0..fresh).filter(|slot| !used.contains(slot)) {
            if !pages.rests(GRID.page_of(slot)) {
                free.insert(slot);
            }
        }
        free
    }

    #[test]
    fn a_page_rests_when_no_slot_in_use_touches_it() {
        // Slot 85 starts at byte 4080 of page 0 and reaches into page 1.
        for (used, resting) in [(0, 0b1110), (85, 0b1100), (100, 0b1101), (340, 0b0111)] {
            let mut pages = Pages::NEW;
            let leaving = pages.rest(GRID, &free_but(&[used], 341, &pages), 341);
            assert_eq!((pages.resting, leaving), (resting, resting), "{used} is used");
            let slots: usize =
                (0..4).filter(|&p| pages.rests(p)).map(|p| GRID.starts(p).len()).sum();
            assert_eq!(pages.resting_slots as usize, slots);
        }
    }

    #[test]
    fn what_is_clean_is_not_given_back_again() {
        let mut pages = Pages::NEW;
        // Slot 85 is linked and reaches into page 1, which is therefore never surely clean.
        pages.rest(GRID, &free_but(&[0], 341, &pages), 341);
        assert_eq!(pages.clean, 0b1100);
        assert_eq!(pages.rest(GRID, &free_but(&[0], 341, &pages), 341), 0b0010);
        let woken = pages.wake(GRID).unwrap();
        assert_eq!(woken, 86..171);
        // Slot 170 reaches from page 1 into page 2.
        assert_eq!((pages.resting, pages.clean), (0b1100, 0b1000));
        assert_eq!(pages.rest(GRID, &free_but(&[0], 341, &pages), 341), 0b0110);
    }

    #[test]
    fn what_rests_goes_on_resting_under_a_slot_in_use() {
        let mut pages = Pages::NEW;
        pages.rest(GRID, &free_but(&[0], 341, &pages), 341);
        // Now slot 85 is used, which starts in page 0 and reaches into page 1.
        assert_eq!(pages.rest(GRID, &free_but(&[0, 85], 341, &pages), 341), 0);
        assert_eq!(pages.resting, 0b1110);
        assert_eq!(pages.rest(GRID, &free_but(&[0], 341, &pages), 341), 0b0010);
    }

    #[test]
    fn fresh_slots_do_not_rest_but_their_pages_go() {
        let mut pages = Pages::NEW;
        let leaving = pages.rest(GRID, &free_but(&[0], 100, &pages), 100);
        assert_eq!((pages.resting, leaving), (0, 0b1100), "page 1 has slots of both kinds");
        pages.touch(GRID, 100..180);
        assert_eq!(pages.clean, 0b1000);
    }

    #[test]
    fn large_slots_let_the_pages_inside_them_go() {
        let grid = Grid { slot_bytes: 20_480, slots: 3, page_bytes: 4096, pages: 16 };
        let mut free = SlotSet::new();
        free.insert(1);
        let mut pages = Pages::NEW;
        // The last page belongs to no slot.
        assert_eq!(pages.rest(grid, &free, 3), 0b1000_0011_1110_0000);
        assert_eq!((pages.resting, pages.resting_slots), (1 << 5, 1));
        assert_eq!(pages.wake(grid), Some(1..2));
        assert_eq!(pages.clean, 1 << 15);
    }

    #[test]
    fn runs_are_as_long_as_they_can_be() {
        let runs = |pages| GRID.runs(pages).collect::<std::vec::Vec<_>>();
        assert_eq!(runs(0b1011), [0..8192, 12_288..16_384]);
        assert_eq!(runs(0), []);
    }
}
