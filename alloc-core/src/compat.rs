//! [`Compat02`]: an allocator of allocator-api2 0.2 as one of 0.4.
//!
//! Above: [`Foreign`](crate::Foreign), which makes it a layer. A file of its own, because methods
//! of two traits with the same names are ambiguous where both are in scope.

use crate::AllocError;
use allocator_api2_02::alloc::Allocator as Allocator02;
use core::alloc::Layout;
use core::ptr::NonNull;

/// An allocator of allocator-api2 0.2 as one of 0.4, and with [`Foreign`](crate::Foreign) as a layer.
///
/// ```
/// use alloc_core::{Compat02, Foreign, api2::vec::Vec};
///
/// let arena = bumpalo::Bump::new();
/// let stack = Foreign::new(Compat02(&arena));
/// let mut numbers = Vec::new_in(&stack);
/// numbers.push(7);
/// # assert_eq!(numbers[0], 7);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Compat02<A>(pub A);

allocator! {
    // SAFETY: the contracts of the versions are one, and every method forwards.
    unsafe impl[A: Allocator02] Allocator for Compat02<A> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.0.allocate(layout).map_err(|_| AllocError)
        }
        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.0.allocate_zeroed(layout).map_err(|_| AllocError)
        }
        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { self.0.deallocate(ptr, layout) }
        }
        #[inline]
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.0.grow(ptr, old, new) }.map_err(|_| AllocError)
        }
        #[inline]
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.0.grow_zeroed(ptr, old, new) }.map_err(|_| AllocError)
        }
        #[inline]
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.0.shrink(ptr, old, new) }.map_err(|_| AllocError)
        }
    }
}
