//! [`Limit`]: so many bytes and no more.
//!
//! Rules:
//! * R1: bytes are charged before the layer below is asked, and only if they stay within the limit
//!   (one atomic step), so that live bytes never exceed the highest limit there was.
//! * R2: what was charged is given back exactly once: when the layer below refuses, or when the
//!   allocation is freed. Usable sizes make it exact: every layout that fits has the same (L2).
//! * R3: who sees a limit sees it in `highest_bytes`, and who sees what was charged under it does, too.

use super::REFUSED;
use crate::sync::{AtomicUsize, Ordering};
use crate::{AllocError, Broken, Layer, Report};
use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

/// Refuses what would make more than `limit_bytes` live at a time.
///
/// Bytes count by [usable size](Layer::usable_size). A grow or shrink is charged the difference;
/// while the layer below moves an allocation, it may hold both copies. The limit may change while the
/// program runs: [`set_limit_bytes`](Self::set_limit_bytes).
///
/// ```
/// use alloc_core::{Allocator, Layout, Limit, api2::alloc::Global};
///
/// static STACK: Limit<Global> = Limit::new(100, Global);
/// let ptr = STACK.allocate(Layout::new::<[u8; 64]>())?;
/// assert_eq!(STACK.live_bytes(), 64);
/// assert!(STACK.allocate(Layout::new::<[u8; 64]>()).is_err());
/// // SAFETY: it was allocated from this stack with this layout.
/// unsafe { STACK.deallocate(ptr.cast(), Layout::new::<[u8; 64]>()) };
/// assert_eq!((STACK.live_bytes(), STACK.peak_bytes()), (0, 64));
/// # Ok::<(), alloc_core::AllocError>(())
/// ```
pub struct Limit<A> {
    limit_bytes: AtomicUsize,
    /// The highest limit so far.
    highest_bytes: AtomicUsize,
    live_bytes: AtomicUsize,
    peak_bytes: AtomicUsize,
    refused: AtomicUsize,
    below: A,
}

impl<A> Limit<A> {
    crate::const_fn! {
        /// At most `limit_bytes` bytes live at a time, from `below`.
        pub const fn new(limit_bytes: usize, below: A) -> Self {
            Self {
                limit_bytes: AtomicUsize::new(limit_bytes),
                highest_bytes: AtomicUsize::new(limit_bytes),
                live_bytes: AtomicUsize::new(0),
                peak_bytes: AtomicUsize::new(0),
                refused: AtomicUsize::new(0),
                below,
            }
        }
    }

    /// The most bytes that may be live.
    #[must_use]
    pub fn limit_bytes(&self) -> usize {
        // ORDERING: Acquire meets `set_limit_bytes` (R3).
        self.limit_bytes.load(Ordering::Acquire)
    }

    /// Changes the limit, for what is asked for from now on. Nothing that is live is touched: where more is live than the new limit allows,
    /// everything that asks for more is refused until enough of it has been freed.
    ///
    /// ```
    /// use alloc_core::{Allocator, Layout, Limit, api2::alloc::Global};
    ///
    /// let stack = Limit::new(100, Global);
    /// let layout = Layout::new::<[u8; 64]>();
    /// let first = stack.allocate(layout)?;
    /// assert!(stack.allocate(layout).is_err());
    /// stack.set_limit_bytes(128);
    /// let second = stack.allocate(layout)?;
    /// stack.set_limit_bytes(0);
    /// assert_eq!((stack.live_bytes(), stack.limit_bytes()), (128, 0));
    /// # // SAFETY: both were allocated from this stack with this layout.
    /// # unsafe {
    /// #     stack.deallocate(first.cast(), layout);
    /// #     stack.deallocate(second.cast(), layout);
    /// # }
    /// # Ok::<(), alloc_core::AllocError>(())
    /// ```
    pub fn set_limit_bytes(&self, limit_bytes: usize) {
        self.highest_bytes.fetch_max(limit_bytes, Ordering::Relaxed);
        // ORDERING: Release: whoever charges under this limit hands on the highest one (R3).
        self.limit_bytes.store(limit_bytes, Ordering::Release);
    }

    /// The bytes that are live.
    #[must_use]
    pub fn live_bytes(&self) -> usize {
        self.live_bytes.load(Ordering::Relaxed)
    }

    /// The most bytes that were live at a time.
    #[must_use]
    pub fn peak_bytes(&self) -> usize {
        self.peak_bytes.load(Ordering::Relaxed)
    }

    /// How many requests the limit has refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }

    /// The layer below, with the limit gone.
    pub fn into_inner(self) -> A {
        self.below
    }

    /// Charges `bytes`, if they stay within the limit (R1). Returns what is live with them.
    #[inline]
    fn charge(&self, bytes: usize) -> Result<usize, AllocError> {
        if bytes == 0 {
            return Ok(0);
        }
        let limit_bytes = self.limit_bytes();
        // ORDERING: Release meets `verify` (R3). Relaxed in the rest of this file; the figures guard no other memory, and R1
        // and R2 need each step to be atomic, not ordered.
        let charged = self.live_bytes.fetch_update(Ordering::Release, Ordering::Relaxed, |live| {
            live.checked_add(bytes).filter(|live| *live <= limit_bytes)
        });
        match charged {
            Ok(before) => Ok(before + bytes),
            Err(_) => self.refuse(),
        }
    }

    #[cold]
    fn refuse(&self) -> Result<usize, AllocError> {
        self.refused.fetch_add(1, Ordering::Relaxed);
        REFUSED.map(|_| 0)
    }

    /// Gives back what was charged (R2).
    #[inline]
    fn discharge(&self, bytes: usize) {
        if bytes > 0 {
            self.live_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Asks the layer below for `bytes` more, under R1 and R2.
    #[inline]
    fn charged(
        &self,
        bytes: usize,
        ask: impl FnOnce() -> Result<NonNull<[u8]>, AllocError>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let live = self.charge(bytes)?;
        let answer = ask();
        match answer {
            // What the layer below refuses was never live.
            Ok(_) => _ = self.peak_bytes.fetch_max(live, Ordering::Relaxed),
            Err(_) => self.discharge(bytes),
        }
        answer
    }
}

impl<A: Layer> Limit<A> {
    /// Changes an allocation from the layout `old` to `new`, and the account with it.
    #[inline]
    fn exchanged(
        &self,
        old: Layout,
        new: Layout,
        ask: impl FnOnce() -> Result<NonNull<[u8]>, AllocError>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let (old, new) = (self.below.usable_size(old), self.below.usable_size(new));
        let slice = self.charged(new.saturating_sub(old), ask)?;
        self.discharge(old.saturating_sub(new));
        Ok(slice)
    }
}

impl<A: fmt::Debug> fmt::Debug for Limit<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("limit_bytes", &self.limit_bytes())
            .field("live_bytes", &self.live_bytes())
            .field("peak_bytes", &self.peak_bytes())
            .field("below", &self.below)
            .finish_non_exhaustive()
    }
}

allocator! {
    // SAFETY: every method forwards to `A`, or refuses and leaves everything as it was.
    unsafe impl[A: Layer] Allocator for Limit<A> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.charged(self.below.usable_size(layout), || self.below.allocate(layout))
        }
        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.charged(self.below.usable_size(layout), || self.below.allocate_zeroed(layout))
        }
        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { self.below.deallocate(ptr, layout) };
            self.discharge(self.below.usable_size(layout));
        }
        #[inline]
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            self.exchanged(old, new, || unsafe { self.below.grow(ptr, old, new) })
        }
        #[inline]
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            self.exchanged(old, new, || unsafe { self.below.grow_zeroed(ptr, old, new) })
        }
        #[inline]
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            self.exchanged(old, new, || unsafe { self.below.shrink(ptr, old, new) })
        }
    }
}

// SAFETY: every answer is `A`'s, which keeps rules L1 to L5; a usable size of 0 is charged nothing.
unsafe impl<A: Layer> Layer for Limit<A> {
    pass_on!(below: owns usable_size range reclaim discard freeze);

    fn report(&self, report: &mut Report<'_>) {
        report.layer("Limit", |report| {
            report.bytes("limit", self.limit_bytes());
            report.bytes("live", self.live_bytes());
            report.bytes("peak", self.peak_bytes());
            report.count("refused", self.refused() as u64);
            self.below.report(report);
        });
    }
    fn verify(&self) -> Result<(), Broken> {
        // ORDERING: Acquire meets `charge` (R3).
        let live = self.live_bytes.load(Ordering::Acquire);
        let highest = self.highest_bytes.load(Ordering::Relaxed);
        Broken::unless(live <= highest, "Limit", "live bytes are within the limit", live)?;
        self.below.verify()
    }
}
