//! Giving back what threads have cached, idle ones included.
//!
//! Above: `Layer::reclaim`. Below: R3 of the protocol, for all records at once, so that one heavy
//! fence serves them all.

use super::local::{Local, Record};
use super::{Registry, Shared};
use crate::heap::BatchHeap;
use alloc_core::sync::{LockGuard, Ordering, heavy_fence};

impl<H: BatchHeap> Shared<H> {
    /// Flushes the lists of the calling thread, and of every other that is not in a hit.
    ///
    /// `own` is the calling thread's state, or any address when it has no record. Returns the bytes
    /// that went to the heap.
    pub(super) fn flush_threads(&self, own: *const Local) -> usize {
        let mut registry = self.registry.lock();
        registry.for_each(|_, record| {
            // SAFETY: records on the registry are live.
            let record = unsafe { &*record };
            record.gate.acquire();
            if record.local != own {
                // SAFETY: the state of a thread on the registry is live (R4).
                let local = unsafe { &*record.local };
                // ORDERING: Relaxed, ordered before the load of `busy` by the heavy fence.
                local.lists.store(self.empty(), Ordering::Relaxed);
            }
        });
        let fenced = heavy_fence();
        let mut flushed_bytes = 0;
        registry.for_each(|_, record| {
            flushed_bytes += self.flush_thread(record, own, fenced);
        });
        flushed_bytes
    }

    /// The second half of R3, for one record whose gate is held and whose lists are hidden.
    fn flush_thread(&self, record: *mut Record, own: *const Local, fenced: bool) -> usize {
        let lists = Self::lists_of(record);
        // SAFETY: records on the registry are live.
        let record = unsafe { &*record };
        // SAFETY: the state of a thread on the registry is live (R4).
        let local = unsafe { &*record.local };
        let is_own = record.local == own;
        // ORDERING: Acquire meets the Release at the end of a hit: its changes are seen here.
        let owned = is_own || (fenced && !local.busy.load(Ordering::Acquire));
        // SAFETY: R2 for this thread's record, R3 for another's.
        let flushed_bytes = if owned { unsafe { self.flush_all(&record.lists) } } else { 0 };
        if !is_own {
            // ORDERING: Release meets the Acquire in a hit: it sees the lists as they are now.
            local.lists.store(lists, Ordering::Release);
        }
        // SAFETY: `flush_threads` acquired it.
        unsafe { record.gate.release() };
        flushed_bytes
    }

    /// The registry, for figures and checks.
    pub(super) fn registry(&self) -> LockGuard<'_, Registry> {
        self.registry.lock()
    }
}
