//! Free slots, and the batches that they move in.
//!
//! Above: spans, the transfer cache and the thread caches hold chains of free slots. Below: memory.
//! A free slot's first word is the link to the next; the second one is a stamp, where frees are checked
//! (`cache/checked.rs`): nothing else writes it. `MIN_SLOT_BYTES` makes room for both.

use crate::table::MIN_SLOT_BYTES;
use alloc_core::sync::note_plain;
use core::ptr::NonNull;

const _: () = assert!(size_of::<Slot>() <= MIN_SLOT_BYTES);
const _: () = assert!(align_of::<Slot>() <= MIN_SLOT_BYTES);

/// A free slot, seen as what the free list writes into it.
#[repr(C)]
pub(crate) struct Slot {
    pub next: *mut Slot,
    pub stamp: usize,
    /// The count of the batch that starts here, in the transfer cache.
    #[cfg(not(target_pointer_width = "64"))]
    slots: usize,
}

impl Slot {
    /// Where the count stands in the link: addresses of memory have no bits there.
    #[cfg(target_pointer_width = "64")]
    const COUNT_SHIFT: u32 = 48;

    /// Notes the count of the batch that starts here, until [`take_count`](Self::take_count). `false`, and nothing has
    /// happened, if there is no room for it.
    #[cfg(target_pointer_width = "64")]
    pub fn set_count(&mut self, slots: usize) -> bool {
        let fits = self.next.addr() >> Self::COUNT_SHIFT == 0 && slots >> 16 == 0;
        if fits {
            self.next = self.next.map_addr(|address| address | slots << Self::COUNT_SHIFT);
        }
        fits
    }

    /// The count that was noted; the link is what it was before.
    #[cfg(target_pointer_width = "64")]
    pub fn take_count(&mut self) -> usize {
        let slots = self.next.addr() >> Self::COUNT_SHIFT;
        self.next = self.next.map_addr(|address| address ^ slots << Self::COUNT_SHIFT);
        slots
    }

    /// Notes the count of the batch that starts here, until [`take_count`](Self::take_count).
    #[cfg(not(target_pointer_width = "64"))]
    pub fn set_count(&mut self, slots: usize) -> bool {
        self.slots = slots;
        true
    }

    /// The count that was noted.
    #[cfg(not(target_pointer_width = "64"))]
    pub fn take_count(&mut self) -> usize {
        self.slots
    }
}

/// A chain of free slots of one class, owned by whoever has this value.
///
/// Dropping it loses the slots to their span for as long as the heap lives: hand it on. It does not
/// keep the heap alive, so whoever uses it has to.
#[must_use]
#[derive(Debug)]
pub struct Batch {
    head: *mut Slot,
    slots: usize,
}

// SAFETY: a batch owns its slots (`from_raw`), and free slots belong to no thread.
unsafe impl Send for Batch {}

impl Batch {
    /// No slots.
    pub const EMPTY: Self = Self { head: core::ptr::null_mut(), slots: 0 };

    /// A batch of one slot.
    ///
    /// # Safety
    ///
    /// `slot` is a slot of the class that the batch will be used for, and the caller gives it away.
    #[inline]
    pub unsafe fn of_one(slot: NonNull<u8>) -> Self {
        let mut batch = Self::EMPTY;
        // SAFETY: the caller's promise.
        unsafe { batch.push(slot) };
        batch
    }

    /// The chain that starts at `head` and has `slots` slots.
    ///
    /// # Safety
    ///
    /// It is such a chain, ended by null, and the caller gives it away.
    #[inline]
    pub(crate) unsafe fn from_raw(head: *mut Slot, slots: usize) -> Self {
        debug_assert_eq!(head.is_null(), slots == 0);
        Self { head, slots }
    }

    /// The chain's first slot and its length, given away.
    #[inline]
    pub(crate) fn into_raw(self) -> (*mut Slot, usize) {
        (self.head, self.slots)
    }

    /// How many slots it has.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.slots
    }

    /// Whether it has none.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.slots == 0
    }

    /// Adds a slot in front.
    ///
    /// # Safety
    ///
    /// As for [`of_one`](Batch::of_one), and it is of the class of the others.
    #[inline]
    pub unsafe fn push(&mut self, slot: NonNull<u8>) {
        let slot = slot.as_ptr().cast::<Slot>();
        // SAFETY: the caller owns the slot, which has room and alignment for a `Slot` (asserted
        // above, and rule T1 of tables).
        unsafe { (*slot).next = self.head };
        note_plain(slot, true);
        self.head = slot;
        self.slots += 1;
    }

    /// Takes the slot in front.
    ///
    /// # Safety
    ///
    /// The heap that the slots came from is alive: their links lie in its memory.
    #[inline]
    pub unsafe fn pop(&mut self) -> Option<NonNull<u8>> {
        let slot = NonNull::new(self.head)?;
        note_plain(slot.as_ptr(), false);
        // SAFETY: the memory is there (the caller's promise); the chain owns the slot, whose link
        // `push` or the chain's maker wrote.
        self.head = unsafe { slot.as_ref().next };
        self.slots -= 1;
        Some(slot.cast())
    }
}
