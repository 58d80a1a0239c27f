//! The two ways of a pool: private, where threads use their shards, and shared, where there is the global store alone.
//!
//! Above: hits that found no slot, frees that found the pool shared (`shared.rs`), who waits (`wait.rs`). Below: the
//! global store. The rules are in `mod.rs`.
//!
//! A pool is private until a thread finds no slot in its shard, and none in the global store. That thread *gathers*:
//! the slots of all shards go to the global store, and the pool is shared. Only then can a thread say that the pool is
//! full, at the price of one look; and waiters learn of frees. After so many frees that nobody failed or waited, the
//! pool is private again.

use super::mode::{GATHERING, PRIVATE, SHARED, STATES, state};
use super::shared::Shared;
use super::thread;
use alloc_core::Layer;
use alloc_core::sync::{Ordering, fence, heavy_fence, wait_a_moment};
use core::ptr::NonNull;

/// The pool is private again after so many frees without a failure. A gathering takes as long as some hundred of them.
/// Loom's models have no time for more than three.
const FREES_WHILE_SHARED: usize = if cfg!(all(loom, feature = "loom")) { 3 } else { 256 };

impl<T, A: Layer> Shared<T, A> {
    /// A slot from the global store, or from other threads' shards; `None` is a verdict (R6).
    #[cold]
    #[inline(never)]
    pub(super) fn take_shared(&self) -> Option<NonNull<T>> {
        if thread::enrol() {
            return self.take();
        }
        let mut round = 0;
        loop {
            // ORDERING: Acquire, for the Release that ends a gathering: its slots are in the store.
            let mode = self.mode.load(Ordering::Acquire);
            if let Some(index) = self.store.pop_one() {
                return Some(self.slot(index));
            }
            match state(mode) {
                PRIVATE if self.unbundle_one() => {}
                PRIVATE if !self.gather(mode) => return None,
                PRIVATE => {}
                GATHERING => {
                    wait_a_moment(round);
                    round += 1;
                }
                // R6. ORDERING: Acquire: as above.
                _ if self.mode.load(Ordering::Acquire) == mode => {
                    self.counts.frees.store(0, Ordering::Relaxed);
                    return None;
                }
                _ => {}
            }
        }
    }

    /// For threads without a shard: makes a bundle's slots singles, by R1 with a count in place of a flag.
    fn unbundle_one(&self) -> bool {
        self.movers.fetch_add(1, Ordering::Relaxed);
        // ORDERING: SeqCst: the count is there before the look at the mode (R2 is its partner).
        fence(Ordering::SeqCst);
        let done = self.is_private() && self.store.unbundle();
        // ORDERING: Release gives the bundles to who reads the count in `gather`.
        self.movers.fetch_sub(1, Ordering::Release);
        done
    }

    /// R2, R3. Returns whether it is worth looking again: not, if the system has forbidden the fence meanwhile.
    fn gather(&self, mode: usize) -> bool {
        let gathering = mode | GATHERING;
        // ORDERING: Acquire: what was done before the pool became private (R4).
        let mine =
            self.mode.compare_exchange(mode, gathering, Ordering::Acquire, Ordering::Relaxed);
        if mine.is_err() {
            return true;
        }
        if !heavy_fence() {
            // ORDERING: Release: what this thread saw when it took the mode; it did nothing.
            self.mode.store(mode, Ordering::Release);
            return false;
        }
        for shard in self.shards() {
            let mut round = 0;
            while shard.is_busy() {
                wait_a_moment(round);
                round += 1;
            }
            // SAFETY: R2.
            unsafe { self.empty(shard) };
        }
        let mut round = 0;
        // ORDERING: Acquire, for the Release of `unbundle_one`.
        while self.movers.load(Ordering::Acquire) > 0 {
            wait_a_moment(round);
            round += 1;
        }
        while self.store.unbundle() {}
        self.counts.gatherings.fetch_add(1, Ordering::Relaxed);
        self.counts.frees.store(0, Ordering::Relaxed);
        // R3. ORDERING: Release, for who finds the pool shared.
        self.mode.store(mode | SHARED, Ordering::Release);
        true
    }

    pub(super) fn is_shared(&self) -> bool {
        // ORDERING: Acquire, as in `take_shared`.
        state(self.mode.load(Ordering::Acquire)) == SHARED
    }

    /// Makes the pool shared if it is not. `false` if it cannot be.
    pub(super) fn share(&self) -> bool {
        let mut round = 0;
        loop {
            // ORDERING: Acquire, as in `take_shared`.
            let mode = self.mode.load(Ordering::Acquire);
            match state(mode) {
                PRIVATE if !self.gather(mode) => return false,
                PRIVATE => {}
                GATHERING => {
                    wait_a_moment(round);
                    round += 1;
                }
                _ => return true,
            }
        }
    }

    /// R3: a free while the pool is not private, or by a thread without a shard.
    ///
    /// # Safety
    ///
    /// As for `give`.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn give_shared(&self, slot: NonNull<T>) {
        if thread::enrol() {
            // SAFETY: the caller's.
            return unsafe { self.give(slot) };
        }
        self.store.push_singles(&[self.index_of(slot)]);
        // R7. ORDERING: SeqCst: the slot is there before the look at the waiters; meets the fence of `enqueue`.
        fence(Ordering::SeqCst);
        if self.waiters.count() > 0 {
            self.serve();
            return;
        }
        // ORDERING: Relaxed: when a pool becomes private decides nothing but speed.
        if self.counts.frees.fetch_add(1, Ordering::Relaxed) + 1 >= FREES_WHILE_SHARED {
            self.leave();
        }
    }

    /// R4: makes the pool private, unless somebody waits.
    fn leave(&self) {
        // ORDERING: Acquire: what the gathering did.
        let mode = self.mode.load(Ordering::Acquire);
        if self.shards().is_empty() || state(mode) != SHARED {
            return;
        }
        let Some(queue) = self.waiters.queue.try_lock() else { return };
        if queue.is_empty() {
            let next = (mode & !STATES).wrapping_add(STATES + 1) | PRIVATE;
            // ORDERING: Relaxed: an exchange, it carries the Release of the gathering's store on to who reads it.
            let _ = self.mode.compare_exchange(mode, next, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}
