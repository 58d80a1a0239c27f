//! [`Segregate`]: small requests to one layer, large ones to another.
//!
//! Rule R1: the side is a function of the layout alone, and every layout that fits an allocation
//! has the same side. So slices on the small side end at the threshold, even where the small layer
//! would hand out more: a size beyond it would lead to the large side.

use super::{common_range, discard_either, move_into, reclaim_both};
use crate::{AllocError, Broken, Layer, Report, cut, dangling};
use core::alloc::Layout;
use core::ops::Range;
use core::ptr::NonNull;

/// Serves layouts whose size and alignment are at most `threshold_bytes` from `S`, others from `L`.
///
/// Growing or shrinking across the threshold moves the contents from one side to the other.
///
/// ```
/// use alloc_core::{Allocator, Layout, Null, Segregate, api2::alloc::Global};
///
/// // No large allocations here.
/// let stack = Segregate::new(1024, Global, Null);
/// assert!(stack.allocate(Layout::new::<[u8; 1025]>()).is_err());
/// let ptr = stack.allocate(Layout::new::<[u8; 1024]>())?;
/// // SAFETY: it was allocated from this stack with this layout.
/// unsafe { stack.deallocate(ptr.cast(), Layout::new::<[u8; 1024]>()) };
/// # Ok::<(), alloc_core::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Segregate<S, L> {
    threshold_bytes: usize,
    small: S,
    large: L,
}

impl<S, L> Segregate<S, L> {
    /// Serves up to `threshold_bytes` from `small`, more from `large`.
    pub const fn new(threshold_bytes: usize, small: S, large: L) -> Self {
        Self { threshold_bytes, small, large }
    }

    /// The largest size, and the largest alignment, of the small side.
    #[must_use]
    pub const fn threshold_bytes(&self) -> usize {
        self.threshold_bytes
    }

    /// The layer that serves small layouts.
    #[must_use]
    pub const fn small(&self) -> &S {
        &self.small
    }

    /// The layer that serves large layouts.
    #[must_use]
    pub const fn large(&self) -> &L {
        &self.large
    }

    /// Both layers, the small one first.
    pub fn into_inner(self) -> (S, L) {
        (self.small, self.large)
    }

    /// The side of a layout (R1).
    #[inline]
    const fn is_small(&self, layout: Layout) -> bool {
        layout.size() <= self.threshold_bytes && layout.align() <= self.threshold_bytes
    }
}

/// Calls the layer of a layout's side.
macro_rules! on_side {
    ($self:ident, $layout:ident, $layer:ident => $call:expr) => {
        if $self.is_small($layout) {
            let $layer = &$self.small;
            $call
        } else {
            let $layer = &$self.large;
            $call
        }
    };
}

impl<S: Layer, L: Layer> Segregate<S, L> {
    /// Moves an allocation into `new`, on the other side. `kept` bytes are kept.
    ///
    /// # Safety
    ///
    /// `ptr` is live, with the layout `old`; `new` has at least `kept` bytes, and so has `old`.
    unsafe fn cross(&self, new: NonNull<[u8]>, kept: usize, ptr: NonNull<u8>, old: Layout) {
        // SAFETY: the caller's promise; `old` names its side (R1).
        unsafe { on_side!(self, old, layer => move_into(new, kept, layer, ptr, old)) }
    }
}

allocator! {
    // SAFETY: each allocation lives on the side of its layout, which keeps the contract, and every
    // layout that fits leads back there (R1).
    unsafe impl[S: Layer, L: Layer] Allocator for Segregate<S, L> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            let answer = on_side!(self, layout, layer => layer.allocate(layout));
            cut(answer, self.usable_size(layout))
        }
        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            let answer = on_side!(self, layout, layer => layer.allocate_zeroed(layout));
            cut(answer, self.usable_size(layout))
        }
        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if layout.size() > 0 {
                // SAFETY: the caller's promise; the layout names the side (R1).
                unsafe { on_side!(self, layout, layer => layer.deallocate(ptr, layout)) }
            }
        }
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise; the layouts name the sides (R1).
            unsafe {
                if old.size() > 0 && self.is_small(old) == self.is_small(new) {
                    let grown = on_side!(self, new, layer => layer.grow(ptr, old, new));
                    return cut(grown, self.usable_size(new));
                }
                let slice = self.allocate(new)?;
                if old.size() > 0 {
                    self.cross(slice, old.size(), ptr, old);
                }
                Ok(slice)
            }
        }
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: as for `grow`. What the cut keeps from the caller on the small side lies
            // beyond the threshold, and stays so while both layouts are small: nothing to zero.
            unsafe {
                if old.size() > 0 && self.is_small(old) == self.is_small(new) {
                    let grown = on_side!(self, new, layer => layer.grow_zeroed(ptr, old, new));
                    return cut(grown, self.usable_size(new));
                }
                let slice = self.allocate_zeroed(new)?;
                if old.size() > 0 {
                    self.cross(slice, old.size(), ptr, old);
                }
                Ok(slice)
            }
        }
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: as for `grow`.
            unsafe {
                if new.size() == 0 {
                    self.deallocate(ptr, old);
                    return Ok(dangling(new));
                }
                if self.is_small(old) == self.is_small(new) {
                    let shrunk = on_side!(self, new, layer => layer.shrink(ptr, old, new));
                    return cut(shrunk, self.usable_size(new));
                }
                let slice = self.allocate(new)?;
                self.cross(slice, new.size(), ptr, old);
                Ok(slice)
            }
        }
    }
}

// SAFETY: L1: every slice is cut to `usable_size`. L2: by R1; below the threshold the smaller of
// the side's size, which agrees, and the threshold, which is one. L3: at the top of each method.
// L4: an allocation lies on one of the sides, which owns it. L5: the sides' own.
unsafe impl<S: Layer, L: Layer> Layer for Segregate<S, L> {
    #[inline]
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        self.small.owns(ptr) || self.large.owns(ptr)
    }
    #[inline]
    fn usable_size(&self, layout: Layout) -> usize {
        if layout.size() == 0 {
            return 0;
        }
        if self.is_small(layout) {
            self.small.usable_size(layout).min(self.threshold_bytes)
        } else {
            self.large.usable_size(layout)
        }
    }
    fn range(&self) -> Option<Range<usize>> {
        common_range(&self.small, &self.large)
    }
    fn reclaim(&self, goal_bytes: usize) -> usize {
        reclaim_both(goal_bytes, &self.large, &self.small)
    }
    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        // SAFETY: the caller's promise; this layer consists of the two.
        unsafe { discard_either(ptr, bytes, &self.small, &self.large) }
    }
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Segregate", |report| {
            report.bytes("threshold", self.threshold_bytes);
            report.layer("small", |report| self.small.report(report));
            report.layer("large", |report| self.large.report(report));
        });
    }
    fn verify(&self) -> Result<(), Broken> {
        self.small.verify()?;
        self.large.verify()
    }
    fn freeze(&self) {
        self.small.freeze();
        self.large.freeze();
    }
    unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which went to both layers.
        unsafe {
            self.large.thaw();
            self.small.thaw();
        }
    }
}
