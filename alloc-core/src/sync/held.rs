//! Whether a lock is held: a word. In a model of what stands above, whoever waits for it is blocked, and not spinning: a model of
//! three threads of which two spin has no end.
//!
//! Above: `lock.rs`. Below: one atomic; loom's `Mutex`, which has the order of a lock that works.

use super::{AtomicBool, Ordering, wait_a_moment};

/// Held or not. The word does not remember a thread.
pub(super) struct Held {
    word: AtomicBool,
    #[cfg(all(loom, feature = "loom"))]
    blocking: Option<blocking::Blocking>,
}

impl Held {
    crate::const_fn! {
        /// Not held.
        pub(super) const fn new() -> Self {
            Self {
                word: AtomicBool::new(false),
                #[cfg(all(loom, feature = "loom"))]
                blocking: Some(blocking::Blocking::new()),
            }
        }
    }

    /// The word in a model, too: for that of the word itself.
    #[cfg(all(loom, feature = "loom"))]
    pub(super) fn spinning() -> Self {
        Self { blocking: None, ..Self::new() }
    }

    /// Takes it, if nobody has.
    #[inline]
    pub(super) fn try_acquire(&self) -> bool {
        #[cfg(all(loom, feature = "loom"))]
        if let Some(blocking) = &self.blocking {
            return blocking.try_acquire();
        }
        // ORDERING: Acquire meets the Release of `release` (R2).
        self.word.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Waits until it can be taken, by `try_acquire`, and takes it.
    pub(super) fn wait(&self, try_acquire: impl Fn() -> bool) {
        #[cfg(all(loom, feature = "loom"))]
        if let Some(blocking) = &self.blocking {
            return blocking.acquire();
        }
        let mut round = 0;
        while !try_acquire() {
            wait_a_moment(round);
            round = round.saturating_add(1);
        }
    }

    /// Leaves it to others. Whoever calls this has it.
    #[inline]
    pub(super) fn release(&self) {
        #[cfg(all(loom, feature = "loom"))]
        if let Some(blocking) = &self.blocking {
            return blocking.release();
        }
        // ORDERING: Release meets the Acquire of `try_acquire` (R2).
        self.word.store(false, Ordering::Release);
    }

    /// The word's place, for the model of cache lines.
    #[cfg(strata_lines)]
    pub(super) const fn word(&self) -> &AtomicBool {
        &self.word
    }
}

#[cfg(all(loom, feature = "loom"))]
mod blocking {
    use alloc::boxed::Box;
    use core::cell::UnsafeCell;
    use core::mem::{ManuallyDrop, transmute};
    use loom::sync::{Mutex, MutexGuard};

    /// Loom's `Mutex`, taken in one call and left in another.
    pub(super) struct Blocking {
        /// The guard of whoever holds it. A lock may go away held: it is left then.
        guard: UnsafeCell<Option<ManuallyDrop<MutexGuard<'static, ()>>>>,
        /// In a box, so that it stays where it is if its lock moves while it is held.
        mutex: Box<Mutex<()>>,
    }

    // SAFETY: `guard` is touched by the holder of `mutex` alone; and loom runs all threads of a model on one of the system's,
    // which is what a guard asks for.
    unsafe impl Send for Blocking {}
    // SAFETY: as above.
    unsafe impl Sync for Blocking {}

    impl Blocking {
        pub(super) fn new() -> Self {
            Self { guard: UnsafeCell::new(None), mutex: Box::new(Mutex::new(())) }
        }

        pub(super) fn try_acquire(&self) -> bool {
            self.mutex.try_lock().map(|guard| self.keep(guard)).is_ok()
        }

        pub(super) fn acquire(&self) {
            self.keep(self.mutex.lock().unwrap());
        }

        fn keep(&self, guard: MutexGuard<'_, ()>) {
            // SAFETY: the guard borrows what lies in the box, which is there as long as `self`: `release` drops it before, or
            // nobody does. Who holds the mutex alone touches the cell.
            unsafe { *self.guard.get() = Some(ManuallyDrop::new(transmute(guard))) };
        }

        pub(super) fn release(&self) {
            // SAFETY: the caller holds the mutex.
            let guard = unsafe { (*self.guard.get()).take() };
            drop(guard.map(ManuallyDrop::into_inner));
        }
    }
}
