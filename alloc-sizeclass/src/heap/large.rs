//! Allocations that no class serves: each is a run of the layer below, with a record of its own.
//!
//! Above: the heap's `Allocator` methods, for layouts without a class. Below: the layer, asked for
//! a run aligned to the granule, so that the index has a place for it (the C ABI asks by address).

use super::SizeClassHeap;
use super::class::List;
use super::span::Span;
use crate::table::SizeClasses;
use alloc_core::{AllocError, Layer, Layout};
use core::ptr::NonNull;

/// The large allocations of a heap.
pub(super) struct Large {
    pub runs: List,
    pub bytes: usize,
}

impl Large {
    pub const fn new() -> Self {
        Self { runs: List::new(), bytes: 0 }
    }
}

/// What the layer below is asked for.
#[inline]
pub(super) fn run_layout<T: SizeClasses>(layout: Layout) -> Result<Layout, AllocError> {
    layout.align_to(T::GRANULE_BYTES).map_err(|_| AllocError)
}

impl<A: Layer, T: SizeClasses> SizeClassHeap<A, T> {
    /// Takes a run for `layout`, which is not of size 0 and has no class.
    #[cold]
    pub(super) fn allocate_large(
        &self,
        layout: Layout,
        zeroed: bool,
    ) -> Result<NonNull<[u8]>, AllocError> {
        self.index.ready(&self.below, T::GRANULE_BYTES)?;
        let layout = run_layout::<T>(layout)?;
        let run = if zeroed {
            self.below.allocate_zeroed(layout)?
        } else {
            self.below.allocate(layout)?
        };
        match self.publish(run.cast(), layout, None) {
            Ok(span) => {
                let mut large = self.large.lock();
                large.bytes += run.len();
                // SAFETY: the record was just made, and is on no list.
                unsafe { large.runs.push_front(span) };
                Ok(run)
            }
            Err(error) => {
                // SAFETY: the run came from `below` with this layout, and nobody has seen it.
                unsafe { self.below.deallocate(run.cast(), layout) };
                Err(error)
            }
        }
    }

    /// Gives the run at `ptr` back.
    ///
    /// # Safety
    ///
    /// `ptr` is a large allocation of this heap, which the caller gives away.
    #[cold]
    pub(super) unsafe fn deallocate_large(&self, ptr: NonNull<u8>) {
        let span = self.index.span_at(ptr, T::GRANULE_BYTES);
        let Some(span) = NonNull::new(span) else {
            debug_assert!(false, "a large allocation without a record");
            return;
        };
        self.unlist_large(span);
        // SAFETY: the allocation is the caller's, so its record is live, and no one else's.
        unsafe { self.retire(span, 1) };
    }

    fn unlist_large(&self, span: NonNull<Span>) {
        let mut large = self.large.lock();
        // SAFETY: the record of a live large allocation stands on this list.
        unsafe {
            large.bytes -= self.below.usable_size(span.as_ref().layout());
            large.runs.remove(span);
        }
    }

    fn list_large(&self, span: NonNull<Span>) {
        let mut large = self.large.lock();
        // SAFETY: the record is live, and on no list: `unlist_large` took it off.
        unsafe {
            large.bytes += self.below.usable_size(span.as_ref().layout());
            large.runs.push_front(span);
        }
    }

    /// Lets the layer below grow or shrink a run, in place or by moving it.
    ///
    /// The index forgets the run meanwhile: once the layer below has moved it, its old address may
    /// be handed to another thread at any moment.
    ///
    /// # Safety
    ///
    /// `ptr` is a large allocation of this heap, which `old` fits; `resize` keeps the contract of the
    /// layer's `grow` or `shrink`, given the layouts of the run, old and new.
    pub(super) unsafe fn resize_large(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
        resize: impl FnOnce(&A, Layout, Layout) -> Result<NonNull<[u8]>, AllocError>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let (old, new) = (run_layout::<T>(old)?, run_layout::<T>(new)?);
        self.index.promise(&self.below, 1)?;
        let span = self.index.span_at(ptr, T::GRANULE_BYTES);
        let Some(mut span) = NonNull::new(span) else {
            debug_assert!(false, "a large allocation without a record");
            self.index.unpromise(1);
            return Err(AllocError);
        };
        self.unlist_large(span);
        self.index.remove(ptr, T::GRANULE_BYTES, 1);
        // SAFETY: the record of the caller's own allocation, on no list and not in the index: ours.
        let record = unsafe { span.as_mut() };
        let answer = resize(&self.below, old, new);
        if let Ok(run) = answer {
            record.base = run.cast();
            record.layout_bytes = new.size();
            record.layout_align = new.align();
        }
        let outside = self.index.insert(span, 0, T::GRANULE_BYTES, 1);
        self.index.unpromise(1 - outside);
        self.list_large(span);
        answer
    }
}
