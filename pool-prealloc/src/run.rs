//! The memory of a pool: one allocation from the layer below, taken before the first use.
//!
//! Above: every pool that is not static. Below: any [`Layer`], and [`Preparation`].
//! Not here: what lies in it.

use crate::{Preparation, TakeError, prepare};
use alloc_core::{AllocError, Layer, Layout};
use core::ptr::NonNull;

/// One allocation, which goes back to its layer when this is dropped.
pub(crate) struct Run<A: Layer> {
    ptr: NonNull<u8>,
    layout: Layout,
    locked: bool,
    below: A,
}

// SAFETY: the memory belongs to this run alone; it moves with the layer that takes it back.
unsafe impl<A: Layer + Send> Send for Run<A> {}
// SAFETY: a shared run gives a pointer and a reference to its layer, and no more.
unsafe impl<A: Layer + Sync> Sync for Run<A> {}

impl<A: Layer> Run<A> {
    pub fn take(layout: Layout, below: A) -> Result<Self, AllocError> {
        let ptr = below.allocate(layout)?.cast();
        Ok(Self { ptr, layout, locked: false, below })
    }

    /// A run that is prepared: at least as long and as aligned as `layout` says. When a step is
    /// refused, the memory goes back.
    pub fn prepared(layout: Layout, preparation: Preparation, below: A) -> Result<Self, TakeError> {
        if preparation.is_nothing() {
            return Ok(Self::take(layout, below)?);
        }
        let mut run = Self::take(preparation.layout(layout)?, below)?;
        let bytes = run.layout.size();
        // SAFETY: just allocated by the preparation's layout; nothing lies in it yet.
        unsafe { preparation.apply(run.ptr, bytes)? };
        if preparation.locks() && bytes > 0 {
            // SAFETY: as above.
            unsafe { prepare::lock(run.ptr, bytes)? };
            run.locked = true;
        }
        Ok(run)
    }

    pub const fn ptr(&self) -> NonNull<u8> {
        self.ptr
    }

    /// How long it is, in bytes.
    pub const fn bytes(&self) -> usize {
        self.layout.size()
    }

    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }
}

impl<A: Layer> Drop for Run<A> {
    fn drop(&mut self) {
        if self.locked {
            // SAFETY: locked in `prepared`, and not yet given back.
            unsafe { prepare::unlock(self.ptr, self.layout.size()) };
        }
        // SAFETY: allocated in `take` from the same layer, with the same layout; nobody else frees it.
        unsafe { self.below.deallocate(self.ptr, self.layout) }
    }
}
