//! What lies between two threads: a bounded ring, with one that puts in and one that takes out.
//!
//! Above: `threads`. Below: alloc-core's atomics.
//!
//! | field | written by | read by |
//! |---|---|---|
//! | a place | who puts, while it is empty; who takes, while it is full | the same |
//! | `put` | who puts, after the place | who takes |
//! | `taken` | who takes, after the place | who puts |
//!
//! R1: places from `taken` up to `put` are full, by number modulo their count; the others are empty.

use alloc_core::sync::{AtomicU64, Ordering, wait_a_moment};
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;

/// How many there are.
pub(super) const PLACES: usize = 256;

/// On cache lines of its own.
#[repr(align(128))]
struct Apart(AtomicU64);

struct Ring<T> {
    places: [UnsafeCell<MaybeUninit<T>>; PLACES],
    put: Apart,
    taken: Apart,
}

// SAFETY: each place belongs to one of the two ends at a time (R1); what goes through may go to another thread.
unsafe impl<T: Send> Sync for Ring<T> {}

/// The end that puts in.
pub(super) struct Putter<'r, T> {
    ring: &'r Ring<T>,
    put: u64,
    /// At least so many were taken.
    seen: u64,
}

/// The end that takes out.
pub(super) struct Taker<'r, T> {
    ring: &'r Ring<T>,
    taken: u64,
    /// At least so many were put.
    seen: u64,
}

/// Lends a ring's two ends. What is still in it when they are gone is forgotten.
pub(super) fn with_ring<T, R>(run: impl FnOnce(Putter<'_, T>, Taker<'_, T>) -> R) -> R {
    let ring = Ring {
        places: [const { UnsafeCell::new(MaybeUninit::uninit()) }; PLACES],
        put: Apart(AtomicU64::new(0)),
        taken: Apart(AtomicU64::new(0)),
    };
    run(Putter { ring: &ring, put: 0, seen: 0 }, Taker { ring: &ring, taken: 0, seen: 0 })
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let mut round = 0;
    while !is_so() {
        wait_a_moment(round);
        round += 1;
    }
}

impl<T> Putter<'_, T> {
    #[inline]
    pub fn put(&mut self, value: T) {
        if self.put - self.seen == PLACES as u64 {
            wait_until(|| {
                // ORDERING: Acquire meets the Release of `take`: the place is empty.
                self.seen = self.ring.taken.0.load(Ordering::Acquire);
                self.put - self.seen < PLACES as u64
            });
        }
        let place = &self.ring.places[self.put as usize % PLACES];
        // SAFETY: it is empty (R1), and nobody else puts.
        unsafe { (*place.get()).write(value) };
        self.put += 1;
        // ORDERING: Release gives the value to the Acquire of `take`.
        self.ring.put.0.store(self.put, Ordering::Release);
    }
}

impl<T> Taker<'_, T> {
    #[inline]
    pub fn take(&mut self) -> T {
        if self.taken == self.seen {
            wait_until(|| {
                // ORDERING: Acquire meets the Release of `put`.
                self.seen = self.ring.put.0.load(Ordering::Acquire);
                self.taken < self.seen
            });
        }
        let place = &self.ring.places[self.taken as usize % PLACES];
        // SAFETY: it is full (R1), and nobody else takes.
        let value = unsafe { (*place.get()).assume_init_read() };
        self.taken += 1;
        // ORDERING: Release gives the place to the Acquire of `Putter::put`.
        self.ring.taken.0.store(self.taken, Ordering::Release);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_comes_out_in_order() {
        with_ring(|mut putter, mut taker| {
            std::thread::scope(|scope| {
                scope.spawn(move || (0..10_000).for_each(|n| putter.put(Box::new(n))));
                (0..10_000).for_each(|n| assert_eq!(*taker.take(), n));
            });
        });
    }
}
