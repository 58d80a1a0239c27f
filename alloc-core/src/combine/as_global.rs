//! [`AsGlobal`]: the way from a stack to `#[global_allocator]`.

use crate::report::Reports;
use crate::{Layer, Report};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

/// Any stack as the allocator of the whole program.
///
/// ```
/// use alloc_core::{AsGlobal, Observe, api2::alloc::System};
///
/// #[global_allocator]
/// static STACK: AsGlobal<Observe<System>> = AsGlobal::new(Observe::new(System));
///
/// let numbers = vec![1, 2, 3];
/// assert!(STACK.below().figures().live_bytes >= size_of_val(&numbers[..]));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AsGlobal<L>(pub L);

impl<L> AsGlobal<L> {
    /// Makes `stack` fit for `#[global_allocator]`.
    pub const fn new(stack: L) -> Self {
        Self(stack)
    }

    /// The stack.
    #[must_use]
    pub const fn below(&self) -> &L {
        &self.0
    }

    /// The stack.
    pub fn into_inner(self) -> L {
        self.0
    }
}

impl<L: Layer> AsGlobal<L> {
    /// Writes the stack's report: short for [`Layer::report`].
    pub fn report(&self, report: &mut Report<'_>) {
        self.0.report(report);
    }
}

/// What `GlobalAlloc` says where `Allocator` says `Err`.
#[inline]
fn or_null(answer: Result<NonNull<[u8]>, crate::AllocError>) -> *mut u8 {
    answer.map_or(ptr::null_mut(), |slice| slice.cast().as_ptr())
}

impl<L: Layer> Reports for AsGlobal<L> {
    fn report(&self, report: &mut Report<'_>) {
        self.0.report(report);
    }
}

// SAFETY: `L` keeps the contract of `Allocator`, which is stronger, and does not unwind (L5); null
// comes back exactly where it refuses, and then the old allocation is as it was.
unsafe impl<L: Layer> GlobalAlloc for AsGlobal<L> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        or_null(self.0.allocate(layout))
    }
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        or_null(self.0.allocate_zeroed(layout))
    }
    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller passes what `alloc` or `realloc` returned, which was not null, with
        // the layout that it was asked for with.
        unsafe { self.0.deallocate(NonNull::new_unchecked(ptr), layout) }
    }
    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_bytes: usize) -> *mut u8 {
        // SAFETY: as for `dealloc`; the caller vouches that `new_bytes`, rounded up to the
        // alignment, is no more than `isize::MAX`.
        unsafe {
            let new = Layout::from_size_align_unchecked(new_bytes, layout.align());
            let ptr = NonNull::new_unchecked(ptr);
            or_null(if new_bytes >= layout.size() {
                self.0.grow(ptr, layout, new)
            } else {
                self.0.shrink(ptr, layout, new)
            })
        }
    }
}
