//! The memory of a pool: one allocation from the layer below, taken before the first use.
//!
//! Above: every pool that is not static. Below: any [`Layer`].
//! Not here: what lies in it.

use alloc_core::{AllocError, Layer, Layout};
use core::ptr::NonNull;

/// One allocation, which goes back to its layer when this is dropped.
pub(crate) struct Run<A: Layer> {
    ptr: NonNull<u8>,
    layout: Layout,
    below: A,
}

// SAFETY: the memory belongs to this run alone; it moves with the layer that takes it back.
unsafe impl<A: Layer + Send> Send for Run<A> {}
// SAFETY: a shared run gives a pointer and a reference to its layer, and no more.
unsafe impl<A: Layer + Sync> Sync for Run<A> {}

impl<A: Layer> Run<A> {
    pub fn take(layout: Layout, below: A) -> Result<Self, AllocError> {
        let ptr = below.allocate(layout)?.cast();
        Ok(Self { ptr, layout, below })
    }

    pub const fn ptr(&self) -> NonNull<u8> {
        self.ptr
    }

    pub const fn below(&self) -> &A {
        &self.below
    }
}

impl<A: Layer> Drop for Run<A> {
    fn drop(&mut self) {
        // SAFETY: allocated in `take` from the same layer, with the same layout; nobody else frees it.
        unsafe { self.below.deallocate(self.ptr, self.layout) }
    }
}
