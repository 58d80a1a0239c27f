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
/// What caches and what refuses lie below it, in this order: `Reclaiming<Cache<Limit<…>>>`, for instance
/// `Reclaiming<ThreadCache<SizeClassHeap<Limit<Arena<Os>>>>>`. Between the two it would not reach the cache, since calls go
/// down; below a limit it does not hear of the limit's refusals; and over a limit alone it asks in vain, as nothing there is cached.
///
/// ```
/// use alloc_core::{Allocator, Layout, Limit, Reclaiming, api2::alloc::Global};
/// # use alloc_core::{AllocError, Broken, Layer, Report, allocator, pass_on};
/// # use core::{cell::Cell, ptr::NonNull};
/// # struct Cache<A> {
/// #     below: A,
/// #     kept: Cell<Option<NonNull<u8>>>,
/// # }
/// # const KEPT: Layout = Layout::new::<[u8; 600]>();
/// # impl<A> Cache<A> {
/// #     const fn new(below: A) -> Self {
/// #         Self { below, kept: Cell::new(None) }
/// #     }
/// # }
/// # allocator! {
/// #     // SAFETY: what is kept is of its one layout, and nobody's.
/// #     unsafe impl[A: Layer] Allocator for Cache<A> {
/// #         fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
/// #             match (layout == KEPT).then(|| self.kept.take()).flatten() {
/// #                 Some(ptr) => Ok(NonNull::slice_from_raw_parts(ptr, KEPT.size())),
/// #                 None => self.below.allocate(layout),
/// #             }
/// #         }
/// #         unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
/// #             if layout == KEPT && self.kept.get().is_none() {
/// #                 return self.kept.set(Some(ptr));
/// #             }
/// #             // SAFETY: the caller's promise.
/// #             unsafe { self.below.deallocate(ptr, layout) }
/// #         }
/// #     }
/// # }
/// # // SAFETY: every answer is `A`'s, or was once.
/// # unsafe impl<A: Layer> Layer for Cache<A> {
/// #     pass_on!(below: owns usable_size range discard verify freeze);
/// #     fn reclaim(&self, goal_bytes: usize) -> usize {
/// #         let Some(ptr) = self.kept.take() else { return self.below.reclaim(goal_bytes) };
/// #         // SAFETY: it is kept, and nobody's.
/// #         unsafe { self.below.deallocate(ptr, KEPT) };
/// #         KEPT.size()
/// #     }
/// #     fn report(&self, report: &mut Report<'_>) {
/// #         self.below.report(report);
/// #     }
/// # }
///
/// // `Cache` keeps what was freed last, for the next that asks for as much.
/// let stack = Reclaiming::new(Cache::new(Limit::new(1000, Global)));
/// let (small, large) = (Layout::new::<[u8; 600]>(), Layout::new::<[u8; 900]>());
/// let ptr = stack.allocate(small)?;
/// // SAFETY: allocated from this stack with this layout.
/// unsafe { stack.deallocate(ptr.cast(), small) }; // cached: the limit counts it still
/// let ptr = stack.allocate(large)?; // refused; then the cache has given way
/// assert_eq!((stack.shortages(), stack.rescues()), (1, 1));
/// # // SAFETY: as above.
/// # unsafe { stack.deallocate(ptr.cast(), large) };
/// # Ok::<(), AllocError>(())
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
