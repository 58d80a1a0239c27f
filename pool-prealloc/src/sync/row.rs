//! A row of metadata in the pool's run.
//!
//! Above: the global stores, the shards. Below: the run. Rows are made once, and end with their pool.

use alloc_core::Layout;
use core::ops::Deref;
use core::ptr::NonNull;

/// So many `T`s side by side. It does not own the memory.
pub(super) struct Row<T> {
    first: NonNull<T>,
    len: usize,
}

// SAFETY: a row is as a `Box<[T]>` whose memory is another's.
unsafe impl<T: Send> Send for Row<T> {}
// SAFETY: the same.
unsafe impl<T: Sync> Sync for Row<T> {}

impl<T> Row<T> {
    /// Where a row lies in a run: adds it to the layout. `None` if that is too large.
    #[must_use]
    pub fn plan(run: &mut Layout, len: usize) -> Option<usize> {
        let (all, offset) = run.extend(Layout::array::<T>(len).ok()?).ok()?;
        *run = all;
        Some(offset)
    }

    /// Makes each element.
    ///
    /// # Safety
    ///
    /// `plan` gave the offset, for the run at `base`, which outlives the row; nothing else uses that part.
    pub unsafe fn make(
        base: NonNull<u8>,
        offset: usize,
        len: usize,
        mut element: impl FnMut(usize) -> T,
    ) -> Self {
        // SAFETY: the offset is within the run.
        let first = unsafe { base.add(offset) }.cast::<T>();
        for at in 0..len {
            // SAFETY: the row has room for `len` elements.
            unsafe { first.add(at).write(element(at)) };
        }
        Self { first, len }
    }
}

impl<T> Deref for Row<T> {
    type Target = [T];
    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: `make` wrote `len` elements, which are there as long as the row; only shared
        // references to them are given out.
        unsafe { core::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T> Drop for Row<T> {
    fn drop(&mut self) {
        // SAFETY: the elements are the row's, and the run is still there (`make`).
        unsafe { NonNull::slice_from_raw_parts(self.first, self.len).drop_in_place() };
    }
}
