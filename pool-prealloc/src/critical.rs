//! [`CriticalPool`]: a pool whose memory is part of the program, for every thread and interrupt.
//!
//! Above: the user, through [`CriticalBox`]. Below: [`Inline`], and the program's critical section.
//!
//! Rules:
//! * R1: the list is used within a critical section only, or by `&mut self`. So one context has it at a
//!   time, and sees what the one before did.
//! * R2: a slot is its box's alone, so values are made, used and dropped outside of it.

use crate::Full;
use crate::boxed::{SlotBox, sealed};
use crate::inline::Inline;
use crate::pool::Living;
use alloc_core::{Broken, Report};
use core::convert::Infallible;
use core::fmt;
use core::ptr::NonNull;

/// A box in a [`CriticalPool`]: `Send`, if its value is.
pub type CriticalBox<'p, T, const N: usize> = SlotBox<'p, T, CriticalPool<T, N>>;

/// `N` slots for values of type `T` that all contexts share: threads, and interrupt handlers.
///
/// Each call takes or gives a slot in a critical section of the crate `critical-section`, whose
/// implementation the program chooses: no more than a few instructions, and none of a value's code.
///
/// ```
/// use pool_prealloc::{CriticalBox, CriticalPool};
///
/// static POOL: CriticalPool<u32, 16> = CriticalPool::new();
///
/// let one: CriticalBox<'static, _, 16> = POOL.alloc(1)?;
/// std::thread::spawn(move || drop(one)).join().unwrap();
/// assert_eq!(POOL.len(), 0);
/// # Ok::<(), pool_prealloc::Full<u32>>(())
/// ```
pub struct CriticalPool<T, const N: usize> {
    slots: Inline<T, N>,
}

// SAFETY: R1 for the list; values go from context to context with their boxes, so `T: Send`.
unsafe impl<T: Send, const N: usize> Sync for CriticalPool<T, N> {}
// SAFETY: a box is its slot's only user (R2) and gives it back in a critical section (R1).
unsafe impl<T: Send, const N: usize> Send for CriticalBox<'_, T, N> {}

impl<T, const N: usize> CriticalPool<T, N> {
    /// A pool of `N` free slots.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Inline::new() }
    }

    /// Runs `body` with the slots to itself.
    #[inline]
    fn alone<R>(&self, body: impl FnOnce(&Inline<T, N>) -> R) -> R {
        critical_section::with(|_| {
            // SAFETY: R1. What has moved is settled before the first slot is taken there.
            unsafe { self.slots.settle() };
            body(&self.slots)
        })
    }

    #[inline]
    fn take(&self) -> Option<NonNull<T>> {
        // SAFETY: R1, and settled.
        self.alone(|slots| unsafe { slots.take() })
    }

    /// Moves `value` into a slot.
    ///
    /// # Errors
    ///
    /// When no slot is free, with the value.
    #[inline]
    pub fn alloc(&self, value: T) -> Result<CriticalBox<'_, T, N>, Full<T>> {
        match self.take() {
            // SAFETY: just taken.
            Some(slot) => Ok(unsafe { SlotBox::write(slot, self, value) }),
            None => Err(Full(value)),
        }
    }

    /// Writes what `make` returns into a slot. If it unwinds, the slot is free again.
    ///
    /// # Errors
    ///
    /// When no slot is free, with `make`, which was not called.
    #[inline]
    pub fn alloc_with<F: FnOnce() -> T>(&self, make: F) -> Result<CriticalBox<'_, T, N>, Full<F>> {
        let Some(slot) = self.take() else { return Err(Full(make)) };
        let make = || Ok::<_, Infallible>(make());
        // SAFETY: just taken.
        let Ok(boxed) = unsafe { SlotBox::try_write_with(slot, self, make) };
        Ok(boxed)
    }

    /// The box of a value that is in this pool without one.
    ///
    /// # Safety
    ///
    /// As for [`Pool::from_raw`](crate::Pool::from_raw).
    #[inline]
    pub unsafe fn from_raw(&self, value: NonNull<T>) -> CriticalBox<'_, T, N> {
        // SAFETY: the caller's promise.
        unsafe { SlotBox::from_slot(value, self) }
    }

    /// Drops all values that are still here (leaked, or of boxes that were forgotten). Every slot is
    /// free then.
    pub fn clear(&mut self) {
        self.slots.clear();
    }

    /// The values that are still here, by address.
    pub fn iter(&mut self) -> Living<'_, T> {
        // SAFETY: used slots hold values; the pool is borrowed exclusively for as long as this lives.
        unsafe { Living::over(self.slots.walk()) }
    }

    /// How many slots there are.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        N
    }

    /// How many slots are used. Walks the free ones, all of them in one critical section.
    #[must_use]
    pub fn len(&self) -> usize {
        // SAFETY: R1, and settled.
        self.alone(|slots| unsafe { slots.used_slots() })
    }

    /// Whether no slot is used. Walks the free ones, as [`len`](Self::len) does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no slot is free.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.alone(Inline::is_full)
    }

    /// The most slots that were ever used at a time.
    #[must_use]
    pub fn peak_slots(&self) -> usize {
        self.alone(|slots| slots.list().high_slots())
    }

    /// How many requests were refused: no slot was free.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.alone(|slots| slots.list().refused())
    }

    /// Writes the pool's figures.
    pub fn report(&self, report: &mut Report<'_>) {
        report.layer("CriticalPool", |report| {
            report.slots("capacity", N);
            report.slots("used", self.len());
            report.slots("peak", self.peak_slots());
            report.count("refused", self.refused() as u64);
        });
    }

    /// The first invariant that does not hold.
    ///
    /// # Errors
    ///
    /// [`Broken`] names it. A healthy pool never returns it.
    pub fn verify(&self) -> Result<(), Broken> {
        // SAFETY: R1, and settled.
        self.alone(|slots| unsafe { slots.verify("CriticalPool") })
    }
}

impl<T, const N: usize> Default for CriticalPool<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for CriticalPool<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CriticalPool").field("capacity", &N).finish_non_exhaustive()
    }
}

impl<T, const N: usize> sealed::Home<T> for CriticalPool<T, N> {
    #[inline]
    unsafe fn give(&self, slot: NonNull<T>) {
        // SAFETY: R1; the slot is this pool's, and its user is done (caller).
        self.alone(|slots| unsafe { slots.give(slot) });
    }
}
