//! [`Foreign`]: any allocator as a layer.
//!
//! Above: layers that stand on somebody else's allocator. Below: that allocator, of which nothing
//! is known but [`Allocator`]'s contract. Here the rules of [`Layer`] are made true of it.
//! Not here: allocators of another version of the trait (`compat.rs`).

use crate::{AllocError, Allocator, Broken, Layer, Report, cut, dangling};
use core::alloc::Layout;
use core::ptr::NonNull;

/// Any [`Allocator`] as a [`Layer`].
///
/// It hands out exactly what was asked for, owns every address (it cannot tell), and caches
/// nothing. If the allocator panics, the process is aborted: a layer does not unwind, and what
/// an allocator is in the middle of cannot be undone.
///
/// ```
/// use alloc_core::{Foreign, Limit, api2::{alloc::System, vec::Vec}};
/// use talc::{TalcCell, source::AllocatorSource};
///
/// let talc = TalcCell::new(AllocatorSource::new(System));
/// let stack = Limit::new(1 << 20, Foreign::new(&talc));
/// let mut numbers = Vec::new_in(&stack);
/// numbers.extend(0..1000u32);
/// assert!(numbers.try_reserve(1 << 20).is_err());
/// ```
///
/// An allocator with the trait of allocator-api2 0.2, such as bumpalo's, goes through `Compat02`
/// (feature `allocator-api2-02`): `Foreign::new(Compat02(&bump))`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Foreign<A>(A);

impl<A> Foreign<A> {
    /// Makes `allocator` a layer.
    pub const fn new(allocator: A) -> Self {
        Self(allocator)
    }

    /// The allocator.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.0
    }

    /// The allocator.
    pub fn into_inner(self) -> A {
        self.0
    }
}

/// Aborts if it is dropped, which happens only when `call` unwinds: rule L5.
struct Unwinding;

impl Drop for Unwinding {
    fn drop(&mut self) {
        crate::abort("Foreign: the allocator panicked");
    }
}

#[inline]
fn no_unwinding<R>(call: impl FnOnce() -> R) -> R {
    let unwinding = Unwinding;
    let result = call();
    core::mem::forget(unwinding);
    result
}

allocator! {
    // SAFETY: every method forwards to `A`, whose allocations are cut to the size asked for, so
    // that the only layout that fits one here is the one that it was asked for with; size 0 never
    // reaches `A`.
    unsafe impl[A: Allocator] Allocator for Foreign<A> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            cut(no_unwinding(|| self.0.allocate(layout)), layout.size())
        }
        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            cut(no_unwinding(|| self.0.allocate_zeroed(layout)), layout.size())
        }
        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if layout.size() > 0 {
                // SAFETY: the caller's promise; what has a size came from `A`.
                no_unwinding(|| unsafe { self.0.deallocate(ptr, layout) });
            }
        }
        #[inline]
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if old.size() == 0 {
                return self.allocate(new);
            }
            // SAFETY: as for `deallocate`.
            cut(no_unwinding(|| unsafe { self.0.grow(ptr, old, new) }), new.size())
        }
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if old.size() == 0 {
                return self.allocate_zeroed(new);
            }
            // Not `A`'s `grow_zeroed`: that one zeroes only what lies beyond the slice that `A` had
            // handed out, and how long that was is not known here.
            // SAFETY: the caller's promise; the slice has `new.size()` bytes, which are no fewer
            // than `old.size()`.
            unsafe {
                let slice = self.grow(ptr, old, new)?;
                let fresh = slice.cast::<u8>().add(old.size());
                fresh.write_bytes(0, new.size() - old.size());
                Ok(slice)
            }
        }
        #[inline]
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if new.size() == 0 {
                // SAFETY: the caller's promise.
                unsafe { self.deallocate(ptr, old) };
                return Ok(dangling(new));
            }
            // SAFETY: as for `deallocate`; `old.size()` is no less than `new.size()`, so not 0.
            cut(no_unwinding(|| unsafe { self.0.shrink(ptr, old, new) }), new.size())
        }
    }
}

// SAFETY: L1: every slice is cut to the size asked for, which is the usable size. L2: that leaves
// one size that fits. L3: at the top of each method. L4: `owns` denies nothing. L5: `no_unwinding`.
unsafe impl<A: Allocator> Layer for Foreign<A> {
    #[inline]
    fn owns(&self, _: NonNull<u8>) -> bool {
        true
    }
    #[inline]
    fn usable_size(&self, layout: Layout) -> usize {
        layout.size()
    }
    fn reclaim(&self, _: usize) -> usize {
        0
    }
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Foreign", |_| {});
    }
    fn verify(&self) -> Result<(), Broken> {
        Ok(())
    }
}
