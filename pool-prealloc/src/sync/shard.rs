//! A shard: the thread cache of one thread for one pool.
//!
//! Above: hits (`shared.rs`), and a gathering (`gather.rs`), which own the lists by R1 to R3. Below: nothing.
//!
//! Two lists of free slots. In LIFO order both allocation and free work on top of the first. In FIFO order,
//! allocations take from the first, oldest on top, and frees go to the second, newest on top.

use alloc_core::sync::{AtomicBool, AtomicUsize, Ordering, UnsafeCell, light_fence};

/// The most slots in a list. Loom's models would take forever with more than a few.
pub(super) const SLOTS: usize = if cfg!(all(loom, feature = "loom")) { 4 } else { 124 };

type Slots = [u32; SLOTS];

#[repr(C, align(128))]
pub(super) struct Shard {
    /// Whether its thread is using it (R1).
    busy: AtomicBool,
    /// How many slots are on each list. Written by the owner of the lists; figures read them at any time.
    lens: [AtomicUsize; 2],
    lists: [UnsafeCell<Slots>; 2],
}

// An index is a shift.
#[cfg(all(target_pointer_width = "64", not(all(loom, feature = "loom")), not(strata_lines)))]
const _: () = assert!(size_of::<Shard>() == 1024);

// SAFETY: slots are the pool's, and who touches the lists owns them (R1 to R3).
unsafe impl Send for Shard {}
// SAFETY: the same.
unsafe impl Sync for Shard {}

impl Shard {
    pub fn new() -> Self {
        Self {
            busy: AtomicBool::new(false),
            lens: [AtomicUsize::new(0), AtomicUsize::new(0)],
            lists: core::array::from_fn(|_| UnsafeCell::new([0; SLOTS])),
        }
    }

    /// R1, first half. What the caller reads next, it reads after this.
    #[inline(always)]
    pub fn begin(&self) {
        // ORDERING: Relaxed, ordered before the load of the mode by the fence (R2 is its partner).
        self.busy.store(true, Ordering::Relaxed);
        light_fence();
    }

    /// R1, second half.
    #[inline(always)]
    pub fn end(&self) {
        // ORDERING: Release gives the lists to who reads `busy` in `is_busy`.
        self.busy.store(false, Ordering::Release);
    }

    pub fn is_busy(&self) -> bool {
        // ORDERING: Acquire, for the Release of `end`.
        self.busy.load(Ordering::Acquire)
    }

    #[inline(always)]
    pub fn len(&self, list: usize) -> usize {
        // ORDERING: Relaxed: the owner of the lists has it from itself, or by `begin` and `is_busy`.
        self.lens[list & 1].load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn set_len(&self, list: usize, len: usize) {
        // ORDERING: Relaxed: as in `len`.
        self.lens[list & 1].store(len, Ordering::Relaxed);
    }

    /// Takes the slot on top.
    ///
    /// # Safety
    ///
    /// The caller owns the lists.
    #[inline(always)]
    pub unsafe fn pop(&self, list: usize) -> Option<u32> {
        let top = self.len(list).checked_sub(1)?;
        self.set_len(list, top);
        // SAFETY: the lists are the caller's; a length is at most `SLOTS`.
        Some(self.lists[list & 1].with(|slots| unsafe { *(*slots).get_unchecked(top) }))
    }

    /// Puts a slot on top, if there are fewer than `bound`.
    ///
    /// # Safety
    ///
    /// The caller owns the lists and the slot, and gives it away if this is `true`. `bound` is at most `SLOTS`.
    #[inline(always)]
    pub unsafe fn push(&self, list: usize, slot: u32, bound: usize) -> bool {
        let len = self.len(list);
        if len >= bound {
            return false;
        }
        // SAFETY: the lists are the caller's, and `len < bound <= SLOTS`.
        self.lists[list & 1].with_mut(|slots| unsafe { *(*slots).get_unchecked_mut(len) = slot });
        self.set_len(list, len + 1);
        true
    }

    /// Fills a list that is empty; the first slot comes to be on top.
    ///
    /// # Safety
    ///
    /// The caller owns the lists and the slots, which it gives away.
    pub unsafe fn fill(&self, list: usize, batch: &[u32]) {
        debug_assert_eq!(self.len(list), 0);
        // SAFETY: the lists are the caller's.
        self.lists[list & 1].with_mut(|slots| unsafe {
            let slots = &mut *slots;
            slots[..batch.len()].copy_from_slice(batch);
            slots[..batch.len()].reverse();
        });
        self.set_len(list, batch.len());
    }

    /// Takes slots from below, as many as there are and fit, the oldest first. Returns how many.
    ///
    /// # Safety
    ///
    /// The caller owns the lists, and the slots after this.
    pub unsafe fn take_oldest(&self, list: usize, batch: &mut [u32]) -> usize {
        let len = self.len(list);
        let count = batch.len().min(len);
        // SAFETY: the lists are the caller's.
        self.lists[list & 1].with_mut(|slots| unsafe {
            let slots = &mut *slots;
            batch[..count].copy_from_slice(&slots[..count]);
            slots.copy_within(count..len, 0);
        });
        self.set_len(list, len - count);
        count
    }
}
