//! A span: a run of pages cut into slots of one class; or, uncut, one large allocation.
//!
//! Above: a class's lists of spans (`class.rs`). Below: the memory that it describes. The record is
//! metadata and lies outside that memory (`span_pool.rs`).
//!
//! Fields and their owners:
//! * `base`, `layout_bytes`, `layout_align`, `class`: written before the span is published in the
//!   index, never while it is there. Anyone may read them who owns an allocation in the span.
//! * `free`, `free_slots`, `fresh_slots`, `prev`, `next`: whoever holds the lock of the list that
//!   the span is on.
//!
//! Slots are handed out in two ways: from the list of freed ones, and, when that is empty, from the
//! fresh ones at the end, so that memory is first touched when it is first needed.

use super::slot::{Batch, Slot};
use crate::table::ClassInfo;
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
    pub free: *mut Slot,
    pub free_slots: u32,
    pub fresh_slots: u32,
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
            free: null_mut(),
            free_slots: 0,
            fresh_slots: slots,
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
        self.free_slots + self.fresh_slots
    }

    /// Slots that are handed out.
    pub const fn used_slots(&self, info: &ClassInfo) -> u32 {
        info.span_slots - self.available()
    }

    /// Moves slots into `batch` until it has `want` or this span has none left.
    pub fn take(&mut self, info: &ClassInfo, want: usize, batch: &mut Batch) {
        while batch.len() < want {
            let Some(slot) = self.take_freed().or_else(|| self.take_fresh(info)) else { return };
            // SAFETY: the slot was this span's and of its class; it is given away here.
            unsafe { batch.push(slot) };
        }
    }

    fn take_freed(&mut self) -> Option<NonNull<u8>> {
        let slot = NonNull::new(self.free)?;
        // SAFETY: `free` is a chain of this span's free slots, linked by `put`.
        self.free = unsafe { slot.as_ref().next };
        self.free_slots -= 1;
        Some(slot.cast())
    }

    fn take_fresh(&mut self, info: &ClassInfo) -> Option<NonNull<u8>> {
        if self.fresh_slots == 0 {
            return None;
        }
        let index = (info.span_slots - self.fresh_slots) as usize;
        self.fresh_slots -= 1;
        // SAFETY: `index < span_slots`, so the slot lies within the span's memory.
        Some(unsafe { self.base.add(index * info.slot_bytes) })
    }

    /// Takes a slot back.
    ///
    /// # Safety
    ///
    /// `slot` is one of this span's, handed out, and the caller gives it away.
    pub unsafe fn put(&mut self, slot: NonNull<u8>) {
        let slot = slot.as_ptr().cast::<Slot>();
        // SAFETY: the slot is ours from here on; it has room for a link (`slot.rs`).
        unsafe { (*slot).next = self.free };
        self.free = slot;
        self.free_slots += 1;
    }
}
