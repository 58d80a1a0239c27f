//! What is made once, by whoever asks first, and never changes: a value that all threads go by.
//!
//! Above: the ledger's tables (`ledger.rs`). Below: the sync shim alone, so that a model can include this file.
//!
//! Rules:
//! * R1: `value` is written by the holder of `making`, who found `is_made` false under it, and then set it; so once.
//! * R2: `value` is read by whoever has seen `is_made` set (Release, met by Acquire), or set it.
//!
//! Not here: a single number, which needs no lock (`cache/agreed.rs`).

use alloc_core::sync::{AtomicBool, Lock, Ordering, UnsafeCell};
use core::mem::MaybeUninit;

/// A value, from the first that could be made on.
pub struct Opening<T> {
    is_made: AtomicBool,
    making: Lock<()>,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is written by one thread (R1), before others read it (R2); they take copies, which may go to threads.
unsafe impl<T: Copy + Send> Sync for Opening<T> {}

impl<T: Copy> Opening<T> {
    alloc_core::const_fn! {
        /// None yet.
        pub const fn new() -> Self {
            Self {
                is_made: AtomicBool::new(false),
                making: Lock::new(()),
                value: UnsafeCell::new(MaybeUninit::uninit()),
            }
        }
    }

    /// The value, if it is made.
    #[inline]
    pub fn get(&self) -> Option<T> {
        // ORDERING: Acquire meets the Release in `get_or_make` (R2).
        if !self.is_made.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: it was written before `is_made` was set, and never again (R1).
        Some(self.value.with(|value| unsafe { (*value).assume_init() }))
    }

    /// The value, made if it is not yet. Whoever asks meanwhile waits. `None` if it cannot be made; the next one tries again.
    #[cold]
    pub fn get_or_make(&self, make: impl FnOnce() -> Option<T>) -> Option<T> {
        let _making = self.making.lock();
        if let Some(value) = self.get() {
            return Some(value);
        }
        let made = make()?;
        // SAFETY: nobody else writes it, under the lock, and nobody reads it, before it is made (R1, R2).
        self.value.with_mut(|value| unsafe { (*value).write(made) });
        // ORDERING: Release meets the Acquire in `get` (R2).
        self.is_made.store(true, Ordering::Release);
        Some(made)
    }

    /// Nobody makes it until [`thaw`](Self::thaw).
    #[allow(dead_code)] // A model has no forks.
    pub fn freeze(&self) {
        self.making.acquire();
    }

    /// # Safety
    ///
    /// This thread called [`freeze`](Self::freeze), or is the copy of the one that did.
    #[allow(dead_code)]
    pub unsafe fn thaw(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.making.release() };
    }
}

impl<T> core::fmt::Debug for Opening<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}
