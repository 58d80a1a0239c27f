//! A list of free slots by their indexes, for pools whose slots are named by them.
//!
//! Above: [`KeyPool`](super::KeyPool). Not here: values, versions. The list of `slots` links by pointers, which
//! take fewer instructions to follow, but a division to get an index from.

use crate::slots::Row;
use alloc_core::Broken;

/// Which slots are free: the rules R1 and R2 of `slots` hold here too.
pub(super) struct IndexList {
    /// The first free slot.
    head: u32,
    pub fresh_slots: u32,
}

/// Where an index leads nowhere. No pool has so many slots.
pub(super) const NOBODY: u32 = u32::MAX;

impl IndexList {
    pub const fn new() -> Self {
        Self { head: NOBODY, fresh_slots: 0 }
    }

    /// Where a free slot leads.
    ///
    /// # Safety
    ///
    /// It is in a list of this row.
    #[inline(always)]
    unsafe fn next(row: Row, index: u32) -> u32 {
        // SAFETY: a free slot's first bytes are a link (`give`), aligned or not.
        unsafe { row.slot(index as usize).cast::<u32>().read_unaligned() }
    }

    /// Takes a slot that was given back; the caller takes a fresh one if there is none.
    ///
    /// # Safety
    ///
    /// The list is of `row`, whose memory is there, as in all methods here.
    #[inline(always)]
    pub unsafe fn take(&mut self, row: Row) -> Option<u32> {
        let index = self.head;
        if index == NOBODY {
            return None;
        }
        // SAFETY: what `head` leads to is free.
        self.head = unsafe { Self::next(row, index) };
        Some(index)
    }

    /// Makes a slot free.
    ///
    /// # Safety
    ///
    /// As for `take`; the slot was taken, and nobody uses it.
    #[inline(always)]
    pub unsafe fn give(&mut self, row: Row, index: u32) {
        // SAFETY: the slot is the caller's to write to, and at least as long as a link.
        unsafe { row.slot(index as usize).cast::<u32>().write_unaligned(self.head) };
        self.head = index;
    }

    /// Whether the next insertion fails.
    #[must_use]
    pub fn is_full(&self, row: Row) -> bool {
        self.head == NOBODY && self.fresh_slots as usize == row.slots
    }

    /// How many slots are free that were used once, if the list keeps its rules.
    ///
    /// # Safety
    ///
    /// As for `take`.
    pub unsafe fn verify(&self, row: Row) -> Result<u32, Broken> {
        let (mut free, mut next) = (0, self.head);
        while next != NOBODY {
            let rule = "R1: what is free was taken once";
            Broken::unless(next < self.fresh_slots, "KeyPool", rule, next as usize)?;
            let rule = "R1: a slot is in the list once";
            Broken::unless(free < self.fresh_slots, "KeyPool", rule, next as usize)?;
            free += 1;
            // SAFETY: a slot that the list says is free.
            next = unsafe { Self::next(row, next) };
        }
        Ok(free)
    }
}
