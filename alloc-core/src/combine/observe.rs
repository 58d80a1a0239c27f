//! [`Observe`]: counts what goes by.
//!
//! Each operation costs a few relaxed atomic additions, so figures that belong together may be
//! read at slightly different moments while other threads run; when none runs, they are exact.

use crate::sync::{AtomicUsize, Ordering, zeroed_counters};
use crate::{AllocError, Layer, Report};
use core::alloc::Layout;
use core::fmt::{self, Write};
use core::ptr::NonNull;

/// One counter for each power of two that a size may be.
const SIZES: usize = usize::BITS as usize;

/// What [`Observe`] has counted. Zero-sized requests, which cost nothing, do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// Bytes live now, by usable size.
    pub live_bytes: usize,
    /// The most bytes live at a time.
    pub peak_bytes: usize,
    /// Allocations live now.
    pub live: usize,
    /// Allocations served.
    pub allocations: usize,
    /// Allocations freed.
    pub deallocations: usize,
    /// Grows served.
    pub grows: usize,
    /// Shrinks served.
    pub shrinks: usize,
    /// Requests that the layer below refused.
    pub refused: usize,
}

/// Counts live and peak bytes, each operation, refusals, and allocations by size.
///
/// ```
/// use alloc_core::{Observe, api2::{alloc::Global, vec::Vec}};
///
/// let stack = Observe::new(Global);
/// let mut bytes = Vec::new_in(&stack);
/// bytes.extend_from_slice(&[7u8; 100]);
/// assert_eq!(stack.figures().live_bytes, bytes.capacity());
/// // Sizes from 65 to 128 bytes: up to two to the power of 7.
/// assert_eq!(stack.sizes()[7], 1);
/// drop(bytes);
/// assert_eq!((stack.figures().live_bytes, stack.figures().peak_bytes), (0, 100));
/// ```
pub struct Observe<A> {
    live_bytes: AtomicUsize,
    peak_bytes: AtomicUsize,
    allocations: AtomicUsize,
    deallocations: AtomicUsize,
    grows: AtomicUsize,
    shrinks: AtomicUsize,
    refused: AtomicUsize,
    sizes: [AtomicUsize; SIZES],
    below: A,
}

impl<A> Observe<A> {
    crate::const_fn! {
        /// Counts what goes by on its way to `below`.
        pub const fn new(below: A) -> Self {
            Self {
                live_bytes: AtomicUsize::new(0),
                peak_bytes: AtomicUsize::new(0),
                allocations: AtomicUsize::new(0),
                deallocations: AtomicUsize::new(0),
                grows: AtomicUsize::new(0),
                shrinks: AtomicUsize::new(0),
                refused: AtomicUsize::new(0),
                sizes: zeroed_counters(),
                below,
            }
        }
    }

    /// The figures now.
    #[must_use]
    pub fn figures(&self) -> Figures {
        // ORDERING: Relaxed throughout this file; the figures guard no other memory.
        let load = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        // Frees are read first: whoever frees has allocated before.
        let deallocations = load(&self.deallocations);
        let allocations = load(&self.allocations);
        Figures {
            live_bytes: load(&self.live_bytes),
            peak_bytes: load(&self.peak_bytes),
            live: allocations.wrapping_sub(deallocations),
            allocations,
            deallocations,
            grows: load(&self.grows),
            shrinks: load(&self.shrinks),
            refused: load(&self.refused),
        }
    }

    /// How many allocations had a size (as asked for) of at most two to the power of the index,
    /// and more than the power before. Grows and shrinks count with their new size.
    #[must_use]
    pub fn sizes(&self) -> [usize; SIZES] {
        core::array::from_fn(|at| self.sizes[at].load(Ordering::Relaxed))
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }

    /// The layer below, with the counters gone.
    pub fn into_inner(self) -> A {
        self.below
    }

    /// Counts an answer: `old_bytes` became `new_bytes`, in an operation counted by `counter`.
    #[inline]
    fn count(
        &self,
        answer: Result<NonNull<[u8]>, AllocError>,
        counter: &AtomicUsize,
        layout: Layout,
        old_bytes: usize,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let Ok(slice) = answer else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return answer;
        };
        if !slice.is_empty() {
            counter.fetch_add(1, Ordering::Relaxed);
            self.sizes[power_at_least(layout.size())].fetch_add(1, Ordering::Relaxed);
        }
        self.change(old_bytes, slice.len());
        answer
    }

    #[inline]
    fn change(&self, old_bytes: usize, new_bytes: usize) {
        if new_bytes > old_bytes {
            let more = new_bytes - old_bytes;
            let before = self.live_bytes.fetch_add(more, Ordering::Relaxed);
            self.peak_bytes.fetch_max(before.wrapping_add(more), Ordering::Relaxed);
        } else if new_bytes < old_bytes {
            self.live_bytes.fetch_sub(old_bytes - new_bytes, Ordering::Relaxed);
        }
    }
}

/// The smallest power of two that is no less than `size`, as an exponent.
#[inline]
const fn power_at_least(size: usize) -> usize {
    (usize::BITS - size.saturating_sub(1).leading_zeros()) as usize
}
const _: () = assert!(power_at_least(1) == 0 && power_at_least(64) == 6 && power_at_least(65) == 7);
const _: () = assert!(power_at_least(isize::MAX as usize) < SIZES);

impl<A: Layer> Observe<A> {
    /// Counts a grow or shrink. One that begins at size 0 is an allocation, one that ends there a
    /// deallocation.
    #[inline]
    fn count_change(
        &self,
        answer: Result<NonNull<[u8]>, AllocError>,
        counter: &AtomicUsize,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let counter = if old.size() == 0 { &self.allocations } else { counter };
        let answer = self.count(answer, counter, new, self.below.usable_size(old));
        if new.size() == 0 && old.size() > 0 && answer.is_ok() {
            self.deallocations.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }
}

impl<A: fmt::Debug> fmt::Debug for Observe<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observe")
            .field("figures", &self.figures())
            .field("below", &self.below)
            .finish_non_exhaustive()
    }
}

impl<A: Default> Default for Observe<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}

allocator! {
    // SAFETY: every method forwards to `A`.
    unsafe impl[A: Layer] Allocator for Observe<A> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.count(self.below.allocate(layout), &self.allocations, layout, 0)
        }
        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.count(self.below.allocate_zeroed(layout), &self.allocations, layout, 0)
        }
        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // Counted before it is freed, so that no other thread's allocation of the same memory
            // is counted while this one still is.
            if layout.size() > 0 {
                self.change(self.below.usable_size(layout), 0);
                self.deallocations.fetch_add(1, Ordering::Relaxed);
            }
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
            // SAFETY: the caller's promise.
            let answer = unsafe { self.below.grow(ptr, old, new) };
            self.count_change(answer, &self.grows, old, new)
        }
        #[inline]
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            let answer = unsafe { self.below.grow_zeroed(ptr, old, new) };
            self.count_change(answer, &self.grows, old, new)
        }
        #[inline]
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            let answer = unsafe { self.below.shrink(ptr, old, new) };
            self.count_change(answer, &self.shrinks, old, new)
        }
    }
}

// SAFETY: every answer is `A`'s, which keeps rules L1 to L5.
unsafe impl<A: Layer> Layer for Observe<A> {
    pass_on!(below: owns usable_size range reclaim discard verify freeze);

    fn report(&self, report: &mut Report<'_>) {
        report.layer("Observe", |report| {
            let figures = self.figures();
            report.bytes("live", figures.live_bytes);
            report.bytes("peak", figures.peak_bytes);
            report.count("live allocations", figures.live as u64);
            report.count("allocations", figures.allocations as u64);
            report.count("deallocations", figures.deallocations as u64);
            report.count("grows", figures.grows as u64);
            report.count("shrinks", figures.shrinks as u64);
            report.count("refused", figures.refused as u64);
            report.layer("allocations by size", |report| {
                for (power, count) in self.sizes().into_iter().enumerate().filter(|(_, n)| *n > 0) {
                    let mut label = Label::default();
                    // A label that did not fit would be cut, and still be a label.
                    let _ = label.write_size(power);
                    report.count(label.text(), count as u64);
                }
            });
            self.below.report(report);
        });
    }
}

/// The name of a counter of sizes, made without allocating.
#[derive(Default)]
struct Label {
    bytes: [u8; 16],
    len: usize,
}

impl Label {
    fn write_size(&mut self, power: usize) -> fmt::Result {
        const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        write!(self, "up to {} {}", 1 << (power % 10), UNITS[power / 10])
    }

    fn text(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or("")
    }
}

impl Write for Label {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
