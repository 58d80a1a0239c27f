//! A bag: a thread's free slots of one class, of which the ones freed last are in quarantine.
//!
//! Above: hits (`hit.rs`). Below: nothing: addresses stand in the bag, and nothing is written into slots, whose own memory
//! stays zero.
//!
//! ```text
//!                ready: any of them may be next        resting: so many frees long
//!              ╭──────────────────────────────────╮╭──────────────────────────────╮
//!   allocate ◀─ head                                                         tail ◀─ free
//! ```
//!
//! A freed address is not handed out before as many more slots of its class have been freed as may rest; then it is one of
//! those that are ready, of which a random one comes next. Both are bounded by slots and by bytes, so that what a
//! thread cycles through stays in the caches of its core.
//! Not here: where slots come from when none is ready, and go when there are too many (`miss.rs`).

use super::parts::Parts;
use super::wipe::Places;
use core::ptr::{NonNull, null_mut};

/// The most slots in a bag: a power of two.
const MAX_SLOTS: usize = 64;

/// How many slots of a class may be in a bag: a power of two. A quarter of them rest.
const fn slots(slot_bytes: usize) -> usize {
    match slot_bytes {
        0..=128 => MAX_SLOTS,
        129..=512 => 32,
        513..=4096 => 16,
        4097..=32_768 => 8,
        _ => 4,
    }
}

/// Of so many long slots one is looked at as a whole.
const LOOK_ONE_IN: u32 = 8;

/// How many slots the first refill of a class asks for.
const FIRST_SLOTS: u32 = 4;

/// A bag.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Bag {
    /// Counts of slots that left at the head, and that came at the tail; they wrap round.
    head: u32,
    tail: u32,
    /// How many rest, and how many may.
    resting: u32,
    most_resting: u32,
    mask: u32,
    pub slot_bytes: u32,
    /// What the next refill asks for.
    batch: u32,
    random: u32,
    /// Where a short slot is wiped, and looked at.
    pub places: Places,
    slots: [*mut u8; MAX_SLOTS],
}

impl Bag {
    /// Makes a zeroed bag one of a class.
    pub(super) fn begin(&mut self, slot_bytes: usize, random: u32, parts: Parts) {
        let slots = slots(slot_bytes) as u32;
        self.most_resting = if parts.rest { slots / 4 } else { 0 };
        self.mask = slots - 1;
        self.slot_bytes = slot_bytes as u32;
        self.batch = FIRST_SLOTS;
        self.random = random;
        self.places = Places::of(slot_bytes);
    }

    /// Whether a long slot is looked at in the middle, too: one in eight is, and nobody knows which.
    #[inline]
    pub(super) fn draws_look(&mut self) -> bool {
        self.below(LOOK_ONE_IN) == 0
    }

    /// A number below `bound` (0 if that is 0), by a linear congruential generator, whose upper bits count.
    #[inline(always)]
    fn below(&mut self, bound: u32) -> u32 {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(self.random) * u64::from(bound)) >> 32) as u32
    }

    #[inline(always)]
    fn at(&mut self, count: u32) -> &mut *mut u8 {
        // SAFETY: the mask is below `MAX_SLOTS` (`begin`; 0 in a bag of no class).
        unsafe { self.slots.get_unchecked_mut((count & self.mask) as usize) }
    }

    /// How many slots are ready; none if this is not above 0.
    #[inline(always)]
    fn ready(&self) -> i32 {
        self.tail.wrapping_sub(self.head).wrapping_sub(self.resting).cast_signed()
    }

    /// Takes a slot that is ready.
    #[inline(always)]
    pub(super) fn take(&mut self, parts: Parts) -> Option<NonNull<u8>> {
        let ready = self.ready();
        if ready <= 0 {
            return None;
        }
        if !parts.rest && !parts.shuffle {
            self.tail = self.tail.wrapping_sub(1);
            let last = self.tail;
            return NonNull::new(*self.at(last));
        }
        let head = self.head;
        let slot = *self.at(head);
        let next = head.wrapping_add(1);
        self.head = next;
        if parts.shuffle {
            // Any of those that are left comes next, and will be asked for soon. (If none is, nothing changes.)
            let other = next.wrapping_add(self.below(ready as u32 - 1));
            let (first, chosen) = (*self.at(next), *self.at(other));
            *self.at(other) = first;
            *self.at(next) = chosen;
            soon(chosen);
        }
        // SAFETY: between head and tail stand slots (`put`, `fill`).
        Some(unsafe { NonNull::new_unchecked(slot) })
    }

    /// Puts a freed slot to rest; `false`, and nothing happens, if the bag is full.
    #[inline(always)]
    pub(super) fn put(&mut self, slot: NonNull<u8>) -> bool {
        let tail = self.tail;
        if tail.wrapping_sub(self.head) > self.mask {
            return false;
        }
        *self.at(tail) = slot.as_ptr();
        self.tail = tail.wrapping_add(1);
        self.resting += u32::from(self.resting < self.most_resting);
        true
    }

    /// What a refill asks for; the next one asks for more.
    pub(super) fn wanted(&mut self) -> u32 {
        let wanted = self.batch;
        self.batch = (wanted * 2).min(self.mask.div_ceil(2));
        let room = self.mask + 1 - self.tail.wrapping_sub(self.head);
        wanted.min(room)
    }

    /// Adds a slot that is ready, at a random place if the order is to be random.
    ///
    /// # Safety
    ///
    /// There is room: `wanted` said for how many.
    pub(super) unsafe fn fill(&mut self, slot: NonNull<u8>, parts: Parts) {
        debug_assert!(self.tail.wrapping_sub(self.head) <= self.mask);
        let head = self.head.wrapping_sub(1);
        self.head = head;
        *self.at(head) = slot.as_ptr();
        if !parts.shuffle {
            return;
        }
        let ready = self.ready().max(0).cast_unsigned();
        let other = head.wrapping_add(self.below(ready));
        let (first, chosen) = (*self.at(head), *self.at(other));
        *self.at(other) = first;
        *self.at(head) = chosen;
    }

    /// How many slots a full bag gives away.
    pub(super) fn excess(&self) -> u32 {
        (self.ready().max(0).cast_unsigned() / 2).max(1)
    }

    /// Takes a slot, ready or not.
    pub(super) fn take_any(&mut self) -> Option<NonNull<u8>> {
        if self.head == self.tail {
            return None;
        }
        let head = self.head;
        self.head = head.wrapping_add(1);
        self.resting = self.resting.min(self.tail.wrapping_sub(self.head));
        NonNull::new(core::mem::replace(self.at(head), null_mut()))
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
    use super::{Bag, MAX_SLOTS, Parts};
    use core::ptr::NonNull;
    use std::collections::HashSet;

    fn bag(slot_bytes: usize, parts: Parts) -> Box<Bag> {
        // SAFETY: numbers and pointers, for which zero is a value.
        let mut bag: Box<Bag> = unsafe { Box::new(core::mem::zeroed()) };
        bag.begin(slot_bytes, 42, parts);
        bag
    }

    fn slot(number: usize) -> NonNull<u8> {
        NonNull::new(core::ptr::without_provenance_mut((number + 1) * 16)).unwrap()
    }

    #[test]
    fn a_freed_slot_rests_for_a_quarter_of_the_bag() {
        let sizes = [(16, MAX_SLOTS), (200, 32), (1 << 10, 16), (64 << 10, 4)];
        let alone = Parts { rest: true, ..Parts::NONE };
        for (slot_bytes, slots, parts) in
            [Parts::ALL, alone].into_iter().flat_map(|parts| sizes.map(|(b, n)| (b, n, parts)))
        {
            let mut bag = bag(slot_bytes, parts);
            let mut frees = Vec::new();
            let mut fresh = 0;
            for round in 0..5000 {
                let next = bag.take(parts).unwrap_or_else(|| {
                    fresh += 1;
                    slot(fresh)
                });
                let since = frees.iter().rev().position(|freed| *freed == next);
                assert!(since.is_none_or(|since| since >= slots / 4), "{since:?} in {round}");
                frees.push(next);
                assert!(bag.put(next));
            }
            assert!(fresh <= slots / 4 + 1, "{fresh}");
        }
    }

    #[test]
    fn a_full_bag_takes_no_more_and_loses_nothing() {
        let mut bag = bag(1 << 10, Parts::ALL);
        for number in 0..16 {
            assert!(bag.put(slot(number)));
        }
        assert!(!bag.put(slot(16)));
        assert_eq!(bag.excess(), 6);
        let mut all: HashSet<_> = (0..6).map(|_| bag.take(Parts::ALL).unwrap()).collect();
        assert!(bag.put(slot(16)));
        all.extend(std::iter::from_fn(|| bag.take_any()));
        assert_eq!(all, (0..17).map(slot).collect());
    }

    #[test]
    fn without_rest_and_shuffle_the_last_is_next() {
        let mut bag = bag(16, Parts::NONE);
        for number in 0..3 {
            assert!(bag.put(slot(number)));
        }
        // SAFETY: there is room.
        unsafe { bag.fill(slot(3), Parts::NONE) };
        let order: Vec<_> = std::iter::from_fn(|| bag.take(Parts::NONE)).collect();
        assert_eq!(order, [2, 1, 0, 3].map(slot));
    }

    #[test]
    fn slots_come_in_another_order_each_once() {
        let mut bag = bag(16, Parts::ALL);
        let mut orders = HashSet::new();
        for filled in [false, true].repeat(20) {
            for number in 0..if filled { 32 } else { MAX_SLOTS } {
                match filled {
                    // SAFETY: there is room for all of them.
                    true => unsafe { bag.fill(slot(number), Parts::ALL) },
                    false => assert!(bag.put(slot(number))),
                }
            }
            let order: Vec<_> = std::iter::from_fn(|| bag.take(Parts::ALL)).collect();
            assert_eq!(order.len(), if filled { 32 } else { MAX_SLOTS * 3 / 4 });
            assert_eq!(order.iter().collect::<HashSet<_>>().len(), order.len());
            assert!(orders.insert(order), "an order came twice");
            while bag.take_any().is_some() {}
        }
    }
}
