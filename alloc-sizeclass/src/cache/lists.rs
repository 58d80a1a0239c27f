//! A thread's free lists: one per class, and how they fill and empty.
//!
//! Above: hits pop and push (`mod.rs`), misses refill and flush (`miss.rs`). Below: batches.
//! Nothing here is shared: who may touch the lists, and when, is the protocol's business (`mod.rs`).
//!
//! Each class has the list in use, `head`, with `room` for more slots, and a `spare` batch. A free
//! that finds no room makes the list the spare one; an allocation that finds no slot takes the
//! spare one. So batches move whole, and a thread that wavers around a boundary stays here.
//!
//! A list's bound is `batch` slots. It starts small, doubles with each miss up to the table's
//! bound, and is halved when the class was idle for a sweep.

use crate::heap::{Batch, Slot};
use crate::table::{ClassInfo, MAX_CLASSES};
use alloc_core::sync::UnsafeCell;
use core::mem::replace;
use core::ptr::{NonNull, null_mut};

/// The free lists of one thread for one cache.
#[repr(C)]
pub struct Lists {
    classes: [UnsafeCell<List>; MAX_CLASSES],
}

/// The bound of a list that was never missed.
const FIRST_BATCH_SLOTS: u16 = 4;

#[repr(C)]
pub(super) struct List {
    head: *mut Slot,
    spare: *mut Slot,
    room: u32,
    /// `room` at the last sweep.
    seen_room: u32,
    /// What `room` was when `head` was empty.
    bound: u16,
    batch: u16,
    spare_slots: u16,
    idle_sweeps: u16,
}

#[cfg(not(all(loom, feature = "loom")))]
const _: () = assert!(size_of::<List>() == 32);

// SAFETY: the pointers are to free slots that the lists own; the protocol in `mod.rs` gives the
// lists to one thread at a time.
unsafe impl Send for Lists {}
// SAFETY: as above: a shared reference alone gives no access (`UnsafeCell`).
unsafe impl Sync for Lists {}

/// What every thread's state leads to before its first miss: no slot to pop, no room to push. It is
/// read by everyone and never written.
#[cfg(not(all(loom, feature = "loom")))]
#[doc(hidden)]
pub static EMPTY: Lists = Lists::new();

impl Lists {
    #[cfg(not(all(loom, feature = "loom")))]
    pub(super) const fn new() -> Self {
        Self { classes: [const { UnsafeCell::new(List::new()) }; MAX_CLASSES] }
    }

    #[cfg(all(loom, feature = "loom"))]
    pub(super) fn new() -> Self {
        Self { classes: core::array::from_fn(|_| UnsafeCell::new(List::new())) }
    }

    /// Runs a hit on the list of a class. It gets a raw pointer, because EMPTY lists are read by many
    /// threads at once, so that there may be no `&mut` to one, even if nothing is written.
    #[inline(always)]
    pub(super) fn hit<R>(&self, index: usize, act: impl FnOnce(*mut List) -> R) -> R {
        self.classes[index].with_mut(act)
    }

    /// Runs `act` on the list of a class.
    ///
    /// # Safety
    ///
    /// The caller owns these lists at this moment, by the rules in `mod.rs`.
    #[inline(always)]
    pub(super) unsafe fn with<R>(&self, index: usize, act: impl FnOnce(&mut List) -> R) -> R {
        // SAFETY: the caller's promise.
        self.classes[index].with_mut(|list| unsafe { act(&mut *list) })
    }
}

impl List {
    const fn new() -> Self {
        Self {
            head: null_mut(),
            spare: null_mut(),
            room: 0,
            seen_room: 0,
            bound: 0,
            batch: 0,
            spare_slots: 0,
            idle_sweeps: 0,
        }
    }

    /// A hit: takes the slot in front. Writes nothing if there is none.
    ///
    /// # Safety
    ///
    /// The caller owns the list, or it is an EMPTY one.
    #[inline(always)]
    pub unsafe fn pop(list: *mut Self) -> Option<NonNull<u8>> {
        // SAFETY: reading is what the caller's promise allows in both cases; the rest happens to a
        // list with a slot, which is no EMPTY one. Slots on the list are free and linked by `push`
        // or by the batch they came in.
        unsafe {
            let slot = NonNull::new((*list).head)?;
            (*list).head = (*slot.as_ptr()).next;
            (*list).room += 1;
            Some(slot.cast())
        }
    }

    /// A hit: puts `slot` in front, if there is room. Writes nothing if there is none.
    ///
    /// # Safety
    ///
    /// As for `pop`; `slot` is a slot of this list's class, and the caller gives it away if this
    /// returns `true`.
    #[inline(always)]
    pub unsafe fn push(list: *mut Self, slot: NonNull<u8>) -> bool {
        // SAFETY: as in `pop`: a list with room is no EMPTY one. The slot is ours from here on, and
        // has room for a link (`heap/slot.rs`).
        unsafe {
            let Some(room) = (*list).room.checked_sub(1) else { return false };
            (*list).room = room;
            let slot = slot.as_ptr().cast::<Slot>();
            (*slot).next = (*list).head;
            (*list).head = slot;
        }
        true
    }

    /// Slots on both lists.
    pub fn slots(&self) -> usize {
        (u32::from(self.bound) - self.room) as usize + self.spare_slots as usize
    }

    /// A miss of `pop`: takes the spare list into use. `false` if there is none.
    pub fn use_spare(&mut self) -> bool {
        if self.spare.is_null() {
            return false;
        }
        debug_assert!(self.head.is_null());
        self.head = replace(&mut self.spare, null_mut());
        self.bound = replace(&mut self.spare_slots, 0);
        self.room = 0;
        true
    }

    /// A miss: the bound grows. Returns the slots to ask for.
    pub fn grow(&mut self, info: &ClassInfo) -> usize {
        let twice = self.batch.saturating_mul(2).max(FIRST_BATCH_SLOTS);
        self.batch = twice.min(info.batch_slots);
        self.batch as usize
    }

    /// Takes a batch into use, on an empty list.
    pub fn accept(&mut self, batch: Batch) {
        debug_assert!(self.head.is_null() && batch.len() <= u16::MAX as usize);
        let (head, slots) = batch.into_raw();
        self.head = head;
        self.bound = self.batch.max(slots as u16);
        self.room = u32::from(self.bound) - slots as u32;
    }

    /// A miss of `push`: makes room. Returns the batch that has to leave.
    pub fn make_room(&mut self, info: &ClassInfo) -> Batch {
        let leaves = self.take_spare();
        if !self.head.is_null() {
            self.spare = replace(&mut self.head, null_mut());
            self.spare_slots = (u32::from(self.bound) - self.room) as u16;
        }
        if !leaves.is_empty() || self.batch == 0 {
            self.grow(info);
        }
        self.bound = self.batch;
        self.room = u32::from(self.bound);
        leaves
    }

    fn take_spare(&mut self) -> Batch {
        let head = replace(&mut self.spare, null_mut());
        let slots = replace(&mut self.spare_slots, 0);
        // SAFETY: the spare list is a chain of `spare_slots` slots, and nobody else's.
        unsafe { Batch::from_raw(head, slots as usize) }
    }

    fn take_head(&mut self) -> Batch {
        let head = replace(&mut self.head, null_mut());
        let slots = u32::from(self.bound) - self.room;
        self.room = u32::from(self.bound);
        // SAFETY: the list is a chain of `bound - room` slots, and nobody else's.
        unsafe { Batch::from_raw(head, slots as usize) }
    }

    /// Takes everything: both lists.
    pub fn take_all(&mut self) -> [Batch; 2] {
        [self.take_spare(), self.take_head()]
    }

    /// Looks whether the class was used since the last sweep. If not: returns its spare list, at
    /// the second time the other one too, and halves its bound.
    pub fn sweep(&mut self) -> [Batch; 2] {
        if self.room != replace(&mut self.seen_room, self.room) {
            self.idle_sweeps = 0;
            return [Batch::EMPTY, Batch::EMPTY];
        }
        self.idle_sweeps = self.idle_sweeps.saturating_add(1);
        self.batch = (self.batch / 2).max(FIRST_BATCH_SLOTS.min(self.batch));
        let head = if self.idle_sweeps > 1 { self.take_head() } else { Batch::EMPTY };
        self.seen_room = self.room;
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
        let Some(slots) = u32::from(self.bound).checked_sub(self.room) else { return false };
        length(self.head, slots as usize) == slots as usize
            && length(self.spare, self.spare_slots as usize) == self.spare_slots as usize
    }
}
