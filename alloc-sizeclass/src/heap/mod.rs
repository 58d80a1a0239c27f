//! The shared heap: spans by size class, for many threads.
//!
//! Above: thread caches call [`refill`](BatchHeap::refill) and [`flush`](BatchHeap::flush) (step 2
//! of an allocation's journey); without a cache, `allocate` is a refill of one slot. Below: any
//! layer, asked to `allocate` a span and to `deallocate` it (step 3, acquire and release).
//!
//! In a refill: the transfer cache, then a partly free span, then a new span. In a flush: the
//! transfer cache, then each slot to its span, and empty spans down.
//!
//! Locks, in the order in which they may be taken: class (one at a time), `large`, index, pool. No
//! lock is held while the layer below is called, but the index's and the pool's when they grow.

mod allocate;
mod batches;
mod chain;
mod class;
mod give_back;
mod index;
mod large;
mod layer;
mod others;
mod pages;
mod slot;
mod sorted;
mod span;
mod span_pool;
mod spans;
mod transfer;
mod verify;

pub use slot::Batch;
#[cfg(feature = "std")]
pub(crate) use slot::Slot;

use crate::table::{Class, Fine, MAX_CLASSES, SizeClasses};
use alloc_core::sync::Lock;
use alloc_core::{AllocError, Layer, Layout};
use class::ClassHeap;
use core::marker::PhantomData;
use core::ptr::NonNull;
use index::SpanIndex;
use large::Large;
use span_pool::SpanPool;

/// What a thread cache can stand on: a layer that hands out slots of a class in batches.
///
/// # Safety
///
/// * `refill(class, want)` returns slots of that class that nobody else owns: `slot_bytes` of
///   memory each, aligned to `slot_align`, until they are flushed.
/// * As a [`Layer`], it serves every layout that has a class from that class, and may be given
///   slots through `flush` that came from `allocate`, and through `deallocate` those from `refill`.
/// * `class_at` is right for every live allocation.
pub unsafe trait BatchHeap: Layer {
    /// The table of size classes.
    type Table: SizeClasses;

    /// Hands out a batch of at least one slot, of at most `want` or the class's `batch_slots`,
    /// whichever is more.
    ///
    /// # Errors
    ///
    /// `AllocError` when there is no slot and the layer below has no memory for a span, or when the
    /// table has no such class.
    fn refill(&self, class: Class, want: usize) -> Result<Batch, AllocError>;

    /// Takes a batch back.
    ///
    /// # Safety
    ///
    /// Every slot in it is of `class` and came from this heap. (It may have any length.)
    unsafe fn flush(&self, class: Class, batch: Batch);

    /// The class of the slot at `ptr`; `None` where there is no slot (also for an allocation that
    /// no class serves, and for an address that is not this heap's).
    fn class_at(&self, ptr: NonNull<u8>) -> Option<Class>;

    /// The index of the class of the slot that starts at an address, where that is a load from a flat table; `None` elsewhere, and where
    /// no slot starts. (An address behind the last slot of a span may pass for a start, and larger classes are left out.)
    #[inline]
    fn start_in_table(&self, _address: usize) -> Option<usize> {
        None
    }
}

/// Finding an allocation by its address alone, which a sized free never needs, but C's `free` does.
///
/// # Safety
///
/// `layout_at` is right for every live allocation.
pub unsafe trait Lookup: Layer {
    /// The layout of the live allocation that starts at `ptr`: its usable bytes, and an alignment
    /// that it certainly has; it fits the allocation. `None` where none starts.
    ///
    /// The answer for memory that its owner is giving back at this moment is unspecified.
    fn layout_at(&self, ptr: NonNull<u8>) -> Option<Layout>;

    /// Gives the allocation at `ptr` back; `false`, and nothing happens, when `ptr` is not in
    /// memory of this heap.
    ///
    /// # Safety
    ///
    /// `ptr` is the start of a live allocation of this heap, or no address in its memory.
    unsafe fn deallocate_at(&self, ptr: NonNull<u8>) -> bool;
}

/// Spans cut into slots, by size class, over any layer.
///
/// Any number of threads may allocate and free; a slot may be freed by another thread than the one
/// that allocated it. Each operation takes one short lock; [`ThreadCache`](crate::ThreadCache) on
/// top saves even that.
///
/// ```
/// use alloc_core::api2::{alloc::Global, vec::Vec};
/// use alloc_sizeclass::SizeClassHeap;
///
/// let heap: SizeClassHeap<Global> = SizeClassHeap::new(Global);
/// let mut numbers = Vec::new_in(&heap);
/// numbers.extend_from_slice(&[1, 2, 3]);
/// # assert_eq!(numbers[2], 3);
/// ```
pub struct SizeClassHeap<A: Layer, T: SizeClasses = Fine> {
    classes: [ClassHeap; MAX_CLASSES],
    large: Lock<Large>,
    index: SpanIndex,
    pool: SpanPool,
    below: A,
    table: PhantomData<T>,
}

// SAFETY: the pointers in its fields lead to memory of `A`, which is `Send`; what many threads
// reach is behind locks and atomics.
unsafe impl<A: Layer + Send, T: SizeClasses> Send for SizeClassHeap<A, T> {}
// SAFETY: as above; `A` itself is called by many threads at once, so it has to be `Sync`.
unsafe impl<A: Layer + Sync, T: SizeClasses> Sync for SizeClassHeap<A, T> {}

impl<A: Layer, T: SizeClasses> SizeClassHeap<A, T> {
    /// A heap that takes its spans from `below`. Takes no memory yet.
    #[cfg(not(all(loom, feature = "loom")))]
    #[must_use]
    pub const fn new(below: A) -> Self {
        Self {
            classes: [const { ClassHeap::new() }; MAX_CLASSES],
            large: Lock::new(Large::new()),
            index: SpanIndex::new(),
            pool: SpanPool::new(),
            below,
            table: PhantomData,
        }
    }

    /// A heap that takes its spans from `below`. Takes no memory yet.
    #[cfg(all(loom, feature = "loom"))]
    #[must_use]
    pub fn new(below: A) -> Self {
        Self {
            classes: core::array::from_fn(|_| ClassHeap::new()),
            large: Lock::new(Large::new()),
            index: SpanIndex::new(),
            pool: SpanPool::new(),
            below,
            table: PhantomData,
        }
    }

    /// The layer that the spans come from.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }

    fn class(&self, class: Class) -> &ClassHeap {
        &self.classes[class.index()]
    }
}
