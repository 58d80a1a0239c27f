//! [`Null`]: no memory at all. The bottom of a stack that must not have a fallback.

use super::REFUSED;
use crate::{AllocError, Broken, Layer, Report, dangling};
use core::alloc::Layout;
use core::ptr::NonNull;

/// Refuses every layout but those of size 0, and owns no address.
///
/// ```
/// use alloc_core::{Allocator, Layer, Layout, Null};
///
/// assert!(Null.allocate(Layout::new::<u64>()).is_err());
/// assert!(Null.allocate(Layout::new::<()>()).is_ok());
/// ```
///
/// Where `alloc` is linked, rustc asks for a global allocator. A program that allocates from stacks alone gives it this one:
///
/// ```no_run
/// use alloc_core::{AsGlobal, Null};
///
/// #[global_allocator]
/// static NONE: AsGlobal<Null> = AsGlobal::new(Null);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Null;

allocator! {
    // SAFETY: it hands out nothing but empty slices, which need no memory.
    unsafe impl[] Allocator for Null {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 { Ok(dangling(layout)) } else { REFUSED }
        }
        #[inline]
        unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
        #[inline]
        unsafe fn grow(
            &self,
            _: NonNull<u8>,
            _: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            self.allocate(new)
        }
        #[inline]
        unsafe fn grow_zeroed(
            &self,
            _: NonNull<u8>,
            _: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            self.allocate(new)
        }
        #[inline]
        unsafe fn shrink(
            &self,
            _: NonNull<u8>,
            _: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            self.allocate(new)
        }
    }
}

// SAFETY: only size 0 is served, as L3 asks; there are no live allocations of another size, so L1,
// L2 and L4 hold of nothing; no method panics (L5).
unsafe impl Layer for Null {
    fn owns(&self, _: NonNull<u8>) -> bool {
        false
    }
    fn usable_size(&self, layout: Layout) -> usize {
        layout.size()
    }
    fn reclaim(&self, _: usize) -> usize {
        0
    }
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Null", |_| {});
    }
    fn verify(&self) -> Result<(), Broken> {
        Ok(())
    }
}
