//! [`Sampled`]: one allocation in many stands between guard pages.
//!
//! Above: whoever composes a stack. Below: one layer; for the few, pages of the operating system.
//! The idea is that of GWP-ASan (Serebryany and others, 2018; before it, Electric Fence): a program that runs often
//! enough meets each of its memory errors with a guarded object some day, and pays nearly nothing for it.
//!
//! The journey of an allocation:
//! 1. *Draw.* A thread counts its allocations down (`draw.rs`). Almost always something is left, and the layer below
//!    answers.
//! 2. *Guard.* Otherwise a page of the pool (`pool.rs`) becomes accessible, and the object is placed at its end, or, by
//!    chance, at its start. Both neighbours of the page are never accessible. What of the page is not the object's
//!    holds a pattern.
//! 3. *Free.* A range check tells the pool's addresses (`range.rs`). The pattern is looked at; then the page is inaccessible
//!    until it is used again, the one that was freed first before the others.
//! 4. *Fault.* An access beside the object, or after its end, is a fault of the processor, whose handler (`fault.rs`) finds
//!    the object and says what happened (`report.rs`): then the process aborts. So it does on a free of what
//!    is no live object's start.
//!
//! Every allocation, sampled or not, has just the size that was asked for, so that an object ends where its owner
//! thinks.

mod fault;
mod layer;
mod pool;
mod range;
mod record;
mod report;
mod system;
mod table;

use super::draw::{Countdown, Sampler};
use crate::Layer;
use crate::sync::{AtomicUsize, Lock, Ordering};
use core::fmt;
use core::mem::ManuallyDrop;
use pool::Pool;
use range::AddressRange;

std::thread_local! {
    static COUNTDOWN: Countdown = const { Countdown::new() };
}

/// Puts one allocation in many between guard pages, and says what went wrong when the program breaks it.
///
/// It finds accesses before the start and behind the end of an object (at once on the side of a guard page, when it is
/// freed on the other side), accesses to freed objects, double frees, frees of what is no object's start, and
/// frees with a wrong size. The process then says so on standard error, with the calls that allocated and freed the
/// object, and aborts. What it finds depends on chance; what it says is always true.
///
/// ```
/// use alloc_core::{Sampled, api2::{alloc::Global, vec::Vec}};
///
/// // One allocation in a thousand, of which 64 at most are guarded at a time.
/// let stack = Sampled::new(Global).with_mean_allocations(1000).with_pages(64);
/// let mut list = Vec::new_in(&stack);
/// list.extend(0..100);
/// assert_eq!(list[99], 99);
/// ```
///
/// An allocation that is not sampled costs a few instructions. A sampled one costs some microseconds, and while it
/// lives a page of memory. Allocations larger than a page, or aligned beyond one, are never sampled, nor is anything while
/// all pages of the pool are in use.
///
/// The first sample installs a handler of `SIGSEGV` and `SIGBUS`, which passes faults that are not the pool's to the handler
/// that was there before. A program that installs its own later has to call the one that it replaces. Unix only.
pub struct Sampled<A: Layer> {
    range: AddressRange,
    sampler: Sampler,
    /// Made by the first sample.
    pool: Lock<Pool>,
    pages: usize,
    /// Allocations that were drawn, but found no page.
    passed_by: AtomicUsize,
    below: A,
}

impl<A: Layer> Sampled<A> {
    /// The mean distance of two samples, where no other is set.
    pub const DEFAULT_MEAN_ALLOCATIONS: usize = 10_000;

    /// How many objects are guarded at a time, where nothing else is set.
    pub const DEFAULT_PAGES: usize = 128;

    crate::const_fn! {
        /// Samples what is allocated from `below`.
        #[must_use]
        pub const fn new(below: A) -> Self {
            Self {
                range: AddressRange::new(),
                sampler: Sampler::new(Self::DEFAULT_MEAN_ALLOCATIONS),
                pool: Lock::new(Pool::new()),
                pages: Self::DEFAULT_PAGES,
                passed_by: AtomicUsize::new(0),
                below,
            }
        }
    }

    /// Samples one allocation in `allocations`, on the average; 0 samples each that there is a page for.
    #[must_use]
    pub const fn with_mean_allocations(mut self, allocations: usize) -> Self {
        self.sampler.set_mean(allocations);
        self
    }

    /// Guards so many objects at a time, at most. Each has two pages of address space, and one of memory while it lives.
    ///
    /// # Panics
    ///
    /// When it is more than a million.
    #[must_use]
    pub const fn with_pages(mut self, pages: usize) -> Self {
        assert!(pages <= 1_000_000, "a pool of at most a million pages");
        self.pages = pages;
        self
    }

    /// Draws by this seed, for runs that can be repeated. With 0, as without this, each run draws by a seed of its own.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.sampler.set_seed(seed);
        self
    }

    /// The mean distance of two samples.
    #[must_use]
    pub const fn mean_allocations(&self) -> usize {
        self.sampler.mean()
    }

    /// How many objects are guarded at a time, at most.
    #[must_use]
    pub const fn pages(&self) -> usize {
        self.pages
    }

    /// The objects that are guarded now.
    #[must_use]
    pub fn guarded(&self) -> usize {
        self.pool.lock().live()
    }

    /// How many allocations were drawn, but found no page.
    #[must_use]
    pub fn passed_by(&self) -> usize {
        // ORDERING: Relaxed; the figure guards nothing.
        self.passed_by.load(Ordering::Relaxed)
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }

    /// The layer below, with the pool gone, and with it the objects that were guarded.
    pub fn into_inner(self) -> A {
        let this = ManuallyDrop::new(self);
        this.pool.lock().unmap();
        // SAFETY: `this` is neither used nor dropped after this; its other fields have no destructors.
        unsafe { core::ptr::read(&raw const this.below) }
    }

    /// Takes the pool's lock before a fork, and none of those below: for a layer below that sees to forks itself.
    pub fn freeze_pool(&self) {
        self.pool.acquire();
    }

    /// Frees the lock again, in the parent and in the child.
    ///
    /// # Safety
    ///
    /// This thread, or in a forked child the thread that it is the copy of, called
    /// [`freeze_pool`](Self::freeze_pool), and has not called this since.
    pub unsafe fn thaw_pool(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.pool.release() };
    }
}

impl<A: Layer> Drop for Sampled<A> {
    fn drop(&mut self) {
        self.pool.lock().unmap();
    }
}

impl<A: Layer + fmt::Debug> fmt::Debug for Sampled<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampled")
            .field("mean_allocations", &self.mean_allocations())
            .field("pages", &self.pages)
            .field("below", &self.below)
            .finish_non_exhaustive()
    }
}

impl<A: Layer + Default> Default for Sampled<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}
