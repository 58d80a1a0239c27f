//! What a thread knows of its boxes: candidates, counters, values that wait for their destructors.
//!
//! Above: `local.rs`, `cycles.rs`, `grave.rs`. Below: a thread local; without `std`, a static that the program has to
//! promise something for.

use crate::cycles::Cycles;
use crate::grave::Waiting;
use core::cell::{Cell, RefCell};

pub(crate) struct PerThread {
    pub cycles: RefCell<Cycles>,
    /// A step is under way, or what it found dead is being dropped.
    pub steps: Cell<bool>,
    /// Values and bytes of boxes, of types that can be part of cycles.
    pub live_objects: Cell<usize>,
    pub live_bytes: Cell<usize>,
    /// How deep destructors are nested.
    pub depth: Cell<u32>,
    pub waiting: RefCell<Waiting>,
    #[cfg(feature = "census")]
    pub census: RefCell<crate::census::Census>,
    /// What it has made and freed of what many threads count.
    #[cfg(feature = "std")]
    pub shared: crate::sync::tally::Tally,
}

impl PerThread {
    const fn new() -> Self {
        Self {
            cycles: RefCell::new(Cycles::new()),
            steps: Cell::new(false),
            live_objects: Cell::new(0),
            live_bytes: Cell::new(0),
            depth: Cell::new(0),
            waiting: RefCell::new(Waiting::new()),
            #[cfg(feature = "census")]
            census: RefCell::new(crate::census::Census::new()),
            #[cfg(feature = "std")]
            shared: crate::sync::tally::Tally::new(),
        }
    }

    /// One of so many places, which few other threads have too.
    #[cfg(feature = "std")]
    pub fn place(&self, places: usize) -> usize {
        // Multiplicative hashing: the states of threads lie in a few steps.
        let hash = core::ptr::from_ref(self).addr().wrapping_mul(0x9E37_79B9);
        (hash >> 16) % places
    }
}

#[cfg(feature = "std")]
mod place {
    use super::PerThread;

    std::thread_local! {
        static HERE: Here = const { Here(PerThread::new()) };
    }

    struct Here(PerThread);

    impl Drop for Here {
        /// The last chance for this thread's garbage.
        fn drop(&mut self) {
            crate::cycles::leave(&self.0);
            self.0.shared.tell();
        }
    }

    /// `None`: the thread is ending, and its state is gone.
    #[inline]
    pub(crate) fn with<R>(use_it: impl FnOnce(&PerThread) -> R) -> Option<R> {
        HERE.try_with(|here| use_it(&here.0)).ok()
    }
}

#[cfg(not(feature = "std"))]
mod place {
    use super::PerThread;
    use alloc_core::sync::{AtomicBool, Ordering};

    struct OneThreads(PerThread);

    // SAFETY: it is used after the promise only that one thread does (`assume_one_thread`).
    unsafe impl Sync for OneThreads {}

    static HERE: OneThreads = OneThreads(PerThread::new());
    static PROMISED: AtomicBool = AtomicBool::new(false);

    /// `None`: nobody has promised anything.
    #[inline]
    pub(crate) fn with<R>(use_it: impl FnOnce(&PerThread) -> R) -> Option<R> {
        // ORDERING: Relaxed; whoever promised is the same thread.
        if PROMISED.load(Ordering::Relaxed) { Some(use_it(&HERE.0)) } else { None }
    }

    pub(crate) fn promise() {
        PROMISED.store(true, Ordering::Relaxed);
    }
}

/// Has cycles be found in a program without `std`, where this crate cannot tell threads apart. Before this is
/// called, and without it, a [`Cc`](crate::Cc) works as `Rc` does: cycles leak.
///
/// With the feature `std`, which any crate of the program may have asked for, there is nothing to assume: each thread has
/// its own cycles found, and this does nothing.
///
/// # Safety
///
/// From now on, one thread alone makes, clones and drops [`Cc`](crate::Cc)s and calls this crate's functions; no
/// interrupt handler does. Pointers that were made before are that thread's.
pub unsafe fn assume_one_thread() {
    #[cfg(not(feature = "std"))]
    place::promise();
}

pub(crate) use place::with;
