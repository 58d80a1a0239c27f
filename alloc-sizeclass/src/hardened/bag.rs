//! A bag: a thread's slots of one class. Freed ones pass through a quarantine; which free one comes next, nobody can foresee.
//!
//! Above: hits (`hit.rs`). Below: nothing: addresses stand in the bag, and nothing is written into slots, whose own memory
//! stays zero.
//!
//! ```text
//!   free ──▶ ring: so many later frees of the class long ──▶ free slots, at a random place ──▶ allocate, from the end
//! ```
//!
//! The ring is the quarantine: a freed address does not come back before as many objects of its class have been freed as
//! the ring has places. Both parts are bounded by slots and by bytes, so that what a thread's classes cycle through
//! stays in the second-level cache.
//! Not here: where slots come from when there is none, and go when there are too many (`miss.rs`).

use super::wipe::Places;
use core::ptr::{NonNull, null_mut};

/// The most slots in a ring, and free: powers of two.
pub(super) const MAX_SLOTS: usize = 32;

/// How many slots a class may have in a ring: a power of two.
const fn ring_slots(slot_bytes: usize) -> usize {
    match slot_bytes {
        0..=128 => MAX_SLOTS,
        129..=512 => 16,
        513..=4096 => 8,
        4097..=32_768 => 4,
        _ => 2,
    }
}

/// How many free slots a class may have.
const fn free_slots(slot_bytes: usize) -> usize {
    match slot_bytes {
        0..=512 => MAX_SLOTS,
        513..=1024 => 16,
        1025..=4096 => 8,
        4097..=32_768 => 4,
        _ => 2,
    }
}

/// How many slots the first refill of a class asks for.
const FIRST_SLOTS: usize = 4;

/// A bag. What a hit touches of it stands in front: a line, and a line of each row.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Bag {
    /// Free slots.
    count: u32,
    /// Room for them; 0 in a bag of no class.
    room: u32,
    /// Where the ring goes on.
    turn: u32,
    ring_mask: u32,
    pub slot_bytes: u32,
    /// What the next refill asks for.
    pub batch: u32,
    random: u32,
    /// Where a short slot is wiped, and looked at.
    pub places: Places,
    /// The first one is none.
    free: [*mut u8; MAX_SLOTS + 1],
    ring: [*mut u8; MAX_SLOTS],
}

impl Bag {
    /// Makes a zeroed bag one of a class.
    pub(super) fn begin(&mut self, slot_bytes: usize, random: u32) {
        self.places = Places::of(slot_bytes);
        self.room = free_slots(slot_bytes) as u32;
        self.ring_mask = ring_slots(slot_bytes) as u32 - 1;
        self.slot_bytes = slot_bytes as u32;
        self.batch = FIRST_SLOTS as u32;
        self.random = random;
    }

    /// A number below `bound`, by a linear congruential generator (its lower bits are poor, and matter least).
    #[inline(always)]
    fn below(&mut self, bound: u32) -> usize {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (u64::from(self.random) * u64::from(bound) >> 32) as usize
    }

    /// Takes a free slot.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Option<NonNull<u8>> {
        let count = self.count as usize;
        if count == 0 {
            return None;
        }
        self.count = count as u32 - 1;
        // SAFETY: `count` is at most `room`, so at most `MAX_SLOTS`; up to there stand slots (`put_free`).
        unsafe {
            // The next one will be asked for, too.
            soon(*self.free.get_unchecked(count - 1));
            Some(NonNull::new_unchecked(*self.free.get_unchecked(count)))
        }
    }

    /// Whether there is room for a free slot.
    #[inline(always)]
    pub(super) fn has_room(&self) -> bool {
        self.count < self.room
    }

    /// How many more free slots there is room for.
    pub(super) fn room(&self) -> usize {
        (self.room - self.count) as usize
    }

    /// Slots that are free.
    pub(super) fn count(&self) -> usize {
        self.count as usize
    }

    /// Puts a free slot at a random place.
    ///
    /// # Safety
    ///
    /// The bag has room.
    #[inline(always)]
    pub(super) unsafe fn put_free(&mut self, slot: NonNull<u8>) {
        debug_assert!(self.count < self.room);
        let count = self.count + 1;
        let at = self.below(count) + 1;
        // SAFETY: the caller's promise: `count` is at most `room`; `at` is at most `count`.
        unsafe {
            let moved = *self.free.get_unchecked(at);
            soon(moved);
            *self.free.get_unchecked_mut(count as usize) = moved;
            *self.free.get_unchecked_mut(at) = slot.as_ptr();
        }
        self.count = count;
    }

    /// Puts a freed slot into the quarantine; the one that has been there longest comes out, if all places are taken.
    #[inline(always)]
    pub(super) fn quarantine(&mut self, slot: NonNull<u8>) -> Option<NonNull<u8>> {
        let at = (self.turn & self.ring_mask) as usize;
        self.turn = self.turn.wrapping_add(1);
        // SAFETY: the mask is below `MAX_SLOTS`.
        let place = unsafe { self.ring.get_unchecked_mut(at) };
        NonNull::new(core::mem::replace(place, slot.as_ptr()))
    }

    /// Takes everything out, one by one.
    pub(super) fn take_any(&mut self) -> Option<NonNull<u8>> {
        self.take().or_else(|| {
            let place = self.ring.iter_mut().find(|slot| !slot.is_null())?;
            NonNull::new(core::mem::replace(place, null_mut()))
        })
    }
}

/// Has memory fetched that will be looked at and written to soon.
#[inline(always)]
fn soon(slot: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which reads nothing and never faults.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(slot.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = slot;
}

#[cfg(test)]
mod tests {
    use super::{Bag, MAX_SLOTS};
    use core::ptr::NonNull;
    use std::collections::HashSet;

    fn bag(slot_bytes: usize) -> Box<Bag> {
        // SAFETY: numbers and pointers, for which zero is a value.
        let mut bag: Box<Bag> = unsafe { Box::new(core::mem::zeroed()) };
        bag.begin(slot_bytes, 42);
        bag
    }

    fn slot(number: usize) -> NonNull<u8> {
        NonNull::without_provenance(core::num::NonZero::new((number + 1) * 16).unwrap())
    }

    #[test]
    fn a_freed_slot_stays_for_as_many_frees_as_the_ring_has_places() {
        for (slot_bytes, places) in [(16, MAX_SLOTS), (32 << 10, 4)] {
            let mut bag = bag(slot_bytes);
            for number in 0..1000 {
                let out = bag.quarantine(slot(number));
                assert_eq!(out, number.checked_sub(places).map(slot), "of {places}");
            }
        }
    }

    #[test]
    fn free_slots_come_in_another_order_each_once() {
        let mut bag = bag(16);
        let mut orders = HashSet::new();
        for _ in 0..20 {
            for number in 0..MAX_SLOTS {
                // SAFETY: there is room for all of them.
                unsafe { bag.put_free(slot(number)) };
            }
            assert!(!bag.has_room());
            let order: Vec<_> = std::iter::from_fn(|| bag.take()).collect();
            assert_eq!(order.iter().collect::<HashSet<_>>().len(), MAX_SLOTS);
            assert!(orders.insert(order), "an order came twice");
        }
    }

    #[test]
    fn everything_comes_out_in_the_end() {
        let mut bag = bag(1024);
        // SAFETY: there is room for it.
        unsafe { bag.put_free(slot(0)) };
        bag.quarantine(slot(1));
        bag.quarantine(slot(2));
        let all: HashSet<_> = std::iter::from_fn(|| bag.take_any()).collect();
        assert_eq!(all, HashSet::from([slot(0), slot(1), slot(2)]));
    }
}
