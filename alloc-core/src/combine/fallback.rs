//! [`Fallback`]: the second layer serves what the first refuses.
//!
//! Who serves an allocation is told by its address: it is the primary's if the primary owns it.
//! Rules:
//! * R1: no allocation of the secondary lies at an address that the primary owns. Two stacks on
//!   one shared ground may each own all of it, so every address that comes from the secondary is
//!   shown to the primary before it is handed out, and is given back if the primary claims it.
//! * R2: slices are as long as the shorter usable size of both, so that every size that fits an
//!   allocation also fits it on its own side, and usable sizes do not depend on the side.

use super::{REFUSED, common_range, discard_either, move_into, reclaim_both, zero};
use crate::{AllocError, Allocator, Broken, Layer, Report, cut, dangling};
use core::alloc::Layout;
use core::ops::Range;
use core::ptr::NonNull;

/// Serves from `P`; what `P` refuses, from `S`.
///
/// `P` has to be able to tell its own addresses: over a primary that owns every address (`Global`,
/// `System`, `Foreign`) the secondary never serves anything.
///
/// Growing and shrinking is first asked of the side that has the allocation, and moves to the
/// other when that one refuses.
///
/// Sides that share a ground are fine, except that such a stack cannot be [frozen](Layer::freeze)
/// by hand: it would wait for the ground's lock twice. The module `forks` carries it over a fork.
///
/// # Aborts
///
/// When all of this comes together: the sides share a ground; a grow or shrink inside the secondary
/// moved an allocation to where the primary claims it; and neither side has other room for it. There
/// is then neither an old nor a new allocation to hand back.
///
/// ```
/// use alloc_core::{Allocator, Fallback, Layout, Null, api2::alloc::Global};
///
/// let stack = Fallback::new(Null, Global);
/// let ptr = stack.allocate(Layout::new::<u64>())?;
/// // SAFETY: it was allocated from this stack with this layout.
/// unsafe { stack.deallocate(ptr.cast(), Layout::new::<u64>()) };
/// # Ok::<(), alloc_core::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Fallback<P, S> {
    primary: P,
    secondary: S,
}

impl<P, S> Fallback<P, S> {
    /// Serves from `primary`, then from `secondary`.
    pub const fn new(primary: P, secondary: S) -> Self {
        Self { primary, secondary }
    }

    /// The layer that is asked first.
    #[must_use]
    pub const fn primary(&self) -> &P {
        &self.primary
    }

    /// The layer that serves what the first one refuses.
    #[must_use]
    pub const fn secondary(&self) -> &S {
        &self.secondary
    }

    /// Both layers.
    pub fn into_inner(self) -> (P, S) {
        (self.primary, self.secondary)
    }
}

/// What to do with the bytes that are new.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fresh {
    Any,
    Zeroed,
}

impl Fresh {
    fn allocate(self, layer: &impl Allocator, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        match self {
            Self::Any => layer.allocate(layout),
            Self::Zeroed => layer.allocate_zeroed(layout),
        }
    }

    /// # Safety
    ///
    /// As for [`Allocator::grow`].
    unsafe fn grow(
        self,
        layer: &impl Allocator,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Self::Any => layer.grow(ptr, old, new),
                Self::Zeroed => layer.grow_zeroed(ptr, old, new),
            }
        }
    }
}

impl<P: Layer, S: Layer> Fallback<P, S> {
    #[inline]
    fn serve(&self, layout: Layout, fresh: Fresh) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout));
        }
        match fresh.allocate(&self.primary, layout) {
            Ok(slice) => cut(Ok(slice), self.usable_size(layout)),
            Err(_) => self.serve_from_secondary(layout, fresh),
        }
    }

    #[cold]
    fn serve_from_secondary(
        &self,
        layout: Layout,
        fresh: Fresh,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let slice = fresh.allocate(&self.secondary, layout)?;
        if self.primary.owns(slice.cast()) {
            // R1. SAFETY: the secondary has just handed it out for this layout.
            unsafe { self.secondary.deallocate(slice.cast(), layout) };
            return REFUSED;
        }
        cut(Ok(slice), self.usable_size(layout))
    }

    /// Grows, on the side that has the allocation if that serves it.
    ///
    /// # Safety
    ///
    /// As for [`Allocator::grow`].
    unsafe fn grow_as(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
        fresh: Fresh,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 {
            return self.serve(new, fresh);
        }
        // SAFETY: `ptr` is live on the side that `owns` says (R1), and `old` fits it there (R2);
        // the caller vouches for the rest.
        unsafe {
            if self.primary.owns(ptr) {
                return match fresh.grow(&self.primary, ptr, old, new) {
                    Ok(grown) => Ok(self.grown(grown, &self.primary, old, new, fresh)),
                    Err(_) => {
                        let slice = self.serve_from_secondary(new, fresh)?;
                        move_into(slice, old.size(), &self.primary, ptr, old);
                        Ok(slice)
                    }
                };
            }
            match fresh.grow(&self.secondary, ptr, old, new) {
                Ok(grown) => {
                    let slice = self.grown(grown, &self.secondary, old, new, fresh);
                    Ok(self.unclaimed(slice, new))
                }
                Err(_) => {
                    let slice = cut(fresh.allocate(&self.primary, new), self.usable_size(new))?;
                    move_into(slice, old.size(), &self.secondary, ptr, old);
                    Ok(slice)
                }
            }
        }
    }

    /// Cuts what a side has grown (R2), and zeroes what the cut had kept from the caller before.
    ///
    /// # Safety
    ///
    /// `grown` is what `side` made of an allocation with the layout `old`, for `new`.
    unsafe fn grown(
        &self,
        grown: NonNull<[u8]>,
        side: &impl Layer,
        old: Layout,
        new: Layout,
        fresh: Fresh,
    ) -> NonNull<[u8]> {
        let bytes = self.usable_size(new);
        if fresh == Fresh::Zeroed {
            // SAFETY: `grown` is at least `bytes` long, since `bytes` is the smaller usable size.
            unsafe { zero(grown.cast(), self.usable_size(old), side.usable_size(old).min(bytes)) }
        }
        NonNull::slice_from_raw_parts(grown.cast(), bytes)
    }

    /// R1 for what the secondary has grown or shrunk: moves it home if the primary claims it.
    ///
    /// # Safety
    ///
    /// `slice` is live in the secondary, with the layout `layout`.
    #[inline]
    unsafe fn unclaimed(&self, slice: NonNull<[u8]>, layout: Layout) -> NonNull<[u8]> {
        if self.primary.owns(slice.cast()) {
            // SAFETY: the caller's promise.
            return unsafe { self.move_home(slice, layout) };
        }
        slice
    }

    /// The secondary has moved an allocation to where the primary claims it (R1): it has to go
    /// somewhere else.
    ///
    /// # Safety
    ///
    /// `claimed` is live in the secondary, with the layout `layout`.
    #[cold]
    unsafe fn move_home(&self, claimed: NonNull<[u8]>, layout: Layout) -> NonNull<[u8]> {
        let bytes = self.usable_size(layout);
        let home = cut(self.primary.allocate(layout), bytes)
            .or_else(|_| self.serve_from_secondary(layout, Fresh::Any));
        let Ok(home) = home else {
            crate::abort("Fallback: no room for an allocation that both sides claim");
        };
        // SAFETY: both have at least `bytes` bytes, the shorter usable size (R2). All of them are
        // moved, so that what was zeroed is zero in the new place; `copy` needs no initialised
        // bytes. `claimed` is live in the secondary (the caller's promise).
        unsafe {
            home.cast::<u8>().copy_from_nonoverlapping(claimed.cast(), bytes);
            self.secondary.deallocate(claimed.cast(), layout);
        }
        home
    }
}

allocator! {
    // SAFETY: each allocation lives on one side, which keeps the contract, and leads back there by
    // its address (R1) with a layout that fits there (R2).
    unsafe impl[P: Layer, S: Layer] Allocator for Fallback<P, S> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.serve(layout, Fresh::Any)
        }
        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.serve(layout, Fresh::Zeroed)
        }
        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if layout.size() == 0 {
                return;
            }
            // SAFETY: `ptr` is live on the side that `owns` says (R1), and `layout` fits it (R2).
            unsafe {
                if self.primary.owns(ptr) {
                    self.primary.deallocate(ptr, layout);
                } else {
                    self.secondary.deallocate(ptr, layout);
                }
            }
        }
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.grow_as(ptr, old, new, Fresh::Any) }
        }
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.grow_as(ptr, old, new, Fresh::Zeroed) }
        }
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if old.size() == 0 || new.size() == 0 {
                // SAFETY: the caller's promise; nothing is left to keep.
                unsafe { self.deallocate(ptr, old) };
                return Ok(dangling(new));
            }
            let bytes = self.usable_size(new);
            // SAFETY: as for `grow_as`.
            unsafe {
                if self.primary.owns(ptr) {
                    if let Ok(shrunk) = self.primary.shrink(ptr, old, new) {
                        return cut(Ok(shrunk), bytes);
                    }
                    let slice = self.serve_from_secondary(new, Fresh::Any)?;
                    move_into(slice, new.size(), &self.primary, ptr, old);
                    return Ok(slice);
                }
                match self.secondary.shrink(ptr, old, new) {
                    Ok(shrunk) => cut(Ok(self.unclaimed(shrunk, new)), bytes),
                    Err(_) => {
                        let slice = cut(self.primary.allocate(new), bytes)?;
                        move_into(slice, new.size(), &self.secondary, ptr, old);
                        Ok(slice)
                    }
                }
            }
        }
    }
}

// SAFETY: L1 and L2 by R2: the smaller of two sizes that each agree over their own fitting sizes
// agrees over those that fit both. L3: `serve`, `shrink`. L4: an allocation lies on one of the
// sides, which owns it. L5: the sides' own.
unsafe impl<P: Layer, S: Layer> Layer for Fallback<P, S> {
    #[inline]
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        self.primary.owns(ptr) || self.secondary.owns(ptr)
    }
    #[inline]
    fn usable_size(&self, layout: Layout) -> usize {
        self.primary.usable_size(layout).min(self.secondary.usable_size(layout))
    }
    fn range(&self) -> Option<Range<usize>> {
        common_range(&self.primary, &self.secondary)
    }
    fn reclaim(&self, goal_bytes: usize) -> usize {
        reclaim_both(goal_bytes, &self.primary, &self.secondary)
    }
    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        // SAFETY: the caller's promise; this layer consists of the two.
        unsafe { discard_either(ptr, bytes, &self.primary, &self.secondary) }
    }
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Fallback", |report| {
            report.layer("primary", |report| self.primary.report(report));
            report.layer("secondary", |report| self.secondary.report(report));
        });
    }
    fn verify(&self) -> Result<(), Broken> {
        self.primary.verify()?;
        self.secondary.verify()
    }
    fn freeze(&self) {
        self.primary.freeze();
        self.secondary.freeze();
    }
    unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which went to both layers.
        unsafe {
            self.secondary.thaw();
            self.primary.thaw();
        }
    }
}
