//! What is away: memory that the source works on while nobody holds the arena's lock.
//!
//! Above: `purge.rs` (dirty pages on their way to the source), `long.rs` (runs with a mapping of their own:
//! made, moved, given back). Below: the lock; the source.
//! The source takes its time (some 0.4 µs a page, and more where the system is busy), so nobody waits for
//! it with the lock held:
//!
//! ```text
//!   lock    what is to go leaves the arena's tables; State::away is one more
//!   -       the source works on it
//!   lock    it is back in the tables, or gone for good; State::away is one less
//! ```
//!
//! Rules:
//! * P1: what is away belongs to the thread that sent it away: nobody else takes it, joins it to what
//!   is free, or gives up the mapping in which it lies. The figures count it as if it were in its place.
//! * P2: `State::away` counts what is away. Who has to find everything in its place waits until that
//!   is nothing: `freeze`, since a child of a fork has no thread that would bring it back; a request for
//!   which there is no memory; a walk over all pages.
//! * P3: a debt is paid when a stretch leaves, so that no two threads pay the same one.
//! * P4: while somebody waits, nothing leaves, so that the wait ends; and nobody waits who has something
//!   away. Whoever finds everything in its place takes the wish back, for all that wait: they look again.

use crate::arena::Arena;
use crate::source::Source;
use crate::state::State;
use alloc_core::sync::{LockGuard, wait_a_moment};

impl<S: Source> Arena<S> {
    /// Lets go of the lock, has the source do its `work`, and takes the lock again. What it works on has
    /// left the tables (P1). `work` takes no lock of this arena (P4).
    pub(crate) fn away<'a, R>(
        &'a self,
        mut state: LockGuard<'a, State>,
        work: impl FnOnce() -> R,
    ) -> (LockGuard<'a, State>, R) {
        state.away += 1;
        drop(state);
        let result = work();
        let mut state = self.state.lock();
        state.away -= 1;
        (state, result)
    }

    /// Takes the lock to send something away (P4).
    pub(crate) fn lock_to_leave(&self) -> LockGuard<'_, State> {
        self.lock_when(|state| !state.wanted)
    }

    /// Takes the lock when everything is in its place (P2).
    pub(crate) fn lock_whole(&self) -> LockGuard<'_, State> {
        let mut state = self.lock_when(|state| {
            state.wanted = state.away > 0;
            !state.wanted
        });
        state.settled();
        state
    }

    #[inline]
    fn lock_when(&self, mut holds: impl FnMut(&mut State) -> bool) -> LockGuard<'_, State> {
        let mut round = 0;
        loop {
            let mut state = self.state.lock();
            if holds(&mut state) {
                return state;
            }
            drop(state);
            wait_a_moment(round);
            round = round.saturating_add(1);
        }
    }

    /// When there is no memory for a request: gives up what is idle, and waits for what is away. The
    /// lock, with everything in its place, if another try may go better than that at which `state`
    /// was locked.
    #[cold]
    pub(crate) fn gather<'a>(
        &'a self,
        state: LockGuard<'a, State>,
    ) -> Option<LockGuard<'a, State>> {
        let missed = state.away > 0 || state.has_idle();
        drop(state);
        missed.then(|| {
            self.release_idle();
            self.lock_whole()
        })
    }
}

#[cfg(all(test, feature = "std", not(loom)))]
mod tests {
    use super::*;
    use crate::Os;
    use alloc_core::sync::{AtomicBool, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    // ORDERING: Relaxed throughout: the scope's end and the arena's lock order what is looked at.
    /// Rule P4.
    #[test]
    fn away_nothing_leaves_while_somebody_waits() {
        let arena = Arena::new(Os::new());
        arena.state.lock().away = 1;
        let (whole, left) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                let state = arena.lock_whole();
                assert!(state.away == 0 && !state.wanted);
                whole.store(true, Ordering::Relaxed);
            });
            let began = Instant::now();
            while !arena.state.lock().wanted {
                assert!(began.elapsed() < Duration::from_secs(20), "nobody says that he waits");
                thread::yield_now();
            }
            scope.spawn(|| {
                assert!(!arena.lock_to_leave().wanted);
                left.store(true, Ordering::Relaxed);
            });
            thread::sleep(Duration::from_millis(20));
            assert!(!left.load(Ordering::Relaxed) && !whole.load(Ordering::Relaxed));
            arena.state.lock().away = 0;
        });
        assert!(left.load(Ordering::Relaxed) && whole.load(Ordering::Relaxed));
    }
}
