//! A trial: which of the values that candidates lead to are held by each other only.
//!
//! Above: a step. Below: records, which show the pointers of a value. It runs from its begin to its end without any of
//! the user's code, so counts and pointers stand still.
//!
//! ```text
//!   subtract  from a candidate on, takes from each value the counts of the pointers that were come by
//!   restore   what has counts left is held from outside: it and what it leads to is alive, and gets its counts back
//!   add       the rest is dead. It gets its counts back too: they go when the values are dropped
//! ```
//!
//! What the round has proven alive before is held from outside, and not visited again (`cycles.rs`).
//!
//! Source: Bacon and Rajan, *Concurrent cycle collection in reference counted systems* (2001), the synchronous
//! algorithm, whose three passes these are; each visits a value once. The list of members is the queue of the first
//! pass, so nothing recurs, and only that list can fail to grow: then the closure is left as it was found.

use crate::header::record;
use crate::local::{LIVE, MARK, Proof};
use crate::visit::{Act, Visit};
use crate::words::{Local, words};
use alloc::vec::Vec;
use core::ptr::NonNull;

pub(crate) struct Trial {
    members: Vec<NonNull<u8>>,
    proof: Proof,
    /// Values that passes have visited.
    pub visits: usize,
}

/// What became of a candidate in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// It and all that it leads to take part.
    All,
    /// That would have been too many; none does but those that did before.
    TooMany,
    /// There is no memory for that many.
    NoMemory,
}

/// Shows a value's pointers in a trial, but for those to values with this proof.
///
/// # Safety
///
/// As for [`visit`](crate::header::visit).
#[inline]
unsafe fn visit_in(value: NonNull<u8>, act: Act<'_>, proof: Proof) {
    // SAFETY: the caller's.
    unsafe { (record(value).visit)(value, &mut Visit::in_trial(act, proof)) };
}

impl Trial {
    /// A trial in the round that gives this proof.
    pub const fn new(proof: Proof) -> Self {
        Self { members: Vec::new(), proof, visits: 0 }
    }

    pub const fn len(&self) -> usize {
        self.members.len()
    }

    /// Subtract: has `candidate` and what it leads to take part, if that makes no more than `most` members.
    ///
    /// # Safety
    ///
    /// It is alive, nobody has it exclusively, and until the trial has ended nothing else is done with any box.
    pub unsafe fn add(&mut self, candidate: NonNull<u8>, most: usize) -> Added {
        // SAFETY: the caller's; so it is for all members: they are what pointers in values lead to.
        unsafe {
            let of = words::<Local>(candidate);
            if of.has(MARK) || of.is_proven(self.proof) {
                return Added::All;
            }
            let first = self.members.len();
            if self.members.try_reserve(1).is_err() {
                return Added::NoMemory;
            }
            of.set(MARK);
            self.members.push(candidate);
            let (mut next, mut full) = (first, false);
            while next < self.members.len() {
                if full || self.members.len() > most {
                    self.undo(first, next);
                    return if full { Added::NoMemory } else { Added::TooMany };
                }
                let value = self.members[next];
                next += 1;
                let act = Act::Subtract { members: &mut self.members, full: &mut full };
                visit_in(value, act, self.proof);
            }
            self.visits += next - first;
            if full {
                self.undo(first, next);
                return Added::NoMemory;
            }
            Added::All
        }
    }

    /// Lets the members from `first` on go, of which those before `next` were visited.
    ///
    /// # Safety
    ///
    /// As for `add`.
    #[cold]
    unsafe fn undo(&mut self, first: usize, next: usize) {
        self.visits += 2 * (next - first);
        // SAFETY: the caller's.
        unsafe {
            for &value in &self.members[first..next] {
                visit_in(value, Act::Add, self.proof);
            }
            for value in self.members.drain(first..) {
                words::<Local>(value).clear(MARK);
            }
        }
    }

    /// Restore and add: ends the trial. Returns who is dead; all counts are as they were. If there is no memory,
    /// nobody is.
    ///
    /// # Safety
    ///
    /// As for `add`.
    pub unsafe fn end(&mut self) -> Vec<NonNull<u8>> {
        let mut alive = Vec::new();
        // SAFETY: the caller's.
        unsafe {
            if alive.try_reserve_exact(self.members.len()).is_err() {
                self.undo(0, self.members.len());
                return Vec::new();
            }
            for &value in &self.members {
                let of = words::<Local>(value);
                if of.strong.get() == 0 || of.has(LIVE) {
                    continue;
                }
                of.set(LIVE);
                alive.push(value);
                while let Some(value) = alive.pop() {
                    self.visits += 1;
                    visit_in(value, Act::Restore { alive: &mut alive }, self.proof);
                }
            }
            let mut dead = core::mem::take(&mut self.members);
            // All of them before any is proven: that has to be as it was in the other passes.
            for &value in dead.iter().filter(|value| !words::<Local>(**value).has(LIVE)) {
                self.visits += 1;
                visit_in(value, Act::Add, self.proof);
            }
            dead.retain(|&value| {
                let of = words::<Local>(value);
                let is_dead = !of.has(LIVE);
                of.clear(MARK | LIVE);
                if !is_dead {
                    of.set_proven(self.proof);
                }
                is_dead
            });
            dead
        }
    }
}
