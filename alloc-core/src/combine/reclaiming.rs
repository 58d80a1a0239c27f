//! [`Reclaiming`]: step two of an allocation: when memory is short, give back and try again.

use crate::sync::{AtomicUsize, Ordering};
use crate::{AllocError, Layer, Report};
use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

/// How often a request is tried again at most, while reclaiming still yields something.
const TRIES: usize = 4;

/// When the layer below refuses, gives back what it caches ([`Layer::reclaim`]), and tries again.
///
/// That helps where memory is cached by one part of the stack and missed by another: a thread
/// cache over a limit, an arena that keeps freed pages. The first retry follows a reclaim of what
/// is needed; if it is refused too, everything is reclaimed, for as long as that yields something.
///
/// ```
/// use alloc_core::{Allocator, Layout, Limit, Reclaiming, api2::alloc::Global};
///
/// let stack = Reclaiming::new(Limit::new(1 << 20, Global));
/// let ptr = stack.allocate(Layout::new::<[u8; 64]>())?;
/// # // SAFETY: it was allocated from this stack with this layout.
/// # unsafe { stack.deallocate(ptr.cast(), Layout::new::<[u8; 64]>()) };
/// # Ok::<(), alloc_core::AllocError>(())
/// ```
pub struct Reclaiming<A> {
    below: A,
    shortages: AtomicUsize,
    rescues: AtomicUsize,
    reclaimed_bytes: AtomicUsize,
}

impl<A> Reclaiming<A> {
    crate::const_fn! {
        /// Reclaims from `below` when `below` refuses.
        pub const fn new(below: A) -> Self {
            Self {
                below,
                shortages: AtomicUsize::new(0),
                rescues: AtomicUsize::new(0),
                reclaimed_bytes: AtomicUsize::new(0),
            }
        }
    }

    /// How many requests the layer below refused at first.
    #[must_use]
    pub fn shortages(&self) -> usize {
        // ORDERING: Relaxed throughout this file; the figures guard no other memory.
        self.shortages.load(Ordering::Relaxed)
    }

    /// How many of those it served after a reclaim.
    #[must_use]
    pub fn rescues(&self) -> usize {
        self.rescues.load(Ordering::Relaxed)
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }

    /// The layer below, without the retries.
    pub fn into_inner(self) -> A {
        self.below
    }
}

impl<A: Layer> Reclaiming<A> {
    #[inline]
    fn insist(
        &self,
        layout: Layout,
        ask: impl Fn() -> Result<NonNull<[u8]>, AllocError>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        match ask() {
            Ok(slice) => Ok(slice),
            Err(_) => self.reclaim_and_ask(layout, ask),
        }
    }

    #[cold]
    fn reclaim_and_ask(
        &self,
        layout: Layout,
        ask: impl Fn() -> Result<NonNull<[u8]>, AllocError>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        self.shortages.fetch_add(1, Ordering::Relaxed);
        // An aligned run may need room to be cut out of.
        let mut goal_bytes = layout.size().saturating_add(layout.align());
        for _ in 0..TRIES {
            let given = self.below.reclaim(goal_bytes);
            self.reclaimed_bytes.fetch_add(given, Ordering::Relaxed);
            // Asked again even if nothing left the stack: memory may have moved within it.
            if let Ok(slice) = ask() {
                self.rescues.fetch_add(1, Ordering::Relaxed);
                return Ok(slice);
            }
            if given == 0 && goal_bytes == usize::MAX {
                break;
            }
            goal_bytes = usize::MAX;
        }
        Err(AllocError)
    }
}

impl<A: fmt::Debug> fmt::Debug for Reclaiming<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reclaiming")
            .field("shortages", &self.shortages())
            .field("rescues", &self.rescues())
            .field("below", &self.below)
            .finish_non_exhaustive()
    }
}

impl<A: Default> Default for Reclaiming<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}

allocator! {
    // SAFETY: every answer is `A`'s; asking again after a refusal is allowed, since a refusal
    // leaves an allocation as it was.
    unsafe impl[A: Layer] Allocator for Reclaiming<A> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.insist(layout, || self.below.allocate(layout))
        }
        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.insist(layout, || self.below.allocate_zeroed(layout))
        }
        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { self.below.deallocate(ptr, layout) }
        }
        #[inline]
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise; it still holds after a refusal.
            self.insist(new, || unsafe { self.below.grow(ptr, old, new) })
        }
        #[inline]
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: as for `grow`.
            self.insist(new, || unsafe { self.below.grow_zeroed(ptr, old, new) })
        }
        #[inline]
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: as for `grow`.
            self.insist(new, || unsafe { self.below.shrink(ptr, old, new) })
        }
    }
}

// SAFETY: every answer is `A`'s, which keeps rules L1 to L5.
unsafe impl<A: Layer> Layer for Reclaiming<A> {
    pass_on!(below: owns usable_size range reclaim discard verify freeze);

    fn report(&self, report: &mut Report<'_>) {
        report.layer("Reclaiming", |report| {
            report.count("shortages", self.shortages() as u64);
            report.count("rescues", self.rescues() as u64);
            report.bytes("reclaimed", self.reclaimed_bytes.load(Ordering::Relaxed));
            self.below.report(report);
        });
    }
}
