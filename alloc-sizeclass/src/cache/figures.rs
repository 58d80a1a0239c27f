//! What a cache tells of itself.
//!
//! Above: reports; users. Below: the registry, whose lock is held while records are read.

use super::{Key, ThreadCache};
use crate::heap::BatchHeap;
use crate::table::ClassTable;

/// The figures of a [`ThreadCache`], from all of its threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheFigures {
    /// Threads that have lists: those that have missed, and have not ended.
    pub threads: usize,
    /// Batches that threads have taken from the heap, those that have ended included.
    pub refills: u64,
    /// Batches that threads have given back to it, because a list was full or lay idle; likewise.
    pub flushes: u64,
    /// Bytes on the calling thread's lists. (Other threads' lists are theirs.)
    pub cached_bytes: usize,
    /// Threads that a fork caught in a hit, so that the child lost what they had cached.
    pub lost_caches: u64,
}

impl<H: BatchHeap, K: Key<H>> ThreadCache<H, K> {
    /// The figures now. Takes the locks of each thread's lists in turn: a thread that misses meanwhile waits.
    ///
    /// ```
    /// use alloc_core::{Allocator, Layout, api2::alloc::System};
    /// use alloc_sizeclass::{SizeClassHeap, ThreadCache};
    ///
    /// let cache = ThreadCache::new(SizeClassHeap::<System>::new(System));
    /// let layout = Layout::new::<[u64; 4]>();
    /// let slot = cache.allocate(layout)?;
    /// // SAFETY: allocated from this cache with this layout.
    /// unsafe { cache.deallocate(slot.cast(), layout) };
    /// let figures = cache.figures();
    /// assert_eq!((figures.threads, figures.refills, figures.flushes), (1, 1, 0));
    /// assert!(figures.cached_bytes >= 32);
    /// # Ok::<(), alloc_core::AllocError>(())
    /// ```
    #[must_use]
    pub fn figures(&self) -> CacheFigures {
        let own = K::local(&self.home);
        let mut registry = self.home.registry();
        let mut figures = CacheFigures {
            refills: registry.ended.refills,
            flushes: registry.ended.flushes,
            lost_caches: registry.lost,
            ..CacheFigures::default()
        };
        registry.for_each(|_, record| {
            // SAFETY: records on the registry are live; counts are read under the gate.
            let record = unsafe { &*record };
            let _gate = record.gate.lock();
            figures.threads += 1;
            figures.refills += record.counts.get().refills;
            figures.flushes += record.counts.get().flushes;
            if record.local == own {
                for class in H::Table::classes() {
                    // SAFETY: R2: it is this thread's record, and the gate is held.
                    let slots = unsafe { record.lists.with(class, |list| list.slots()) };
                    figures.cached_bytes += slots * H::Table::info(class).slot_bytes;
                }
            }
        });
        figures
    }
}
