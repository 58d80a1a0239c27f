//! Step 4 of a stack's journey: memory goes back, by age or on demand; and stacks that were deep once.
//!
//! Above: [`StackPool::reclaim`], and places that come back. Below: the decay, which says how many warm
//! stacks are owed (`decay.rs`, to which a stack is 256 pages); the source, without the lock (R2).
//!
//! *Idle stacks.* The lists are in the order of age, so what nobody takes sinks to the old end. One in some puts looks
//! at the clock; what is owed cools, a few at a time, the oldest first.
//!
//! *Deep stacks.* A stack that is in use again and again is never idle, and what one coroutine touched once would stay
//! for ever. So each stack is looked at when it comes back and was not looked at for a delay, and keeps its
//! upper end alone. One that is deep again each time is looked at half as often each time, down to one in 64 delays.

use super::StackPool;
use super::places::Places;
use super::record::{Place, Whose};
use super::state::{SHARES, State};
use crate::source::Source;
use alloc_core::sync::{LockGuard, wait_a_moment};

/// So many places cool at a time: whoever gives a stack back pays for no more.
const BATCH: usize = 8;

/// A deep stack is looked at once in 2 to the power of so many delays at least.
const MOST_PATIENCE: u8 = 6;

impl<S: Source> StackPool<S> {
    /// Gives memory of idle stacks back to the source, the longest idle ones first, until it is at least `goal_bytes`, or
    /// nothing is left. 0: only what is due by its age, now. `usize::MAX`: all of it. Returns how many bytes went.
    ///
    /// Live stacks are not touched. The means are those of [`Layer::reclaim`](alloc_core::Layer::reclaim).
    pub fn reclaim(&self, goal_bytes: usize) -> usize {
        if !self.below.source.can_decommit() {
            return 0;
        }
        let by_age = goal_bytes == 0;
        if by_age {
            self.read_clock(&mut self.state.lock());
        }
        let page_bytes = self.below.source.page_bytes();
        let mut bytes = 0;
        while by_age || bytes < goal_bytes {
            let state = self.lock_to_leave();
            // Each gives a page at least, or nothing.
            let most =
                if by_age { state.owed() } else { (goal_bytes - bytes).div_ceil(page_bytes) };
            let cooled = self.cool(state, most);
            bytes += cooled.bytes;
            if cooled.count == 0 || cooled.failed {
                break;
            }
        }
        bytes
    }

    /// Looks at all stacks, also at those in use: how many bytes of memory they take up now. The deepest of them counts for
    /// [`peak_stack_bytes`](crate::StackFigures::peak_stack_bytes). `None` if the source does not know.
    ///
    /// Takes a call of the system for each stack, about a microsecond, and has the lock meanwhile: for those who want to
    /// know how long stacks have to be.
    ///
    /// ```
    /// use alloc_arena::{Os, StackPool};
    ///
    /// let pool = StackPool::new(Os::new());
    /// let stacks: Vec<_> = (0..10).map(|_| pool.take()).collect::<Result<_, _>>()?;
    /// assert_eq!(pool.measure().unwrap_or(0), 0, "nobody has touched them");
    /// # drop(stacks);
    /// # Ok::<(), alloc_arena::StackError>(())
    /// ```
    pub fn measure(&self) -> Option<usize> {
        let mut state = self.state.lock();
        let mut places = state.mappings().flat_map(Places::iter);
        let (sum_bytes, most_bytes) = places.try_fold((0, 0), |(sum, most), place| {
            let bytes = self.used_bytes(place)?;
            Some((sum + bytes, bytes.max(most)))
        })?;
        drop(places);
        state.peak_stack_bytes = state.peak_stack_bytes.max(most_bytes);
        Some(sum_bytes)
    }

    /// A place comes back that was not looked at for long.
    #[cold]
    pub(super) fn put_slowly<'a>(&'a self, mut state: LockGuard<'a, State>, place: Place) {
        place.looked_tick.set(state.decay.tick());
        if !state.wanted && self.below.source.can_decommit() {
            place.set_whose(Whose::Away);
            state.away += 1;
            drop(state);
            let (used_bytes, gone_bytes) = self.keep_upper_end(place);
            state = self.state.lock();
            state.away -= 1;
            state.peak_stack_bytes = state.peak_stack_bytes.max(used_bytes);
            state.given_back_bytes += gone_bytes;
        }
        place.set_whose(Whose::Warm);
        state.warm.push_newest(place);
        if state.counts_to_a_look(&self.config) {
            self.look(state);
        }
    }

    /// Gives back what a stack has below its upper end. How deep it was, if that is known, and how much went.
    fn keep_upper_end(&self, place: Place) -> (usize, usize) {
        let span_bytes = self.span_bytes();
        let known_bytes = self.used_bytes(place);
        // Where the source does not know, it is as if all were used.
        let used_bytes = known_bytes.unwrap_or(span_bytes);
        let page_bytes = self.below.source.page_bytes();
        let kept_bytes = self.config.kept_bytes.min(span_bytes).next_multiple_of(page_bytes);
        if used_bytes <= kept_bytes {
            place.patience.set(0);
            return (known_bytes.unwrap_or(0), 0);
        }
        place.patience.set((place.patience.get() + 1).min(MOST_PATIENCE));
        // SAFETY: committed pages of a stack that is away (R1), below its upper end.
        let gone = unsafe { self.below.decommit(place.low, span_bytes - kept_bytes) };
        (known_bytes.unwrap_or(0), if gone.is_ok() { used_bytes - kept_bytes } else { 0 })
    }

    /// Looks at the clock; what is owed cools, some of it.
    #[cold]
    pub(super) fn look<'a>(&'a self, mut state: LockGuard<'a, State>) {
        self.read_clock(&mut state);
        let owed = state.owed();
        if owed > 0 && !state.wanted {
            self.cool(state, owed);
        }
    }

    fn read_clock(&self, state: &mut State) {
        let can = self.below.source.can_decommit();
        let Some(delay_ms) = self.config.idle_delay_ms.filter(|_| can) else { return };
        let now_ms = self.below.source.now_ms().unwrap_or_else(|| state.decay.operations_ms());
        state.decay.look(now_ms, delay_ms, state.warm.count() * SHARES);
    }

    /// Cools up to `most` warm places, and no more than a batch, the oldest ones.
    fn cool<'a>(&'a self, mut state: LockGuard<'a, State>, most: usize) -> Cooled {
        let mut batch = [None; BATCH];
        let mut cooled = Cooled { count: 0, bytes: 0, failed: false };
        for entry in batch.iter_mut().take(most) {
            let Some(place) = state.warm.pop_oldest() else { break };
            place.set_whose(Whose::Away);
            *entry = Some(place);
            cooled.count += 1;
        }
        state.away += cooled.count;
        state.decay.note_purged(cooled.count * SHARES);
        drop(state);
        let mut most_used_bytes = 0;
        let gone = batch.map(|entry| {
            let place = entry?;
            let used_bytes = self.used_bytes(place);
            most_used_bytes = most_used_bytes.max(used_bytes.unwrap_or(0));
            // SAFETY: committed pages of a stack that is away (R1); nobody needs what an idle stack holds.
            let done = unsafe { self.below.decommit(place.low, self.span_bytes()) }.is_ok();
            Some((place, done.then(|| used_bytes.unwrap_or(self.span_bytes()))))
        });
        let mut state = self.state.lock();
        state.away -= cooled.count;
        state.peak_stack_bytes = state.peak_stack_bytes.max(most_used_bytes);
        for (place, bytes) in gone.into_iter().rev().flatten() {
            place.set_whose(if bytes.is_some() { Whose::Cold } else { Whose::Warm });
            match bytes {
                Some(bytes) => {
                    cooled.bytes += bytes;
                    state.cold.push_newest(place);
                }
                None => {
                    cooled.failed = true;
                    state.warm.push_oldest(place);
                }
            }
        }
        state.given_back_bytes += cooled.bytes;
        if cooled.failed {
            state.decay.forgive();
        }
        cooled
    }

    /// How deep a stack has been since it last gave memory back, if the source knows. The caller has it in hand.
    pub(super) fn used_bytes(&self, place: Place) -> Option<usize> {
        let span_bytes = self.span_bytes();
        // SAFETY: committed pages of a mapping (`Places::make`).
        let untouched_bytes = unsafe { self.below.source.untouched_bytes(place.low, span_bytes) }?;
        Some(span_bytes - untouched_bytes)
    }

    /// Takes the lock to send something away (R3).
    pub(super) fn lock_to_leave(&self) -> LockGuard<'_, State> {
        self.lock_when(|state| !state.wanted)
    }

    /// Takes the lock when `holds` says so of what it guards.
    pub(super) fn lock_when(
        &self,
        mut holds: impl FnMut(&mut State) -> bool,
    ) -> LockGuard<'_, State> {
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

    /// Takes the pool's lock, when nothing is away, so that a `fork` in this thread leaves no lock held and no stack lost.
    /// Until [`thaw`](StackPool::thaw), this thread may call nothing else of the pool, nor drop a stack of it.
    pub fn freeze(&self) {
        let state = self.lock_when(|state| {
            state.wanted = state.away > 0;
            !state.wanted
        });
        // Held on purpose, until `thaw`.
        core::mem::forget(state);
    }

    /// Releases what [`freeze`](StackPool::freeze) took, in the parent and in the child. What is live stays live in
    /// both, each with its own memory.
    ///
    /// # Safety
    ///
    /// This thread, or in a forked child the thread that it is the copy of, called `freeze` on this pool, and has not
    /// called `thaw` since.
    pub unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which took the lock without a guard.
        unsafe { self.state.release() }
    }
}

/// What became of a batch.
struct Cooled {
    count: usize,
    bytes: usize,
    failed: bool,
}
