//! The transfer cache: where whole batches of a class wait between threads.
//!
//! Above: refill takes from here first, flush puts here first, so that slots freed by one thread
//! reach another in one step, without a walk over their spans. Below: when it is full or empty, the
//! class's spans.
//!
//! Rules (places are independent; each is empty (null) or holds one batch):
//! * R1: whoever changes a place from null to a batch gave that batch away before.
//! * R2: whoever swaps a batch for null owns it, alone, and sees all that its giver wrote.
//!
//! There is no ABA: a swap takes whatever the place holds, and compares nothing but null.

use super::slot::{Batch, Slot};
use alloc_core::sync::{AtomicPtr, Ordering, note_plain};
use core::ptr::null_mut;

const PLACES: usize = if cfg!(all(loom, feature = "loom")) { 1 } else { 8 };

pub(crate) struct TransferCache {
    places: [AtomicPtr<Slot>; PLACES],
}

impl TransferCache {
    #[cfg(not(all(loom, feature = "loom")))]
    pub const fn new() -> Self {
        Self { places: [const { AtomicPtr::new(null_mut()) }; PLACES] }
    }

    #[cfg(all(loom, feature = "loom"))]
    pub fn new() -> Self {
        Self { places: core::array::from_fn(|_| AtomicPtr::new(null_mut())) }
    }

    /// Leaves `batch` (not empty) here, or gives it back when every place is taken.
    pub fn put(&self, batch: Batch) -> Result<(), Batch> {
        let (head, slots) = batch.into_raw();
        note_plain(head, true);
        // SAFETY: the batch was the caller's and is not empty, so its first slot may be written.
        let is_noted = unsafe { (*head).set_count(slots) };
        for place in self.places.iter().filter(|_| is_noted) {
            // ORDERING: Relaxed: a guess, which the exchange checks.
            if !place.load(Ordering::Relaxed).is_null() {
                continue;
            }
            // ORDERING: Release gives the batch and what its slots hold to the Acquire in `take`
            // (R1, R2).
            let put =
                place.compare_exchange(null_mut(), head, Ordering::Release, Ordering::Relaxed);
            if put.is_ok() {
                return Ok(());
            }
        }
        // SAFETY: no place took the chain, so it is still the one that came in, and this thread's.
        unsafe {
            if is_noted {
                (*head).take_count();
            }
            Err(Batch::from_raw(head, slots))
        }
    }

    /// Takes a batch, if one waits.
    pub fn take(&self) -> Option<Batch> {
        for place in self.places.iter().rev() {
            // ORDERING: Relaxed: a guess, which the swap checks.
            if place.load(Ordering::Relaxed).is_null() {
                continue;
            }
            // ORDERING: Acquire meets the Release in `put` (R2).
            let head = place.swap(null_mut(), Ordering::Acquire);
            if !head.is_null() {
                note_plain(head, true);
                // SAFETY: the swap made the chain ours (R2), and `put` noted its count.
                return Some(unsafe { Batch::from_raw(head, (*head).take_count()) });
            }
        }
        None
    }
}
