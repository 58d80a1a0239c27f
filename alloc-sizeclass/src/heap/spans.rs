//! Spans come and go: step 3, acquire and release.
//!
//! Above: a refill that finds no span with a slot, a flush that leaves one empty. Below: the layer
//! below for the memory, `span_pool.rs` for the record, `index.rs` for the way from an address to it.

use super::SizeClassHeap;
use super::span::{LARGE, Span};
use crate::table::{Class, ClassTable, SizeClasses};
use alloc_core::{AllocError, Layer, Layout};
use core::ptr::NonNull;

impl<A: Layer, T: SizeClasses> SizeClassHeap<A, T> {
    /// Step 3: a run of pages from the layer below becomes a span.
    #[cold]
    pub(super) fn acquire(&self, class: Class, zeroed: bool) -> Result<NonNull<Span>, AllocError> {
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
        self.publish(run, layout, Some(class)).inspect_err(|_| {
            // SAFETY: the run came from `below` with this layout, and nobody has seen it.
            unsafe { self.below.deallocate(run, layout) };
        })
    }

    /// Makes a record for a run, and enters it in the index. Without a class it is a large one.
    #[inline]
    pub(super) fn publish(
        &self,
        run: NonNull<u8>,
        layout: Layout,
        class: Option<Class>,
    ) -> Result<NonNull<Span>, AllocError> {
        let (byte, slots, granules, mark) = match class {
            Some(class) => {
                let info = T::info(class);
                let granules = info.span_bytes / T::GRANULE_BYTES;
                (class.index() as u8, info.span_slots, granules, T::mark(class))
            }
            None => (LARGE, 0, 1, 0),
        };
        let span = Span::new(run, layout, byte, slots);
        let span = self.pool.take(&self.below, T::GRANULE_BYTES, span)?;
        if let Err(error) = self.index.promise_at(&self.below, run, T::GRANULE_BYTES, granules) {
            // SAFETY: the record was just taken, and nobody has seen it.
            unsafe { self.pool.put(span) };
            return Err(error);
        }
        self.index.insert(span, mark, T::GRANULE_BYTES, granules);
        Ok(span)
    }

    /// Gives an empty span of a class to the layer below.
    ///
    /// # Safety
    ///
    /// The span is off every list, and none of its slots is handed out.
    #[cold]
    pub(super) unsafe fn release(&self, span: NonNull<Span>) {
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
    pub(super) unsafe fn retire(&self, span: NonNull<Span>, granules: usize) {
        // SAFETY: the record is ours alone.
        let (base, layout) = unsafe { (span.as_ref().base, span.as_ref().layout()) };
        self.index.remove(base, T::GRANULE_BYTES, granules);
        // SAFETY: nobody finds the record any more, and the run was taken with this layout.
        unsafe {
            self.pool.put(span);
            self.below.deallocate(base, layout);
        }
    }
}

fn span_layout<T: SizeClasses>(span_bytes: usize) -> Result<Layout, AllocError> {
    Layout::from_size_align(span_bytes, T::GRANULE_BYTES).map_err(|_| AllocError)
}
