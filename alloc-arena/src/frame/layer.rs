//! A [`Frame`] as an `Allocator`, for `Vec` and the like, and as a [`Layer`]: `Fallback::new(&*frame, heap)`.
//!
//! Above: collections in the frame. Below: the memory that the frame is part of. What is freed comes back at once if it
//! was the last one, and else when the frame ends.

use super::Frame;
use crate::lifo::{Lifo, allocates_at_top};
use alloc_core::{AllocError, Broken, Layer, Layout, Report};
use core::ptr::NonNull;

// The memory stays as it is until the frame ends, and whoever allocates by reference to a frame keeps it from ending, and
// inner ones from beginning, as both take the frame away (F2).
allocates_at_top!(impl['f, 'env, L: Lifo] Frame<'f, 'env, L>, in memory);

// SAFETY: L1 to L3: by `lifo`, as for the memory itself, which keeps L4 and L5.
unsafe impl<L: Lifo> Layer for Frame<'_, '_, L> {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        self.memory.owns(ptr)
    }

    fn usable_size(&self, layout: Layout) -> usize {
        layout.size()
    }

    fn range(&self) -> Option<core::ops::Range<usize>> {
        self.memory.range()
    }

    /// Gives back what waits to be used again. What is in use stays, also where it is empty: frames remember it.
    fn reclaim(&self, goal_bytes: usize) -> usize {
        self.memory.reclaim_spare(goal_bytes)
    }

    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.memory.discard(ptr, bytes) }
    }

    fn report(&self, report: &mut Report<'_>) {
        report.layer("Frame", |report| self.memory.report(report));
    }

    fn verify(&self) -> Result<(), Broken> {
        self.memory.verify()
    }

    fn freeze(&self) {
        self.memory.freeze();
    }

    unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which went to the same layer.
        unsafe { self.memory.thaw() }
    }
}
