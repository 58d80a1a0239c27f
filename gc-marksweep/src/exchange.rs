//! How threads that mark together share what there is to visit.
//!
//! Above: `crew.rs`. Below: a lock. Each thread has a queue of its own; one that has nothing left waits
//! here, and one that has plenty and sees somebody wait puts a share here. Shares are few and large, so a
//! lock is enough, and nothing is allocated: a deque of single objects would be touched for each of them.
//!
//! * E1: whoever works has objects in its queue or is visiting one. Only who works offers.
//! * E2: who stops working looks for a share first, under the same lock as it says so.
//! * E3: it is over when nobody works and no share is here: then there is nothing left to visit.
//! * E4: who opened it closes it when everybody has left; what they noted is visible then.

use alloc_core::sync::{AtomicUsize, Lock, Ordering, wait_a_moment};
use core::fmt;

/// How many shares may lie here.
const SHARES: usize = 8;

/// Where threads that mark together meet.
pub struct Exchange<T> {
    inner: Lock<Inner<T>>,
    /// How many wait: a hint for those who work.
    hungry: AtomicUsize,
}

struct Inner<T> {
    shares: [Option<T>; SHARES],
    /// Threads that work.
    working: usize,
    /// Threads that came in and have not left.
    inside: usize,
}

impl<T> Exchange<T> {
    alloc_core::const_fn! {
        /// Nobody is here.
        #[must_use]
        pub const fn new() -> Self {
            let shares = [const { None }; SHARES];
            let inner = Inner { shares, working: 0, inside: 0 };
            Self { inner: Lock::new(inner), hungry: AtomicUsize::new(0) }
        }
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
    pub fn offer(&self, share: T) -> Result<(), T> {
        let mut inner = self.inner.lock();
        debug_assert!(inner.working > 0, "E1: who works offers");
        match inner.shares.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(share),
            None => return Err(share),
        }
        Ok(())
    }

    /// The caller has nothing left: a share, when there is one. `None`: it is over (E3).
    pub fn next(&self) -> Option<T> {
        let (mut works, mut round) = (true, 0);
        loop {
            let mut inner = self.inner.lock();
            if let Some(share) = inner.shares.iter_mut().find_map(Option::take) {
                if !works {
                    inner.working += 1;
                    self.hungry.fetch_sub(1, Ordering::Relaxed);
                }
                return Some(share);
            }
            if works {
                works = false;
                inner.working -= 1;
                self.hungry.fetch_add(1, Ordering::Relaxed);
            }
            if inner.working == 0 {
                self.hungry.fetch_sub(1, Ordering::Relaxed);
                return None;
            }
            drop(inner);
            wait_a_moment(round);
            round += 1;
        }
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

impl<T> Default for Exchange<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Exchange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}
