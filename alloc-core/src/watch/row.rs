//! A row of plain values that grows, in memory of the layer below.
//!
//! Above: `map.rs`, `ledger.rs`. Below: any layer, which is named in each call: the row lies in the same value as the
//! layer, and cannot hold a reference to it. Not here: when it grows, which is when its owner reserves.

use crate::Allocator;
use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

/// Values without destructors, in a row. The memory is freed by [`free`](Self::free) alone.
pub(super) struct Row<T: Copy> {
    start: NonNull<T>,
    len: usize,
    capacity: usize,
}

// SAFETY: the row owns its values as a vector does.
unsafe impl<T: Copy + Send> Send for Row<T> {}

impl<T: Copy> Row<T> {
    /// An empty row, without memory.
    pub(super) const fn new() -> Self {
        Self { start: NonNull::dangling(), len: 0, capacity: 0 }
    }

    fn layout(capacity: usize) -> Option<Layout> {
        Layout::array::<T>(capacity).ok()
    }

    /// Makes room for so many values more. `None`, and nothing has changed, if there is no memory.
    ///
    /// # Safety
    ///
    /// `below` is the allocator of every other call with an allocator.
    pub(super) unsafe fn reserve(&mut self, more: usize, below: &impl Allocator) -> Option<()> {
        let wanted = self.len.checked_add(more)?;
        if wanted <= self.capacity {
            return Some(());
        }
        let capacity = wanted.max(self.capacity * 2).max(16);
        let fresh = below.allocate(Self::layout(capacity)?).ok()?.cast::<T>();
        // SAFETY: both are valid for `len` values, and different allocations; the old one is not used again.
        unsafe {
            fresh.copy_from_nonoverlapping(self.start, self.len);
            self.release(below);
        }
        (self.start, self.capacity) = (fresh, capacity);
        Some(())
    }

    /// Adds a value.
    ///
    /// # Panics
    ///
    /// When there is no room for it: it was not reserved.
    pub(super) fn push(&mut self, value: T) {
        assert!(self.len < self.capacity, "reserved before");
        // SAFETY: within the capacity, as asserted.
        unsafe { self.start.add(self.len).write(value) };
        self.len += 1;
    }

    /// The values.
    pub(super) const fn as_slice(&self) -> &[T] {
        // SAFETY: `len` values were written by `push` (an empty row may dangle).
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// The values.
    pub(super) const fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as for `as_slice`, and `&mut self`.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// Gives the memory back; the row is empty then.
    ///
    /// # Safety
    ///
    /// As for [`reserve`](Self::reserve).
    pub(super) unsafe fn free(&mut self, below: &impl Allocator) {
        // SAFETY: the caller's; the row forgets the memory right below.
        unsafe { self.release(below) };
        *self = Self::new();
    }

    /// # Safety
    ///
    /// As for [`reserve`](Self::reserve); the memory is not used again.
    unsafe fn release(&self, below: &impl Allocator) {
        if self.capacity == 0 {
            return;
        }
        if let Some(layout) = Self::layout(self.capacity) {
            // SAFETY: allocated by `reserve` for this layout, from `below` (the caller's promise).
            unsafe { below.deallocate(self.start.cast(), layout) };
        }
    }
}

impl<T: Copy> fmt::Debug for Row<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("len", &self.len).finish_non_exhaustive()
    }
}
