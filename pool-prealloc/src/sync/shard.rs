//! A shard: the thread cache of one thread for one pool.
//!
//! Above: hits (`shared.rs`), and a gathering (`gather.rs`), which own the lists by R1 to R3. Below: nothing.
//!
//! Two lists of free slots. In LIFO order both allocation and free work on top of the first. In FIFO order,
//! allocations take from the first, oldest on top, and frees go to the second, newest on top.

use alloc_core::sync::{AtomicBool, AtomicUsize, Ordering, UnsafeCell, light_fence};
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// The most slots in a list. Loom's models would take forever with more than a few.
pub(super) const SLOTS: usize = if cfg!(all(loom, feature = "loom")) { 4 } else { 60 };

type Slots = [MaybeUninit<NonNull<u8>>; SLOTS];

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
            lists: core::array::from_fn(|_| UnsafeCell::new([MaybeUninit::uninit(); SLOTS])),
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
    pub unsafe fn pop(&self, list: usize) -> Option<NonNull<u8>> {
        let top = self.len(list).checked_sub(1)?;
        self.set_len(list, top);
        // SAFETY: the lists are the caller's; below the length, which is at most `SLOTS`, slots were written.
        Some(
            self.lists[list & 1]
                .with(|slots| unsafe { (&*slots).get_unchecked(top).assume_init() }),
        )
    }

    /// Puts a slot on top, if there are fewer than `bound`.
    ///
    /// # Safety
    ///
    /// The caller owns the lists and the slot, and gives it away if this is `true`. `bound` is at most `SLOTS`.
    #[inline(always)]
    pub unsafe fn push(&self, list: usize, slot: NonNull<u8>, bound: usize) -> bool {
        let len = self.len(list);
        if len >= bound {
            return false;
        }
        // SAFETY: the lists are the caller's, and `len < bound <= SLOTS`.
        self.lists[list & 1].with_mut(|slots| unsafe {
            (&mut *slots).get_unchecked_mut(len).write(slot);
        });
        self.set_len(list, len + 1);
        true
    }

    /// Takes up to `most` slots from below, the oldest first.
    ///
    /// # Safety
    ///
    /// The caller owns the lists, and the slots after this.
    pub unsafe fn take_oldest(&self, list: usize, most: usize, mut to: impl FnMut(NonNull<u8>)) {
        let len = self.len(list);
        let count = most.min(len);
        // SAFETY: the lists are the caller's.
        self.lists[list & 1].with_mut(|slots| unsafe {
            let slots = &mut *slots;
            for slot in &slots[..count] {
                to(slot.assume_init()); // below the length
            }
            slots.copy_within(count..len, 0);
        });
        self.set_len(list, len - count);
    }
}
