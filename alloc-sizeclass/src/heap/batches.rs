//! Batches out of spans and back into them: step 2, refill and flush.
//!
//! Above: thread caches; `allocate.rs` for single slots. Below: the transfer cache (`transfer.rs`),
//! then the class's spans, under its lock (`class.rs`), then new spans and empty ones (`spans.rs`).
//!
//! What costs by the slot is done while no lock is held: linking fresh slots, and sorting returned
//! ones by their spans.

use super::slot::Batch;
use super::sorted::Sorted;
use super::span::Span;
use super::{BatchHeap, SizeClassHeap};
use crate::table::{Class, ClassTable, SizeClasses};
use alloc_core::{AllocError, Layer};
use core::ptr::{NonNull, null_mut};

impl<A: Layer, T: SizeClasses> SizeClassHeap<A, T> {
    /// Takes slots from the class's spans, and a new span if they have none.
    pub(super) fn refill_from_spans(&self, class: Class, want: usize) -> Result<Batch, AllocError> {
        let info = T::info(class);
        let mut batch = Batch::EMPTY;
        let mut fresh = self.class(class).spans.lock().take(info, want, &mut batch);
        if fresh.is_empty() && batch.is_empty() {
            let mut span = self.acquire(class, false)?;
            // SAFETY: the span is new, and on no list.
            unsafe {
                fresh = span.as_mut().take_fresh(info, want);
                self.class(class).spans.lock().add(span);
            }
        }
        fresh.link(&mut batch);
        Ok(batch)
    }

    /// Returns each slot of a batch to its span, and empty spans to the layer below.
    ///
    /// # Safety
    ///
    /// As for [`BatchHeap::flush`].
    pub(super) unsafe fn flush_to_spans(&self, class: Class, mut batch: Batch) {
        while !batch.is_empty() {
            // SAFETY: the caller's promise.
            unsafe {
                let sorted = self.sort(&mut batch);
                self.put(class, sorted);
            }
        }
    }

    /// Moves slots out of `batch`, as many as lie in few enough spans.
    ///
    /// # Safety
    ///
    /// As for [`BatchHeap::flush`].
    unsafe fn sort(&self, batch: &mut Batch) -> Sorted {
        let mut sorted = Sorted::new();
        // SAFETY: the heap, whose slots these are, is alive; a slot is handed out, so its span is
        // live; the caller gives the slots.
        unsafe {
            while let Some(slot) = batch.pop() {
                let span = NonNull::new(self.index.span_at(slot, T::GRANULE_BYTES));
                debug_assert!(span.is_some(), "a slot without a span");
                if let Some(span) = span
                    && !sorted.add(span, slot)
                {
                    batch.push(slot);
                    break;
                }
            }
        }
        sorted
    }

    /// Returns slots to their spans, and the spans that are empty then to the layer below.
    ///
    /// # Safety
    ///
    /// The slots are of `class`, and the caller gives them away.
    unsafe fn put(&self, class: Class, mut sorted: Sorted) {
        let info = T::info(class);
        let mut empty: *mut Span = null_mut();
        let mut spans = self.class(class).spans.lock();
        while let Some((span, chain)) = sorted.pop() {
            // SAFETY: the slots are handed out, so their span is live and on a list of its class.
            if let Some(mut span) = unsafe { spans.put(info, span, chain) } {
                // SAFETY: it is off the lists, and ours.
                unsafe { span.as_mut().next = empty };
                empty = span.as_ptr();
            }
        }
        drop(spans);
        while let Some(span) = NonNull::new(empty) {
            // SAFETY: a span of the chain made above; no slot of it is handed out.
            unsafe {
                empty = span.as_ref().next;
                self.release(span);
            }
        }
    }
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
    fn start_in_table(&self, address: usize) -> Option<usize> {
        let mark = self.index.mark_in_window(address, T::GRANULE_BYTES)?;
        T::starts_at(mark, address).then_some((mark & 0xFF) as usize)
    }
}
