//! The pages of a partly used span: which of them no slot in use touches, and what became of those.
//!
//! Above: `give_back.rs`, which gives such pages back while the span lives on. Below: the span's
//! numbers; nothing here touches memory.
//!
//! A link lies in the first word of a free slot, so a page can go when every slot that touches it is
//! free and none of them is linked: a slot *rests* as long as any page that it touches does. Hence two
//! marks per page:
//! * *resting*: given back, and none of its slots is linked. They wake with their last resting page.
//! * *clean*: given back, and touched by fresh slots or by none, which are not linked either.
//!
//! A page with a mark has no memory, and there is nothing to gain from giving it back again.

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

    /// The slots that touch `page`.
    fn slots_on(&self, page: usize) -> Range<usize> {
        let first = page * self.page_bytes / self.slot_bytes;
        let end = ((page + 1) * self.page_bytes).div_ceil(self.slot_bytes);
        first.min(self.slots)..end.min(self.slots)
    }

    /// The pages that `slot` touches.
    const fn touches(&self, slot: usize) -> u64 {
        self.touched(slot..slot + 1)
    }

    /// The pages that `slots` touch.
    const fn touched(&self, slots: Range<usize>) -> u64 {
        if slots.start >= slots.end {
            return 0;
        }
        let last = (slots.end * self.slot_bytes - 1) / self.page_bytes;
        ones(last + 1) & !ones(slots.start * self.slot_bytes / self.page_bytes)
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

    /// Whether `slot` rests.
    pub const fn rests(&self, grid: Grid, slot: usize) -> bool {
        self.resting != 0 && self.resting & grid.touches(slot) != 0
    }

    /// Puts every page to rest that may go. `free` are the linked slots, `fresh` the first of the
    /// slots that were never handed out. Returns the pages to give back.
    pub fn rest(&mut self, grid: Grid, free: &SlotSet, fresh: usize) -> u64 {
        let mut in_use = 0;
        for slot in 0..fresh {
            if !free.contains(slot) && !self.rests(grid, slot) {
                in_use |= grid.touches(slot);
            }
        }
        let idle = ones(grid.pages) & !in_use;
        // A page with freed and fresh slots waits until all are of one kind.
        let (freed, fresh_pages) = (grid.touched(0..fresh), grid.touched(fresh..grid.slots));
        let resting = idle & freed & !fresh_pages;
        let clean = idle & !freed;
        let leaving = (resting & !self.resting) | (clean & !self.clean);
        (self.resting, self.clean) = (resting, clean);
        self.resting_slots = (0..fresh).filter(|&slot| self.rests(grid, slot)).count() as u32;
        leaving
    }

    /// Wakes slots that rest, from the lowest page on: returns them, to be linked.
    pub fn wake(&mut self, grid: Grid) -> Option<Range<usize>> {
        while self.resting != 0 {
            let page = self.resting.trailing_zeros() as usize;
            self.resting &= !(1 << page);
            let mut slots = grid.slots_on(page);
            // Pages above may hold the last slot back, which reaches into them.
            if !slots.is_empty() && self.rests(grid, slots.end - 1) {
                slots.end -= 1;
            }
            if !slots.is_empty() {
                self.resting_slots -= slots.len() as u32;
                return Some(slots);
            }
        }
        None
    }

    /// Fresh `slots` are handed out: their pages are not clean any more.
    pub const fn touch(&mut self, grid: Grid, slots: Range<usize>) {
        self.clean &= !grid.touched(slots);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const GRID: Grid = Grid { slot_bytes: 48, slots: 341, page_bytes: 4096, pages: 4 };

    /// The linked slots of a span in which the slots `used` are in use.
    fn free_but(used: &[usize], fresh: usize, pages: &Pages) -> SlotSet {
        let mut free = SlotSet::new();
        for slot in (0..fresh).filter(|slot| !used.contains(slot)) {
            if !pages.rests(GRID, slot) {
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
            let slots = (0..341).filter(|&slot| pages.rests(GRID, slot)).count();
            assert_eq!(pages.resting_slots as usize, slots);
            assert!(!pages.rests(GRID, used));
        }
    }

    #[test]
    fn what_rests_is_not_given_back_again() {
        let mut pages = Pages::NEW;
        pages.rest(GRID, &free_but(&[0], 341, &pages), 341);
        assert_eq!(pages.rest(GRID, &free_but(&[0], 341, &pages), 341), 0);
        // Slot 85 reaches from page 0 into page 1, slot 170 from page 1 into page 2, which still rests.
        assert_eq!(pages.wake(GRID), Some(85..170));
        assert_eq!((pages.resting, pages.resting_slots), (0b1100, 341 - 170));
        assert_eq!(pages.rest(GRID, &free_but(&[0], 341, &pages), 341), 0b0010);
        assert_eq!(pages.resting, 0b1110);
    }

    #[test]
    fn every_slot_that_rests_wakes_once() {
        let mut pages = Pages::NEW;
        pages.rest(GRID, &free_but(&[200], 341, &pages), 341);
        let mut resting: Vec<usize> = (0..341).filter(|&slot| pages.rests(GRID, slot)).collect();
        assert_eq!(resting.len(), pages.resting_slots as usize);
        while let Some(slots) = pages.wake(GRID) {
            let woken: Vec<usize> = resting.drain(..slots.len()).collect();
            assert_eq!(woken, slots.collect::<Vec<_>>());
        }
        assert_eq!((resting.len(), pages.resting_slots), (0, 0));
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
        assert_eq!((pages.resting, pages.clean, pages.resting_slots), (0b11_1110_0000, 1 << 15, 1));
        assert_eq!(pages.wake(grid), Some(1..2));
        assert_eq!((pages.resting, pages.clean, pages.resting_slots), (0, 1 << 15, 0));
    }

    #[test]
    fn runs_are_as_long_as_they_can_be() {
        let runs = |pages| GRID.runs(pages).collect::<Vec<_>>();
        assert_eq!(runs(0b1011), [0..8192, 12_288..16_384]);
        assert_eq!(runs(0), []);
    }
}
