//! A span: a run of pages cut into slots of one class; or, uncut, one large allocation.
//!
//! Above: a class's lists of spans (`class.rs`). Below: the memory that it describes. The record is
//! metadata and lies outside that memory (`span_pool.rs`).
//!
//! Fields and their owners:
//! * `base`, `layout_bytes`, `layout_align`, `class`: written before the span is published in the
//!   index, never while it is there. Anyone may read them who owns an allocation in the span.
//! * `free`, `fresh_slots`, `pages`, `is_away`, `prev`, `next`: whoever holds the lock of the list that
//!   the span is on.
//!
//! Slots are handed out in three ways: from the chain of freed ones; when that is empty, from a page
//! that rests (`pages.rs`); then from the fresh ones at the end, so that memory is first touched when
//! it is first needed. Chains move
//! whole where they can, and fresh slots are linked by whoever took them, when the lock is free
//! again: what is done under the lock does not grow with the number of slots.

use super::chain::Chain;
use super::pages::{Grid, Pages, SlotSet};
use super::slot::Batch;
use crate::table::ClassInfo;
use alloc_core::sync::note_plain;
use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

/// The class byte of a span that is one large allocation.
pub(super) const LARGE: u8 = 0;

#[derive(Debug)]
pub(super) struct Span {
    pub base: NonNull<u8>,
    pub layout_bytes: usize,
    pub layout_align: usize,
    pub prev: *mut Span,
    pub next: *mut Span,
    pub free: Chain,
    pub fresh_slots: u32,
    pub pages: Pages,
    /// It stands on the list of spans that are away: nothing is taken from it, and it stays there.
    pub is_away: bool,
    pub class: u8,
}

impl Span {
    /// A span over the memory at `base`, which `layout` describes to the layer below.
    pub fn new(base: NonNull<u8>, layout: Layout, class: u8, slots: u32) -> Self {
        Self {
            base,
            layout_bytes: layout.size(),
            layout_align: layout.align(),
            prev: null_mut(),
            next: null_mut(),
            free: Chain::EMPTY,
            fresh_slots: slots,
            pages: Pages::NEW,
            is_away: false,
            class,
        }
    }

    /// The layout that the layer below was asked for.
    pub fn layout(&self) -> Layout {
        // SAFETY: both numbers came out of a `Layout` (`new`), or out of one that replaced it
        // (`large.rs`).
        unsafe { Layout::from_size_align_unchecked(self.layout_bytes, self.layout_align) }
    }

    /// Slots that could be handed out.
    pub const fn available(&self) -> u32 {
        self.free.len() as u32 + self.pages.resting_slots() + self.fresh_slots
    }

    /// Slots that are handed out.
    #[must_use]
    pub const fn used_slots(&self, info: &ClassInfo) -> u32 {
        info.span_slots - self.available()
    }

    /// Moves freed slots into `batch`: as many as it lacks of `want`, or all, where that makes the
    /// batch at most half as long again and not longer than the class's batches.
    pub fn take_freed(&mut self, info: &ClassInfo, want: usize, batch: &mut Batch) {
        let most = (want + want / 2).min(info.batch_slots as usize).max(want);
        let missing = want.saturating_sub(batch.len());
        note_plain(self, true);
        while self.free.len() < missing && self.wake(info) {}
        let chain = if batch.len() + self.free.len() <= most {
            self.free.take()
        } else {
            // SAFETY: `free` is a chain of more slots than that.
            unsafe { self.free.split_front(missing) }
        };
        // SAFETY: the slots were this span's and of its class; they are given away here.
        unsafe { batch.join(chain) };
    }

    /// Links the slots of a page that rests; `false` if there is none.
    fn wake(&mut self, info: &ClassInfo) -> bool {
        if self.pages.resting_slots() == 0 {
            return false;
        }
        let Some(slots) = Grid::of(info).and_then(|grid| self.pages.wake(grid)) else {
            return false;
        };
        for slot in slots.rev() {
            // SAFETY: slots that rest are this span's and free, and on no chain.
            unsafe { self.free.push(self.slot(info, slot)) };
        }
        true
    }

    /// Puts pages to rest that no slot in use touches. Returns those that are to be given back; until
    /// that is done, nothing may be taken from the span.
    pub fn rest(&mut self, info: &ClassInfo, grid: Grid) -> u64 {
        let fresh = (info.span_slots - self.fresh_slots) as usize;
        let mut free = SlotSet::new();
        // SAFETY: the chain's slots are this span's.
        for slot in unsafe { self.free.iter() } {
            free.insert((slot.addr().get() - self.base.addr().get()) / info.slot_bytes);
        }
        let leaving = self.pages.rest(grid, &free, fresh);
        // What stays linked is linked anew, in the order of addresses: the front of the span first.
        self.free = Chain::EMPTY;
        for slot in (0..fresh).rev() {
            if free.contains(slot) && !self.pages.rests(grid, slot) {
                // SAFETY: the slot was on the chain before.
                unsafe { self.free.push(self.slot(info, slot)) };
            }
        }
        leaving
    }

    /// # Safety
    ///
    /// `index` is at most the number of slots.
    unsafe fn slot(&self, info: &ClassInfo, index: usize) -> NonNull<u8> {
        // SAFETY: the slot, or the end of the last one, lies in the span's memory.
        unsafe { self.base.add(index * info.slot_bytes) }
    }

    /// Hands out up to `want` fresh slots.
    pub fn take_fresh(&mut self, info: &ClassInfo, want: usize) -> Fresh {
        note_plain(self, true);
        let first = (info.span_slots - self.fresh_slots) as usize;
        let slots = (self.fresh_slots as usize).min(want);
        self.fresh_slots -= slots as u32;
        if self.pages.has_clean()
            && let Some(grid) = Grid::of(info)
        {
            self.pages.touch(grid, first..first + slots);
        }
        // SAFETY: `first` is at most `span_slots`.
        let base = unsafe { self.slot(info, first) };
        Fresh { base, slots, slot_bytes: info.slot_bytes }
    }

    /// Takes slots back.
    ///
    /// # Safety
    ///
    /// They are this span's, handed out, and the caller gives them away.
    pub unsafe fn put(&mut self, chain: Chain) {
        note_plain(self, true);
        // SAFETY: the slots are ours from here on.
        unsafe { self.free.join(chain) };
    }
}

/// Slots side by side, handed out for the first time, and not linked yet.
#[must_use]
pub(super) struct Fresh {
    base: NonNull<u8>,
    slots: usize,
    slot_bytes: usize,
}

impl Fresh {
    pub const NONE: Self = Self { base: NonNull::dangling(), slots: 0, slot_bytes: 0 };

    pub const fn is_empty(&self) -> bool {
        self.slots == 0
    }

    /// Links the slots, the first in front, and adds them to `batch`. This is the first touch of
    /// their memory.
    pub fn link(self, batch: &mut Batch) {
        for index in (0..self.slots).rev() {
            // SAFETY: `take_fresh` counted the slots: they lie in the span's memory, are of its
            // class, and were handed to whoever has `self`.
            unsafe { batch.push(self.base.add(index * self.slot_bytes)) };
        }
    }
}
