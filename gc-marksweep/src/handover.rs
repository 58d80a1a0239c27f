//! How work changes hands between the mutator and the helper thread: as a whole, under a lock.
//!
//! Above: `background.rs`. Below: a lock.
//!
//! | the thread is | the work here | who may end marking |
//! |---|---|---|
//! | busy | what came meanwhile | nobody |
//! | not busy | not empty: it is about to wake | nobody |
//! | not busy | empty | the mutator, between two mutations |
//!
//! * H1: the thread is busy from the moment when it takes work, under the lock, until it has put back what is
//!   left, under the same lock.
//! * H2: the mutator takes the work for done only when the thread is not busy and none is here; it takes work
//!   over only when the thread is not busy. Then it sees what the thread did (the lock).
//! * H3: who is asked to put its work back takes none until that was done; so the mutator does not wait for long.

use alloc_core::sync::{AtomicBool, Lock, Ordering, wait_a_moment};
use core::fmt;

/// Where work changes hands.
pub struct Handover<T> {
    inner: Lock<Inner<T>>,
    /// The thread is asked to put its work back.
    interrupt: AtomicBool,
}

struct Inner<T> {
    work: T,
    busy: bool,
}

impl<T> Handover<T> {
    alloc_core::const_fn! {
        /// Nobody is busy.
        #[must_use]
        pub const fn new(work: T) -> Self {
            Self { inner: Lock::new(Inner { work, busy: false }), interrupt: AtomicBool::new(false) }
        }
    }

    /// Changes what lies here, whoever is busy: gives work, or leaves word.
    pub fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut self.inner.lock().work)
    }

    /// H1: the thread takes work, if `take` finds some. `None` too while it is asked to put work back (H3).
    pub fn take<R>(&self, take: impl FnOnce(&mut T) -> Option<R>) -> Option<R> {
        let mut inner = self.inner.lock();
        // ORDERING: Relaxed: see `take_over`.
        if self.interrupt.load(Ordering::Relaxed) {
            return None;
        }
        let work = take(&mut inner.work)?;
        inner.busy = true;
        Some(work)
    }

    /// Whether the thread is asked to put its work back.
    #[inline(always)]
    pub fn is_interrupted(&self) -> bool {
        // ORDERING: Relaxed: see `take_over`.
        self.interrupt.load(Ordering::Relaxed)
    }

    /// Asks for it, for good.
    pub fn interrupt(&self) {
        self.interrupt.store(true, Ordering::Relaxed);
    }

    /// H1: the thread puts back what is left.
    pub fn put_back(&self, put: impl FnOnce(&mut T)) {
        let mut inner = self.inner.lock();
        put(&mut inner.work);
        inner.busy = false;
    }

    /// H2: if the thread is not busy, lets `take` see whether work is here.
    pub fn if_idle<R>(&self, take: impl FnOnce(&mut T) -> Option<R>) -> Option<R> {
        let mut inner = self.inner.lock();
        if inner.busy { None } else { take(&mut inner.work) }
    }

    /// H2: takes all work back, and waits until the thread has let go of it. `ask` is called each time it has
    /// not.
    pub fn take_over<R>(&self, mut ask: impl FnMut(&mut T), take: impl FnOnce(&mut T) -> R) -> R {
        // ORDERING: Relaxed: only how soon the thread sees it depends on it; the work itself is
        // handed back under the lock.
        self.interrupt.store(true, Ordering::Relaxed);
        let mut round = 0;
        loop {
            let mut inner = self.inner.lock();
            ask(&mut inner.work);
            if !inner.busy {
                self.interrupt.store(false, Ordering::Relaxed);
                return take(&mut inner.work);
            }
            drop(inner);
            wait_a_moment(round);
            round += 1;
        }
    }
}

impl<T> fmt::Debug for Handover<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover").finish_non_exhaustive()
    }
}
