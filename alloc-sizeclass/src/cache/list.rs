//! One class's list in a thread cache: how it fills, empties, grows and shrinks.
//!
//! Above: misses (`miss.rs`), which own the lists when they come here. Below: batches. Not here:
//! the hit (`lists.rs`).
//!
//! A list is the chain in use, `head`, with `room` for more slots, and a `spare` batch. A free that
//! finds no room makes the chain the spare one; an allocation that finds no slot takes the spare
//! one. So batches move whole, and a thread that wavers around a boundary stays here.
//!
//! A list's bound is `batch` slots. It starts small, doubles with each miss up to the table's
//! bound, and is halved when the class was idle for a sweep. A list of medium slots
//! ([`ClassInfo::is_medium`]) holds one slot, and none before the class has missed a few times: what
//! a program allocates once in a while is worth more below, where it serves any class.

use crate::heap::{Batch, Slot};
use crate::table::ClassInfo;
use core::mem::replace;
use core::ptr::{NonNull, null_mut};

/// The bound of a list that was never missed.
const FIRST_BATCH_SLOTS: u16 = 4;

/// So many misses bring a class of medium slots a list.
const MISSES_FOR_MEDIUM: u8 = 4;

/// A list, while its owner works on it.
pub(super) struct List<'a> {
    pub head: &'a mut *mut Slot,
    pub room: &'a mut u32,
    pub rest: &'a mut Rest,
}

/// What a hit does not touch.
pub(super) struct Rest {
    spare: *mut Slot,
    /// `room` at the last sweep.
    seen_room: u32,
    /// What `room` was when `head` was empty.
    bound: u16,
    batch: u16,
    spare_slots: u16,
    idle_sweeps: u8,
    /// Misses of a class of medium slots, up to `MISSES_FOR_MEDIUM`.
    warmth: u8,
}

impl Rest {
    pub const fn new() -> Self {
        Self {
            spare: null_mut(),
            seen_room: 0,
            bound: 0,
            batch: 0,
            spare_slots: 0,
            idle_sweeps: 0,
            warmth: 0,
        }
    }
}

impl List<'_> {
    /// Takes the slot in front.
    pub fn pop(&mut self) -> Option<NonNull<u8>> {
        let slot = NonNull::new(*self.head)?;
        // SAFETY: slots on the list are free and linked.
        *self.head = unsafe { slot.as_ref().next };
        *self.room += 1;
        Some(slot.cast())
    }

    /// Puts `slot` in front, if there is room.
    ///
    /// # Safety
    ///
    /// `slot` is a slot of this list's class, and the caller gives it away if this is `true`.
    pub unsafe fn push(&mut self, slot: NonNull<u8>) -> bool {
        let Some(room) = self.room.checked_sub(1) else { return false };
        *self.room = room;
        let slot = slot.as_ptr().cast::<Slot>();
        // SAFETY: the slot is ours from here on, and has space for a link (`heap/slot.rs`).
        unsafe { (*slot).next = *self.head };
        *self.head = slot;
        true
    }

    fn head_slots(&self) -> u32 {
        u32::from(self.rest.bound) - *self.room
    }

    /// Slots on both chains.
    pub fn slots(&self) -> usize {
        self.head_slots() as usize + self.rest.spare_slots as usize
    }

    /// A miss of `pop`: takes the spare chain into use. `false` if there is none.
    pub fn use_spare(&mut self) -> bool {
        if self.rest.spare.is_null() {
            return false;
        }
        debug_assert!(self.head.is_null());
        *self.head = replace(&mut self.rest.spare, null_mut());
        self.rest.bound = replace(&mut self.rest.spare_slots, 0);
        *self.room = 0;
        true
    }

    /// A miss: the bound grows. Returns the slots to ask for; 0 while the class is not to have a
    /// list.
    pub fn grow(&mut self, info: &ClassInfo) -> usize {
        if info.is_medium() && self.rest.warmth < MISSES_FOR_MEDIUM {
            self.rest.warmth += 1;
            return 0;
        }
        let twice = self.rest.batch.saturating_mul(2).max(FIRST_BATCH_SLOTS);
        self.rest.batch = twice.min(info.batch_slots);
        self.rest.batch as usize
    }

    /// Takes a batch into use, on an empty list.
    pub fn accept(&mut self, batch: Batch) {
        debug_assert!(self.head.is_null() && batch.len() <= u16::MAX as usize);
        let (head, slots) = batch.into_raw();
        *self.head = head;
        self.rest.bound = self.rest.batch.max(slots as u16);
        *self.room = u32::from(self.rest.bound) - slots as u32;
    }

    /// A miss of `push`: makes room, unless the class is not to have a list. Returns the batch that
    /// has to leave.
    pub fn make_room(&mut self, info: &ClassInfo) -> Batch {
        if info.is_medium() {
            // One slot, which stays: it was used last, like the one that does not find room now.
            if self.head.is_null() && self.rest.batch != 0 {
                self.rest.bound = self.rest.batch;
                *self.room = u32::from(self.rest.bound);
            }
            return Batch::EMPTY;
        }
        let leaves = self.take_spare();
        if !self.head.is_null() {
            self.rest.spare_slots = self.head_slots() as u16;
            self.rest.spare = replace(self.head, null_mut());
        }
        if !leaves.is_empty() || self.rest.batch == 0 {
            self.grow(info);
        }
        self.rest.bound = self.rest.batch;
        *self.room = u32::from(self.rest.bound);
        leaves
    }

    fn take_spare(&mut self) -> Batch {
        let head = replace(&mut self.rest.spare, null_mut());
        let slots = replace(&mut self.rest.spare_slots, 0);
        // SAFETY: the spare chain has `spare_slots` slots, and is nobody else's.
        unsafe { Batch::from_raw(head, slots as usize) }
    }

    fn take_head(&mut self) -> Batch {
        let slots = self.head_slots();
        let head = replace(self.head, null_mut());
        *self.room = u32::from(self.rest.bound);
        // SAFETY: the chain has `bound - room` slots, and is nobody else's.
        unsafe { Batch::from_raw(head, slots as usize) }
    }

    /// Takes everything: both chains.
    pub fn take_all(&mut self) -> [Batch; 2] {
        [self.take_spare(), self.take_head()]
    }

    /// Looks whether the class was used since the last sweep. If not: returns its spare chain, at
    /// the second time the other one too, and halves its bound.
    pub fn sweep(&mut self, info: &ClassInfo) -> [Batch; 2] {
        if *self.room != replace(&mut self.rest.seen_room, *self.room) {
            self.rest.idle_sweeps = 0;
            return [Batch::EMPTY, Batch::EMPTY];
        }
        self.rest.idle_sweeps = self.rest.idle_sweeps.saturating_add(1);
        self.rest.batch = (self.rest.batch / 2).max(FIRST_BATCH_SLOTS.min(self.rest.batch));
        let head = if self.rest.idle_sweeps > 1 || info.is_medium() {
            self.rest.warmth = 0;
            self.take_head()
        } else {
            Batch::EMPTY
        };
        if info.is_medium() {
            // Without a list, until the class has earned one again.
            (self.rest.batch, self.rest.bound, *self.room) = (0, 0, 0);
        }
        self.rest.seen_room = *self.room;
        [self.take_spare(), head]
    }

    /// Whether the counts agree with the chains.
    pub fn is_sound(&self) -> bool {
        let length = |mut slot: *mut Slot, at_most: usize| {
            let mut slots = 0;
            while !slot.is_null() && slots <= at_most {
                slots += 1;
                // SAFETY: slots on a list are free and linked.
                slot = unsafe { (*slot).next };
            }
            slots
        };
        let Some(slots) = u32::from(self.rest.bound).checked_sub(*self.room) else { return false };
        length(*self.head, slots as usize) == slots as usize
            && length(self.rest.spare, self.rest.spare_slots as usize)
                == self.rest.spare_slots as usize
    }
}
