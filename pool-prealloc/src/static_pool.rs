//! [`StaticPool`]: a pool whose memory is part of the program, for one thread or context.
//!
//! Above: the user, through a [`Handle`], of which there is one. Below: [`Inline`]. Nothing of an
//! allocator or an operating system.
//!
//! Rules:
//! * R1: `slots` is used through a handle only, or by `&mut self`. A handle comes of `&mut self`, which
//!   it borrows, or of [`claim`](StaticPool::claim), which succeeds once.
//! * R2: handles and their boxes do not leave their thread.

use crate::Full;
use crate::boxed::{SlotBox, sealed};
use crate::inline::Inline;
use crate::pool::Living;
use alloc_core::sync::{AtomicBool, Ordering};
use alloc_core::{Broken, Report};
use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// A box in a [`StaticPool`].
pub type StaticBox<'p, T, const N: usize> = SlotBox<'p, T, StaticPool<T, N>>;

/// `N` slots for values of type `T`, in a `static` or wherever else a value can be.
///
/// In a `static`, whoever claims it first has it for good, on its thread:
///
/// ```
/// use pool_prealloc::{StaticBox, StaticPool};
///
/// static POOL: StaticPool<[u8; 64], 16> = StaticPool::new();
///
/// let pool = POOL.claim().expect("this is the only claim");
/// let packet: StaticBox<'static, _, 16> = pool.alloc([0; 64])?;
/// assert!(POOL.claim().is_none());
/// # Ok::<(), pool_prealloc::Full<[u8; 64]>>(())
/// ```
///
/// Elsewhere it is borrowed:
///
/// ```
/// # use pool_prealloc::StaticPool;
/// let mut pool = StaticPool::<_, 4>::new();
/// let handle = pool.handle();
/// let words = (handle.alloc("a")?, handle.alloc("b")?);
/// assert_eq!(handle.len(), 2);
/// # Ok::<(), pool_prealloc::Full<&str>>(())
/// ```
///
/// It is empty and not initialised at first, so a static of it takes no room in a binary. A type that has no
/// size takes four bytes for a slot.
pub struct StaticPool<T, const N: usize> {
    claimed: AtomicBool,
    slots: Inline<T, N>,
}

// SAFETY: a shared pool gives one handle, which stays on the thread that claimed it (R1, R2); values are
// made and dropped there, or where the pool is exclusive, which may be elsewhere: `T: Send`.
unsafe impl<T: Send, const N: usize> Sync for StaticPool<T, N> {}

impl<T, const N: usize> StaticPool<T, N> {
    alloc_core::const_fn! {
        /// A pool of `N` free slots.
        #[must_use]
        pub const fn new() -> Self {
            Self { claimed: AtomicBool::new(false), slots: Inline::new() }
        }
    }

    /// The pool's only handle, for ever: `None` for everybody but the first who asks.
    pub fn claim(&'static self) -> Option<Handle<'static, T, N>> {
        // ORDERING: Relaxed; the flag decides who has the slots. What was done to them before by `&mut`
        // happened before this pool was shared.
        if self.claimed.swap(true, Ordering::Relaxed) {
            return None;
        }
        // SAFETY: the first claim, so nobody has a handle, and nobody will have `&mut self` (R1).
        unsafe { self.slots.settle() };
        Some(Handle { pool: self, thread: PhantomData })
    }

    /// A handle for as long as the pool is borrowed.
    pub fn handle(&mut self) -> Handle<'_, T, N> {
        // SAFETY: `&mut self` (R1).
        unsafe { self.slots.settle() };
        Handle { pool: self, thread: PhantomData }
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
}

impl<T, const N: usize> Default for StaticPool<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for StaticPool<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticPool").field("capacity", &N).finish_non_exhaustive()
    }
}

impl<T, const N: usize> sealed::Home<T> for StaticPool<T, N> {
    #[inline(always)]
    unsafe fn give(&self, slot: NonNull<T>) {
        // SAFETY: the caller's promise; a box is on its handle's thread (R2), and the pool has not moved
        // since, as the box borrows it.
        unsafe { self.slots.give(slot) };
    }
}

/// What a [`StaticPool`] is used through: by one thread.
pub struct Handle<'p, T, const N: usize> {
    pool: &'p StaticPool<T, N>,
    thread: PhantomData<*mut ()>,
}

impl<T, const N: usize> Clone for Handle<'_, T, N> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T, const N: usize> Copy for Handle<'_, T, N> {}

impl<'p, T, const N: usize> Handle<'p, T, N> {
    #[inline(always)]
    fn take(self) -> Option<NonNull<T>> {
        // SAFETY: the handle is the only one (R1), and was made after `settle`.
        unsafe { self.pool.slots.take() }
    }

    /// Moves `value` into a slot.
    ///
    /// # Errors
    ///
    /// When no slot is free, with the value.
    #[inline(always)]
    pub fn alloc(self, value: T) -> Result<StaticBox<'p, T, N>, Full<T>> {
        match self.take() {
            // SAFETY: just taken.
            Some(slot) => Ok(unsafe { SlotBox::write(slot, self.pool, value) }),
            None => Err(Full(value)),
        }
    }

    /// Writes what `make` returns into a slot. If it unwinds, the slot is free again.
    ///
    /// # Errors
    ///
    /// When no slot is free, with `make`, which was not called.
    #[inline(always)]
    pub fn alloc_with<F: FnOnce() -> T>(self, make: F) -> Result<StaticBox<'p, T, N>, Full<F>> {
        let Some(slot) = self.take() else { return Err(Full(make)) };
        let make = || Ok::<_, Infallible>(make());
        // SAFETY: just taken.
        let Ok(boxed) = unsafe { SlotBox::try_write_with(slot, self.pool, make) };
        Ok(boxed)
    }

    /// The box of a value that is in this pool without one.
    ///
    /// # Safety
    ///
    /// As for [`Pool::from_raw`](crate::Pool::from_raw).
    #[inline]
    pub unsafe fn from_raw(self, value: NonNull<T>) -> StaticBox<'p, T, N> {
        // SAFETY: the caller's promise.
        unsafe { SlotBox::from_slot(value, self.pool) }
    }

    /// How many slots there are.
    #[must_use]
    pub const fn capacity(self) -> usize {
        N
    }

    /// How many slots are used. Walks the free ones.
    #[must_use]
    pub fn len(self) -> usize {
        // SAFETY: as in `take`.
        unsafe { self.pool.slots.used_slots() }
    }

    /// Whether no slot is used. Walks the free ones.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether no slot is free.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.pool.slots.is_full()
    }

    /// The most slots that were ever used at a time.
    #[must_use]
    pub fn peak_slots(self) -> usize {
        self.pool.slots.list().high_slots()
    }

    /// How many requests were refused: no slot was free.
    #[must_use]
    pub fn refused(self) -> usize {
        self.pool.slots.list().refused()
    }

    /// Writes the pool's figures.
    pub fn report(self, report: &mut Report<'_>) {
        report.layer("StaticPool", |report| {
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
    pub fn verify(self) -> Result<(), Broken> {
        // SAFETY: as in `take`.
        unsafe { self.pool.slots.verify("StaticPool") }
    }
}

impl<T, const N: usize> fmt::Debug for Handle<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("capacity", &N)
            .field("used", &self.len())
            .field("peak", &self.peak_slots())
            .field("refused", &self.refused())
            .finish()
    }
}
