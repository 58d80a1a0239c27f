//! How threads that mark together share what there is to visit.
//!
//! Above: `crew.rs`. Below: work-stealing deques, which are crossbeam's; a lock. Each thread has a queue of its
//! own. One that has plenty and sees somebody wait puts a share into its deque, and one that has nothing left
//! steals. A share is a batch of objects, not one, so a deque is seldom touched; and it never holds more
//! than `SHARES` of them, for which it has the memory from the start.
//!
//! * E1: a share lies in the deque of a thread that has come in and not left; nobody else puts one there.
//! * E2: a thread leaves when it has nothing left in its queue and its deque. So when all have left, nothing is
//!   left to visit.
//! * E3: who works is counted. Who has nothing to do waits only while somebody works, and is counted again
//!   before it steals.
//! * E4: who opened the round closes it when everybody has left, and lets nobody in who comes later; what they
//!   noted is visible then.

use alloc_core::sync::{AtomicUsize, Lock, Ordering, wait_a_moment};
use core::fmt;
use crossbeam_deque::{Steal, Stealer, Worker};
use std::vec::Vec;

/// How many shares of one thread may wait to be stolen.
const SHARES: usize = 8;

/// Where threads that mark together meet.
pub struct Exchange<T> {
    /// The others' ends of all deques.
    deques: Vec<Stealer<T>>,
    inner: Lock<Inner>,
    /// How many wait: a hint for those who work.
    hungry: AtomicUsize,
}

struct Inner {
    /// Threads that work.
    working: usize,
    /// Threads that came in and have not left.
    inside: usize,
}

/// A thread's own end of its deque.
pub struct Own<T>(Worker<T>);

impl<T> Exchange<T> {
    /// For so many threads, each of which gets its end of a deque. Nobody is here.
    #[must_use]
    pub fn new(threads: usize) -> (Self, Vec<Own<T>>) {
        let own: Vec<_> = (0..threads).map(|_| Own(Worker::new_fifo())).collect();
        let deques = own.iter().map(|Own(deque)| deque.stealer()).collect();
        let inner = Lock::new(Inner { working: 0, inside: 0 });
        (Self { deques, inner, hungry: AtomicUsize::new(0) }, own)
    }

    /// The caller works from now on, and has something to do: the round is open.
    pub fn open(&self) {
        let mut inner = self.inner.lock();
        debug_assert!(inner.working == 0 && inner.inside == 0, "E4: the last round is closed");
        inner.working = 1;
        inner.inside = 1;
    }

    /// The caller works from now on, if the round is open. It goes to [`next`](Self::next) at once.
    #[must_use]
    pub fn join(&self) -> bool {
        let mut inner = self.inner.lock();
        if inner.working == 0 {
            return false;
        }
        inner.working += 1;
        inner.inside += 1;
        true
    }

    /// Whether somebody waits for a share. May be out of date.
    #[inline(always)]
    pub fn is_wanted(&self) -> bool {
        // ORDERING: Relaxed: a hint.
        self.hungry.load(Ordering::Relaxed) > 0
    }

    /// E1: offers a share. It comes back where there is no room.
    ///
    /// # Errors
    ///
    /// The share, if it was not taken.
    pub fn offer(&self, own: &Own<T>, share: T) -> Result<(), T> {
        if own.0.len() >= SHARES {
            return Err(share);
        }
        own.0.push(share);
        Ok(())
    }

    /// The caller has nothing left in its queue: a share, when there is one. `None`: it is over (E3).
    pub fn next(&self, own: &Own<T>) -> Option<T> {
        loop {
            if let Some(share) = own.0.pop().or_else(|| self.steal()) {
                return Some(share);
            }
            if !self.rest() {
                return None;
            }
        }
    }

    /// E3: the caller waits for somebody's share. `false`: there will be none.
    fn rest(&self) -> bool {
        self.inner.lock().working -= 1;
        self.hungry.fetch_add(1, Ordering::Relaxed);
        let mut round = 0;
        let goes_on = loop {
            let mut inner = self.inner.lock();
            if inner.working == 0 {
                break false;
            }
            if self.deques.iter().any(|deque| !deque.is_empty()) {
                inner.working += 1;
                break true;
            }
            drop(inner);
            wait_a_moment(round);
            round += 1;
        };
        self.hungry.fetch_sub(1, Ordering::Relaxed);
        goes_on
    }

    /// A share of anybody's.
    fn steal(&self) -> Option<T> {
        let all = || self.deques.iter().map(Stealer::steal).collect::<Steal<T>>();
        core::iter::repeat_with(all).find(|found| !found.is_retry())?.success()
    }

    /// Makes this thread ready for stealing, which takes memory the first time: not while marking.
    pub fn warm_up() {
        let nothing = Worker::<T>::new_fifo().stealer().steal();
        debug_assert!(nothing.is_empty());
    }

    /// The caller goes, after `next` said that it is over.
    pub fn leave(&self) {
        self.inner.lock().inside -= 1;
    }

    /// E4: the caller, who opened the round, waits until all others have left, and leaves.
    pub fn close(&self) {
        let mut round = 0;
        loop {
            let mut inner = self.inner.lock();
            if inner.inside == 1 {
                inner.inside = 0;
                return;
            }
            drop(inner);
            wait_a_moment(round);
            round += 1;
        }
    }
}

impl<T> fmt::Debug for Exchange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Own<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own").finish_non_exhaustive()
    }
}
