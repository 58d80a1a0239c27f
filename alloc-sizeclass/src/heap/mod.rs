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
mod class;
mod index;
mod large;
mod layer;
mod others;
mod slot;
mod span;
mod span_pool;
mod transfer;
mod verify;

pub use slot::Batch;
#[cfg(feature = "std")]
pub(crate) use slot::Slot;

use crate::table::{Class, ClassTable, Fine, MAX_CLASSES, SizeClasses};
use alloc_core::sync::Lock;
use alloc_core::{AllocError, Layer, Layout};
use class::ClassHeap;
use core::marker::PhantomData;
use core::ptr::NonNull;
use index::SpanIndex;
use large::Large;
use span::Span;
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

    /// `class_at` where that is a load from a flat table; `None` where it would be a search.
    #[inline]
    fn class_in_table(&self, _address: usize) -> Option<Option<Class>> {
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
    pub const fn below(&self) -> &A {
        &self.below
    }

    fn class(&self, class: Class) -> &ClassHeap {
        &self.classes[class.index()]
    }

    /// Takes slots from the class's spans, and a new span if they have none.
    fn refill_from_spans(&self, class: Class, want: usize) -> Result<Batch, AllocError> {
        let info = T::info(class);
        let mut batch = Batch::EMPTY;
        self.class(class).spans.lock().take(info, want, &mut batch);
        if batch.is_empty() {
            let span = self.acquire(class, false)?;
            let mut spans = self.class(class).spans.lock();
            // SAFETY: the span is new, and on no list.
            unsafe { spans.add(span) };
            spans.take(info, want, &mut batch);
        }
        Ok(batch)
    }

    /// Step 3: a run of pages from the layer below becomes a span.
    #[cold]
    fn acquire(&self, class: Class, zeroed: bool) -> Result<NonNull<Span>, AllocError> {
        // Anyone can make a `Class` of any index. One that this table lacks never gets past here,
        // so that there is never a span, a slot or a batch of it.
        if !T::has(class) {
            return Err(AllocError);
        }
        self.index.ready(&self.below, T::GRANULE_BYTES)?;
        let info = T::info(class);
        let layout = span_layout::<T>(info.span_bytes)?;
        let run = if zeroed {
            self.below.allocate_zeroed(layout)?.cast()
        } else {
            self.below.allocate(layout)?.cast()
        };
        let granules = info.span_bytes / T::GRANULE_BYTES;
        self.publish(run, layout, class.index() as u8, info.span_slots, granules).inspect_err(
            |_| {
                // SAFETY: the run came from `below` with this layout, and nobody has seen it.
                unsafe { self.below.deallocate(run, layout) };
            },
        )
    }

    /// Makes a record for a run, and enters it in the index.
    fn publish(
        &self,
        run: NonNull<u8>,
        layout: Layout,
        class: u8,
        slots: u32,
        granules: usize,
    ) -> Result<NonNull<Span>, AllocError> {
        let span = Span::new(run, layout, class, slots);
        let span = self.pool.take(&self.below, T::GRANULE_BYTES, span)?;
        if let Err(error) = self.index.promise_at(&self.below, run, T::GRANULE_BYTES, granules) {
            // SAFETY: the record was just taken, and nobody has seen it.
            unsafe { self.pool.put(span) };
            return Err(error);
        }
        self.index.insert(span, T::GRANULE_BYTES, granules);
        Ok(span)
    }

    /// Gives an empty span of a class to the layer below.
    ///
    /// # Safety
    ///
    /// The span is off every list, and none of its slots is handed out.
    #[cold]
    unsafe fn release(&self, span: NonNull<Span>) {
        // SAFETY: the span is ours alone.
        let granules = unsafe { span.as_ref().layout_bytes } / T::GRANULE_BYTES;
        // SAFETY: the caller's promise.
        unsafe { self.retire(span, granules) };
    }

    /// Erases a record from the index and gives its run to the layer below.
    ///
    /// # Safety
    ///
    /// The record is live, off every list, and its memory is nobody's.
    unsafe fn retire(&self, span: NonNull<Span>, granules: usize) {
        // SAFETY: the record is ours alone.
        let (base, layout) = unsafe { (span.as_ref().base, span.as_ref().layout()) };
        self.index.remove(base, T::GRANULE_BYTES, granules);
        // SAFETY: nobody finds the record any more, and the run was taken with this layout.
        unsafe {
            self.pool.put(span);
            self.below.deallocate(base, layout);
        }
    }

    /// Returns each slot of a batch to its span, and empty spans to the layer below.
    ///
    /// # Safety
    ///
    /// As for [`BatchHeap::flush`].
    unsafe fn flush_to_spans(&self, class: Class, mut batch: Batch) {
        let info = T::info(class);
        while !batch.is_empty() {
            let mut empty = None;
            {
                let mut spans = self.class(class).spans.lock();
                while empty.is_none()
                    // SAFETY: the heap, whose slots these are, is alive.
                    && let Some(slot) = unsafe { batch.pop() }
                {
                    let span = NonNull::new(self.index.span_at(slot, T::GRANULE_BYTES));
                    debug_assert!(span.is_some(), "a slot without a span");
                    // SAFETY: the slot is handed out, so its span is live and on a list of its
                    // class; the caller gives the slot.
                    empty = span.and_then(|span| unsafe { spans.put(info, span, slot) });
                }
            }
            if let Some(span) = empty {
                // SAFETY: `put` took it off the lists because no slot of it is handed out.
                unsafe { self.release(span) };
            }
        }
    }

    /// Returns what waits in the transfer caches to the spans, and every empty span to the layer
    /// below. Returns the bytes of those spans.
    fn release_idle(&self) -> usize {
        let mut released_bytes = 0;
        for class in T::classes() {
            let info = T::info(class);
            while let Some(batch) = self.class(class).transfer.take() {
                // SAFETY: the batch was flushed to this class.
                unsafe { self.flush_to_spans(class, batch) };
            }
            loop {
                // The guard goes before the release, which calls the layer below.
                let empty = self.class(class).spans.lock().take_empty(info);
                let Some(span) = empty else { break };
                released_bytes += info.span_bytes;
                // SAFETY: `take_empty` took it off the lists because none of its slots is used.
                unsafe { self.release(span) };
            }
        }
        released_bytes
    }
}

fn span_layout<T: SizeClasses>(span_bytes: usize) -> Result<Layout, AllocError> {
    Layout::from_size_align(span_bytes, T::GRANULE_BYTES).map_err(|_| AllocError)
}

// SAFETY: slots come from spans that this heap owns, each handed out once until it comes back
// (`span.rs`); `allocate` is a refill of one; the index is right for live allocations (its R2).
unsafe impl<A: Layer, T: SizeClasses> BatchHeap for SizeClassHeap<A, T> {
    type Table = T;

    fn refill(&self, class: Class, want: usize) -> Result<Batch, AllocError> {
        if !T::info(class).is_medium()
            && let Some(batch) = self.class(class).transfer.take()
        {
            return Ok(batch);
        }
        self.refill_from_spans(class, want.max(1))
    }

    unsafe fn flush(&self, class: Class, batch: Batch) {
        // Single slots would fill the transfer cache's places with next to nothing, and medium ones
        // with too much; and what a refill hands out whole may not be more than a thread cache has
        // room for.
        let info = T::info(class);
        let most = info.batch_slots as usize;
        let worth_a_place = !info.is_medium() && (most.div_ceil(4)..=most).contains(&batch.len());
        if batch.is_empty() || !worth_a_place {
            // SAFETY: the caller's promise.
            unsafe { self.flush_to_spans(class, batch) };
        } else if let Err(batch) = self.class(class).transfer.put(batch) {
            // SAFETY: the caller's promise.
            unsafe { self.flush_to_spans(class, batch) };
        }
    }

    fn class_at(&self, ptr: NonNull<u8>) -> Option<Class> {
        let byte = self.index.class_at(ptr, T::GRANULE_BYTES);
        // SAFETY: the index holds class bytes only.
        unsafe { Class::from_byte(byte) }
    }

    #[inline(always)]
    fn class_in_table(&self, address: usize) -> Option<Option<Class>> {
        let byte = self.index.class_in_window(address, T::GRANULE_BYTES)?;
        // SAFETY: the index holds class bytes only.
        Some(unsafe { Class::from_byte(byte) })
    }
}
