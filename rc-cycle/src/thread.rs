//! What a thread knows of its boxes: candidates, counters, values that wait for their destructors.
//!
//! Above: `grave.rs`, `step.rs`, `cycles.rs`; this last has what is done when the thread ends. Below: what it knows, by
//! kind: candidates, a census, a tally. It is in a thread local; without `std`, in a static that the program has to promise
//! something for.

use crate::candidates::Candidates;
#[cfg(feature = "census")]
use crate::census::Census;
#[cfg(feature = "std")]
use crate::sync::tally::Tally;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::ptr::NonNull;

pub(crate) struct PerThread {
    pub candidates: RefCell<Candidates>,
    /// A step is under way, or what it found dead is being dropped.
    pub steps: Cell<bool>,
    /// Values and bytes of boxes, of types that can be part of cycles.
    pub live_objects: Cell<usize>,
    pub live_bytes: Cell<usize>,
    /// How deep destructors are nested.
    pub depth: Cell<u32>,
    pub waiting: RefCell<Waiting>,
    #[cfg(feature = "census")]
    pub census: RefCell<Census>,
    /// What it has made and freed of what many threads count.
    #[cfg(feature = "std")]
    pub shared: Tally,
}

impl PerThread {
    const fn new() -> Self {
        Self {
            candidates: RefCell::new(Candidates::new()),
            steps: Cell::new(false),
            live_objects: Cell::new(0),
            live_bytes: Cell::new(0),
            depth: Cell::new(0),
            waiting: RefCell::new(Waiting::new()),
            #[cfg(feature = "census")]
            census: RefCell::new(Census::new()),
            #[cfg(feature = "std")]
            shared: Tally::new(),
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

type End = unsafe fn(NonNull<u8>);

/// Values whose last pointer is gone, and who ends them.
#[derive(Debug)]
pub(crate) struct Waiting(Vec<(NonNull<u8>, End)>);

impl Waiting {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub fn push(&mut self, value: NonNull<u8>, end: End) -> bool {
        let has_room = self.0.try_reserve(1).is_ok();
        if has_room {
            self.0.push((value, end));
        }
        has_room
    }

    pub fn pop(&mut self) -> Option<(NonNull<u8>, End)> {
        self.0.pop()
    }

    /// Keeps no more than a little memory for those to come. Nobody waits now.
    pub fn let_go(&mut self) {
        if self.0.capacity() > 1024 {
            self.0 = Vec::new();
        }
    }
}

#[cfg(feature = "std")]
mod place {
    use super::PerThread;

    std::thread_local! {
        static HERE: PerThread = const { PerThread::new() };
    }

    /// `None`: the thread is ending, and its state is gone.
    #[inline]
    pub(crate) fn with<R>(use_it: impl FnOnce(&PerThread) -> R) -> Option<R> {
        HERE.try_with(use_it).ok()
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
