//! The one lock: a word, spun on for a moment, then yielded on.
//!
//! Above: everything that is shared and not on a hit's path. It can stand in a `static`, needs no
//! operating system, allocates nothing, and can be taken in one call and released in another
//! (`freeze`/`thaw` around a fork). Sections under it are short: they do no I/O and run no caller's
//! code.
//!
//! Whether it is held is a word (`held.rs`). Rules:
//! * R1: `value` is touched only by the thread that changed that word from `false` to `true`.
//! * R2: releasing makes what was written visible to the next holder (Release, met by Acquire).

use super::UnsafeCell;
use super::event::LockEvent;
use super::held::Held;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

/// A lock around a value. Not fair, not re-entrant, never poisoned.
///
/// ```
/// use alloc_core::sync::Lock;
///
/// static TOTAL: Lock<u64> = Lock::new(0);
/// *TOTAL.lock() += 1;
/// assert_eq!(*TOTAL.lock(), 1);
/// ```
pub struct Lock<T: ?Sized> {
    held: Held,
    value: UnsafeCell<T>,
}

// SAFETY: `value` moves with the lock; rule R1 gives it to one thread at a time, which is what
// `T: Send` allows.
unsafe impl<T: ?Sized + Send> Send for Lock<T> {}
// SAFETY: as for `Send`: a shared lock hands `T` from thread to thread, never to two at once (R1).
unsafe impl<T: ?Sized + Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    crate::const_fn! {
        /// A free lock around `value`.
        pub const fn new(value: T) -> Self {
            Self { held: Held::new(), value: UnsafeCell::new(value) }
        }
    }

    /// A lock that spins in a model, too: for the model of the lock itself.
    #[cfg(all(loom, feature = "loom"))]
    #[doc(hidden)]
    pub fn spinning(value: T) -> Self {
        Self { held: Held::spinning(), value: UnsafeCell::new(value) }
    }

    /// The value, with the lock gone.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Lock<T> {
    /// Waits until the lock is free, and takes it.
    #[inline]
    pub fn lock(&self) -> LockGuard<'_, T> {
        self.acquire();
        LockGuard { lock: self, value: PhantomData }
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        // Not `then_some`: that makes a guard in any case, and dropping it frees another's lock.
        self.try_acquire().then(|| LockGuard { lock: self, value: PhantomData })
    }

    /// Takes the lock without a guard, until [`release`](Lock::release): for `freeze`.
    #[inline]
    pub fn acquire(&self) {
        if !self.try_acquire() {
            self.wait();
        }
    }

    #[cold]
    fn wait(&self) {
        self.tell(LockEvent::Waits);
        self.held.wait(|| self.try_acquire());
    }

    #[inline]
    fn try_acquire(&self) -> bool {
        self.tell(LockEvent::Tries);
        let taken = self.held.try_acquire();
        if taken {
            self.tell(LockEvent::Taken);
        }
        taken
    }

    /// Tells the model of cache lines what becomes of this lock; nothing at all without one.
    #[inline(always)]
    fn tell(&self, _event: LockEvent) {
        #[cfg(strata_lines)]
        super::lines::note_lock(self.held.word(), core::any::type_name::<T>(), _event);
    }

    /// Takes up a guard again for a lock that is held without one, after
    /// [`acquire`](Lock::acquire) or a guard that was forgotten: for `thaw`.
    ///
    /// # Safety
    ///
    /// As for [`release`](Lock::release): this thread (or the one that it is the copy of) holds the
    /// lock, and no guard of it is alive.
    #[inline]
    pub unsafe fn resume(&self) -> LockGuard<'_, T> {
        LockGuard { lock: self, value: PhantomData }
    }

    /// Frees the lock.
    ///
    /// # Safety
    ///
    /// This thread holds the lock through [`acquire`](Lock::acquire), or, in a forked child, it is
    /// the copy of the thread that does; no guard of it is alive.
    #[inline]
    pub unsafe fn release(&self) {
        self.tell(LockEvent::Freed);
        self.held.release();
    }
}

impl<T: ?Sized> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").finish_non_exhaustive()
    }
}

/// Holds a [`Lock`]; frees it when dropped.
#[must_use = "the lock is free again as soon as its guard is dropped"]
pub struct LockGuard<'a, T: ?Sized> {
    lock: &'a Lock<T>,
    // Makes the guard `Send` and `Sync` as `&mut T` is, not as `&Lock<T>` is.
    value: PhantomData<&'a mut T>,
}

impl<T: ?Sized> Deref for LockGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this thread holds the lock (R1), and the reference lives no longer than `self`.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> DerefMut for LockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`; `&mut self` makes it the only access through this guard.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized> Drop for LockGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a guard exists only between `acquire` and here (`lock`, `try_lock`), and whoever
        // has the guard holds the lock: the word does not remember a thread.
        unsafe { self.lock.release() }
    }
}
