//! [`Failing`]: fault injection. Refuses by schedule what the layer below would have served.
//!
//! The n-th request has the same fate in every run, so a failure that a schedule provokes can be
//! provoked again. (With several threads, which thread makes the n-th request is up to the machine.)

use crate::sync::{AtomicBool, AtomicUsize, Ordering};
use crate::{AllocError, Layer, Report};
use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

/// Which requests are refused. Requests are counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Schedule {
    /// None.
    #[default]
    Never,
    /// The last of every so many requests; 1 refuses all, 0 none.
    Every(usize),
    /// All after the first so many.
    After(usize),
    /// Those whose bit is 1, lowest bit first, over and over.
    Bits(u64),
    /// So many of a thousand, drawn from a seed.
    Random {
        /// Draws the same requests each time.
        seed: u64,
        /// How many of a thousand are refused.
        permille: u16,
    },
}

impl Schedule {
    /// Whether the request `number` is refused.
    #[must_use]
    pub const fn refuses(self, number: usize) -> bool {
        match self {
            Self::Never => false,
            Self::Every(0) => false,
            Self::Every(period) => number % period == period - 1,
            Self::After(served) => number >= served,
            Self::Bits(bits) => bits >> (number % 64) & 1 == 1,
            Self::Random { seed, permille } => mix(seed, number as u64) % 1000 < permille as u64,
        }
    }
}

/// SplitMix64's `number`-th number after `seed`.
const fn mix(seed: u64, number: u64) -> u64 {
    let z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
// What its authors' program prints for this seed.
const _: () = assert!(mix(1_234_567, 0) == 6_457_827_717_110_365_317);
const _: () = assert!(mix(1_234_567, 1) == 3_203_168_211_198_807_973);

/// Refuses by schedule. Allocating, growing and shrinking are requests, unless they ask for size
/// 0, which always succeeds.
///
/// ```
/// use alloc_core::{Failing, Schedule, api2::{alloc::Global, vec::Vec}};
///
/// let stack = Failing::new(Schedule::After(1), Global);
/// let mut numbers = Vec::new_in(&stack);
/// assert!(numbers.try_reserve(4).is_ok());
/// numbers.push(7);
/// // What a program does when memory runs out, tried without running out of memory:
/// assert!(numbers.try_reserve(100).is_err());
/// assert_eq!((&numbers[..], stack.refused()), (&[7][..], 1));
/// ```
pub struct Failing<A> {
    schedule: Schedule,
    requests: AtomicUsize,
    refused: AtomicUsize,
    paused: AtomicBool,
    below: A,
}

impl<A> Failing<A> {
    crate::const_fn! {
        /// Refuses requests to `below` by `schedule`.
        pub const fn new(schedule: Schedule, below: A) -> Self {
            Self {
                schedule,
                requests: AtomicUsize::new(0),
                refused: AtomicUsize::new(0),
                paused: AtomicBool::new(false),
                below,
            }
        }
    }

    crate::const_fn! {
        /// The same, paused until [`resume`](Failing::resume): a global allocator is asked before
        /// `main` runs.
        #[must_use]
        pub const fn paused(mut self) -> Self {
            self.paused = AtomicBool::new(true);
            self
        }
    }

    /// The schedule.
    #[must_use]
    pub const fn schedule(&self) -> Schedule {
        self.schedule
    }

    /// How many requests were counted: all of them, but for pauses.
    #[must_use]
    pub fn requests(&self) -> usize {
        // ORDERING: Relaxed throughout this file; the figures guard no other memory.
        self.requests.load(Ordering::Relaxed)
    }

    /// How many requests the schedule has refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Lets everything through, uncounted, until [`resume`](Failing::resume).
    pub fn pause(&self) {
        self.paused.store(true, Ordering::Relaxed);
    }

    /// Goes on with the schedule where it was paused.
    pub fn resume(&self) {
        self.paused.store(false, Ordering::Relaxed);
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }

    /// The layer below, without the failures.
    pub fn into_inner(self) -> A {
        self.below
    }

    /// Counts a request for `layout`, and lets it through or not.
    #[inline]
    fn pass(&self, layout: Layout) -> Result<(), AllocError> {
        if layout.size() == 0 || self.paused.load(Ordering::Relaxed) {
            return Ok(());
        }
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        if self.schedule.refuses(number) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(AllocError);
        }
        Ok(())
    }
}

impl<A: fmt::Debug> fmt::Debug for Failing<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failing")
            .field("schedule", &self.schedule)
            .field("requests", &self.requests())
            .field("refused", &self.refused())
            .field("below", &self.below)
            .finish_non_exhaustive()
    }
}

impl<A: Default> Default for Failing<A> {
    fn default() -> Self {
        Self::new(Schedule::Never, A::default())
    }
}

allocator! {
    // SAFETY: every method forwards to `A`, or refuses and leaves everything as it was.
    unsafe impl[A: Layer] Allocator for Failing<A> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.pass(layout)?;
            self.below.allocate(layout)
        }
        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.pass(layout)?;
            self.below.allocate_zeroed(layout)
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
            self.pass(new)?;
            // SAFETY: the caller's promise.
            unsafe { self.below.grow(ptr, old, new) }
        }
        #[inline]
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            self.pass(new)?;
            // SAFETY: the caller's promise.
            unsafe { self.below.grow_zeroed(ptr, old, new) }
        }
        #[inline]
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            self.pass(new)?;
            // SAFETY: the caller's promise.
            unsafe { self.below.shrink(ptr, old, new) }
        }
    }
}

// SAFETY: every answer is `A`'s, which keeps rules L1 to L5; size 0 is never refused here (L3).
unsafe impl<A: Layer> Layer for Failing<A> {
    pass_on!(below: owns usable_size range reclaim discard verify freeze);

    fn report(&self, report: &mut Report<'_>) {
        report.layer("Failing", |report| {
            report.count("requests", self.requests() as u64);
            report.count("refused", self.refused() as u64);
            self.below.report(report);
        });
    }
}
