//! A chain of free slots whose end is known, so that chains join without a walk.
//!
//! Above: a span's freed slots, and a batch's slots sorted by their spans (`sorted.rs`). Below: the
//! links in the slots. Not here: batches, which know no end and own their slots (`slot.rs`).

use super::slot::{Batch, Slot};
use alloc_core::sync::note_plain;
use core::ptr::{NonNull, null_mut};

/// A chain of free slots: `head` to `last`, whose link is null; both null when there are none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    head: *mut Slot,
    last: *mut Slot,
    slots: u32,
}

impl Chain {
    pub const EMPTY: Self = Self { head: null_mut(), last: null_mut(), slots: 0 };

    pub const fn len(&self) -> usize {
        self.slots as usize
    }

    pub const fn head(&self) -> *mut Slot {
        self.head
    }

    pub const fn last(&self) -> *mut Slot {
        self.last
    }

    /// The slots, first to last.
    ///
    /// # Safety
    ///
    /// The chain does not change meanwhile.
    pub unsafe fn iter(&self) -> impl Iterator<Item = NonNull<Slot>> + use<> {
        let mut next = self.head;
        core::iter::from_fn(move || {
            let slot = NonNull::new(next)?;
            // SAFETY: a slot of the chain, which stays as it is.
            next = unsafe { slot.as_ref().next };
            Some(slot)
        })
    }

    /// Takes everything.
    pub const fn take(&mut self) -> Self {
        core::mem::replace(self, Self::EMPTY)
    }

    /// Adds a slot in front.
    ///
    /// # Safety
    ///
    /// The slot is free, of the class of the others, and the caller gives it away.
    #[inline]
    pub unsafe fn push(&mut self, slot: NonNull<u8>) {
        let slot = slot.as_ptr().cast::<Slot>();
        // SAFETY: the slot is ours from here on; it has room for a link (`slot.rs`).
        unsafe { (*slot).next = self.head };
        note_plain(slot, true);
        if self.head.is_null() {
            self.last = slot;
        }
        self.head = slot;
        self.slots += 1;
    }

    /// Puts another chain in front.
    ///
    /// # Safety
    ///
    /// Its slots are of the class of the others, and the caller gives them away.
    pub unsafe fn join(&mut self, front: Self) {
        if front.head.is_null() {
            return;
        }
        // SAFETY: `last` is a slot of `front`, which is ours from here on.
        unsafe { (*front.last).next = self.head };
        note_plain(front.last, true);
        if self.head.is_null() {
            self.last = front.last;
        }
        self.head = front.head;
        self.slots += front.slots;
    }

    /// Takes the first `slots` slots: a walk over them.
    ///
    /// # Safety
    ///
    /// There are more than that.
    pub unsafe fn split_front(&mut self, slots: usize) -> Self {
        debug_assert!(slots < self.len());
        if slots == 0 {
            return Self::EMPTY;
        }
        let mut last = self.head;
        for _ in 1..slots {
            note_plain(last, false);
            // SAFETY: fewer steps than there are slots.
            last = unsafe { (*last).next };
        }
        let front = Self { head: self.head, last, slots: slots as u32 };
        note_plain(last, true);
        // SAFETY: `last` is one of the chain's slots, and not its last.
        unsafe {
            self.head = (*last).next;
            (*last).next = null_mut();
        }
        self.slots -= front.slots;
        front
    }
}

impl Batch {
    /// Puts a chain in front.
    ///
    /// # Safety
    ///
    /// As for [`push`](Batch::push), for each of its slots.
    pub(super) unsafe fn join(&mut self, front: Chain) {
        if front.slots == 0 {
            return;
        }
        let (head, slots) = core::mem::replace(self, Self::EMPTY).into_raw();
        note_plain(front.last, true);
        // SAFETY: `last` is a slot of `front`, which the caller gives away; the whole is a chain
        // that ends where the batch's ended.
        unsafe {
            (*front.last).next = head;
            *self = Self::from_raw(front.head, slots + front.slots as usize);
        }
    }
}
