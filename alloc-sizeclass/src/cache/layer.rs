//! The cache as a layer, as something to look up in, and as a heap under another cache.
//!
//! Above: whoever holds the stack. Below: the heap.

use super::{Key, ThreadCache};
use crate::heap::{Batch, BatchHeap, Lookup};
use crate::table::{Class, ClassTable};
use alloc_core::{AllocError, Broken, Layer, Layout, Report};
use core::ops::Range;
use core::ptr::NonNull;

const CACHE: &str = "ThreadCache";

// SAFETY: L1 and L2: sizes are the heap's, which serves every layout of a class from that class
// (`BatchHeap`). L3: `allocate_uncommon`. L4: the heap's. L5: no method panics, but for the sink of
// `report`.
unsafe impl<H: BatchHeap, K: Key<H>> Layer for ThreadCache<H, K> {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        self.below().owns(ptr)
    }

    fn usable_size(&self, layout: Layout) -> usize {
        self.below().usable_size(layout)
    }

    fn range(&self) -> Option<Range<usize>> {
        self.below().range()
    }

    fn reclaim(&self, goal_bytes: usize) -> usize {
        // For what is due by age below, nobody's cache is emptied.
        if goal_bytes > 0 {
            self.home.flush_threads(K::local(&self.home));
        }
        self.below().reclaim(goal_bytes)
    }

    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.below().discard(ptr, bytes) }
    }

    fn report(&self, report: &mut Report<'_>) {
        let figures = self.figures();
        report.layer(CACHE, |report| {
            report.count("threads", figures.threads as u64);
            report.count("refills", figures.refills);
            report.count("flushes", figures.flushes);
            report.bytes("cached (this thread)", figures.cached_bytes);
            report.count("caches lost to forks", figures.lost_caches);
            self.below().report(report);
        });
    }

    fn verify(&self) -> Result<(), Broken> {
        self.verify_own()?;
        self.below().verify()
    }

    fn freeze(&self) {
        K::freeze(&self.home);
        self.home.freeze();
    }

    unsafe fn thaw(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            self.home.thaw(K::local(&self.home));
            K::thaw(&self.home);
        }
    }
}

impl<H: BatchHeap, K: Key<H>> ThreadCache<H, K> {
    /// The calling thread's lists: counts agree with chains. Other threads' lists are theirs.
    fn verify_own(&self) -> Result<(), Broken> {
        // SAFETY: the key's contract.
        let local = unsafe { &*K::local(&self.home) };
        let Some(record) = NonNull::new(local.record.get()) else { return Ok(()) };
        // SAFETY: the calling thread's record.
        let record = unsafe { record.as_ref() };
        let _gate = record.gate.lock();
        H::Table::classes().try_for_each(|class| {
            // SAFETY: R2: it is this thread's record, and the gate is held.
            let sound = unsafe { record.lists.with(class, |list| list.is_sound()) };
            Broken::unless(sound, CACHE, "a list's counts agree with its chains", class.index())
        })
    }
}

// SAFETY: the heap's answers; slots on lists are not live allocations.
unsafe impl<H: BatchHeap + Lookup, K: Key<H>> Lookup for ThreadCache<H, K> {
    fn layout_at(&self, ptr: NonNull<u8>) -> Option<Layout> {
        self.below().layout_at(ptr)
    }

    #[inline(always)]
    unsafe fn deallocate_at(&self, ptr: NonNull<u8>) -> bool {
        // SAFETY: the caller's promise; the heap knows the class of the slot, if there is one.
        unsafe { self.deallocate_cached_at(ptr.as_ptr()) || self.deallocate_at_missed(ptr) }
    }
}

impl<H: BatchHeap + Lookup, K: Key<H>> ThreadCache<H, K> {
    /// [`deallocate_cached`](Self::deallocate_cached) by address alone: a hit if a flat table knows
    /// the address, and the list of its class has room. Otherwise `false`, and nothing has
    /// happened: [`deallocate_at`](Lookup::deallocate_at) knows what to do.
    ///
    /// # Safety
    ///
    /// As for `deallocate_at`; or `ptr` is null.
    #[inline(always)]
    #[must_use]
    pub unsafe fn deallocate_cached_at(&self, ptr: *mut u8) -> bool {
        let Some(index) = self.below().start_in_table(ptr.addr()) else { return false };
        // SAFETY: R1; a slot of the class starts there, which is the caller's, who gives it away if the list has room.
        self.hit(|lists| unsafe { lists.push(index, ptr) })
    }

    /// # Safety
    ///
    /// As for `deallocate_at`.
    #[cold]
    #[inline(never)]
    unsafe fn deallocate_at_missed(&self, ptr: NonNull<u8>) -> bool {
        match self.below().class_at(ptr) {
            Some(class) => {
                // SAFETY: the caller's promise; the heap knows the class of the slot.
                unsafe { self.deallocate_class(ptr, class) };
                true
            }
            // SAFETY: the caller's promise.
            None => unsafe { self.below().deallocate_at(ptr) },
        }
    }
}

// SAFETY: batches and single slots both come from the heap below, which keeps the contract.
unsafe impl<H: BatchHeap, K: Key<H>> BatchHeap for ThreadCache<H, K> {
    type Table = H::Table;

    fn refill(&self, class: Class, want: usize) -> Result<Batch, AllocError> {
        self.below().refill(class, want)
    }

    unsafe fn flush(&self, class: Class, batch: Batch) {
        // SAFETY: the caller's promise.
        unsafe { self.below().flush(class, batch) };
    }

    fn class_at(&self, ptr: NonNull<u8>) -> Option<Class> {
        self.below().class_at(ptr)
    }

    #[inline(always)]
    fn start_in_table(&self, address: usize) -> Option<usize> {
        self.below().start_in_table(address)
    }
}
