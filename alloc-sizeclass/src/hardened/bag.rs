//! A thread's free slots: a bag for each class, and the quarantine that freed slots pass through before they come there.
//!
//! Above: hits (`hit.rs`). Below: nothing: addresses stand in bags and rings, and nothing is written into slots, whose own
//! memory stays zero.
//!
//! ```text
//!   free ──▶ ring: so many later frees long ──▶ the class's bag, at a random place ──▶ allocate, from the end
//! ```
//!
//! A ring is shared by classes of similar sizes: a freed address does not come back before as many objects of them have
//! been freed as the ring has places. Rings and bags are bounded by slots and by bytes, so that what a thread cycles
//! through stays in the caches of its core.
//! Not here: where slots come from when there is none, and go when there are too many (`miss.rs`).

use super::wipe::Places;
use core::ptr::NonNull;

/// The most slots in a bag.
pub(super) const MAX_SLOTS: usize = 32;

/// How many slots a class may have in its bag.
const fn bag_slots(slot_bytes: usize) -> usize {
    match slot_bytes {
        0..=128 => MAX_SLOTS,
        129..=256 => 16,
        257..=1024 => 8,
        1025..=32_768 => 4,
        _ => 2,
    }
}

/// The places of a ring: a power of two.
const RING_SLOTS: usize = 64;

/// Rings by size: which one a class uses, and how many of its places are used.
pub(super) const RINGS: [usize; 4] = [RING_SLOTS, 16, 8, 2];

const fn ring_of(slot_bytes: usize) -> usize {
    match slot_bytes {
        0..=512 => 0,
        513..=4096 => 1,
        4097..=32_768 => 2,
        _ => 3,
    }
}

/// How many slots the first refill of a class asks for.
const FIRST_SLOTS: usize = 4;

/// A bag. What a hit touches of it stands in front.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Bag {
    /// Free slots.
    count: u32,
    /// Room for them; 0 in a bag of no class.
    room: u32,
    /// The class's ring.
    pub ring: u32,
    pub slot_bytes: u32,
    /// What the next refill asks for.
    pub batch: u32,
    random: u32,
    /// Where a short slot is wiped, and looked at.
    pub places: Places,
    /// The first one is none.
    free: [*mut u8; MAX_SLOTS + 1],
}

/// A quarantine.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Ring {
    turn: usize,
    mask: usize,
    /// Addresses of slots, and in the bits above them their classes; 0 in a free place.
    slots: [usize; RING_SLOTS],
}

/// Where the class stands beside an address: no user's address on a 64-bit system is longer, and shorter ones have no
/// rings.
const CLASS_SHIFT: u32 = usize::BITS - 8;

impl Ring {
    /// Makes a zeroed ring one of so many places.
    pub(super) fn begin(&mut self, places: usize) {
        debug_assert!(places.is_power_of_two() && places <= RING_SLOTS);
        self.mask = places - 1;
    }

    /// Puts a freed slot in; the one that has been there longest comes out, if all places are taken, with its class.
    #[inline(always)]
    pub(super) fn pass(&mut self, slot: NonNull<u8>, class: usize) -> Option<(NonNull<u8>, usize)> {
        let at = self.turn & self.mask;
        self.turn = self.turn.wrapping_add(1);
        let word = slot.expose_provenance().get() | class << CLASS_SHIFT;
        // SAFETY: the mask is below `RING_SLOTS`.
        let out = core::mem::replace(unsafe { self.slots.get_unchecked_mut(at) }, word);
        Self::slot(out)
    }

    #[inline(always)]
    fn slot(word: usize) -> Option<(NonNull<u8>, usize)> {
        let address = word & ((1 << CLASS_SHIFT) - 1);
        let slot = NonNull::new(core::ptr::with_exposed_provenance_mut(address))?;
        Some((slot, word >> CLASS_SHIFT))
    }

    /// Takes a slot out, whichever.
    pub(super) fn take_any(&mut self) -> Option<(NonNull<u8>, usize)> {
        let place = self.slots.iter_mut().find(|word| **word != 0)?;
        Self::slot(core::mem::take(place))
    }
}

impl Bag {
    /// Makes a zeroed bag one of a class.
    pub(super) fn begin(&mut self, slot_bytes: usize, random: u32) {
        self.places = Places::of(slot_bytes);
        self.room = bag_slots(slot_bytes) as u32;
        self.ring = ring_of(slot_bytes) as u32;
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
    use super::{Bag, MAX_SLOTS, RINGS, Ring};
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
        for places in RINGS {
            // SAFETY: numbers, for which zero is a value.
            let mut ring: Box<Ring> = unsafe { Box::new(core::mem::zeroed()) };
            ring.begin(places);
            for number in 0..1000 {
                let out = ring.pass(slot(number), number % 90);
                let expected = number.checked_sub(places).map(|old| (slot(old), old % 90));
                assert_eq!(out, expected, "of {places}");
            }
            let rest: HashSet<_> = std::iter::from_fn(|| ring.take_any()).collect();
            assert_eq!(rest.len(), places);
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
}
