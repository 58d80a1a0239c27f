//! A step: takes candidates up, has a trial tell which values are dead, and drops those.
//!
//! Above: `cycles.rs`, which says when, and how far. Below: trials; records, which drop and free.

use crate::candidates::Candidates;
use crate::figures::Found;
use crate::header::record;
use crate::kind::Kind;
use crate::local::{DEAD, LISTED, MARK, RIPE, STALE};
use crate::thread::PerThread;
use crate::trial::{Added, Trial};
use crate::words::{Counts, Local, words};
use alloc::vec::Vec;
use core::ptr::NonNull;

/// How far a step goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Once it has looked at so many values, it takes up no other candidate.
    pub objects: usize,
    /// So many values may the first candidate lead to; else it is put aside.
    pub first: usize,
}

impl Budget {
    /// As far as candidates lead.
    pub const ALL: Self = Self { objects: usize::MAX, first: usize::MAX };
}

/// A shorter list is not gone through for what is gone.
const SIFT_LEAST: usize = 64;

/// One step at a time.
pub(crate) struct Step<'h>(&'h PerThread);

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.0.steps.set(false);
    }
}

impl<'h> Step<'h> {
    pub fn begin(here: &'h PerThread) -> Option<Self> {
        if here.steps.replace(true) { None } else { Some(Self(here)) }
    }

    /// Has a listed value be listed no more.
    fn unlist(&self, value: NonNull<u8>) {
        // SAFETY: what is listed is not freed, and has a record.
        unsafe {
            self.0.candidates.borrow_mut().listed_bytes -= (record(value).bytes)(value);
            words::<Local>(value).clear(LISTED | STALE | RIPE);
        }
    }

    /// Takes a listed value off its list, for good, outside of a trial. `None`: it is no candidate; if its value is gone,
    /// its memory is to be freed, and is in `gone`, which has room.
    pub fn take(&self, value: NonNull<u8>, gone: &mut Vec<NonNull<u8>>) -> Option<NonNull<u8>> {
        // SAFETY: what is listed is not freed.
        let of = unsafe { words::<Local>(value) };
        let (is_gone, is_stale) = (of.strong.get() == 0, of.has(STALE));
        self.unlist(value);
        if is_gone && of.is_abandoned() {
            gone.push(value);
        }
        (!is_gone && !is_stale).then_some(value)
    }

    /// Frees boxes that nobody leads to.
    pub fn free_all(gone: Vec<NonNull<u8>>) {
        // SAFETY: the list was all that kept them (`take`), and they stand on it no more.
        gone.into_iter().for_each(|value| unsafe { (record(value).free)(value) });
    }

    /// Has `most` of the young candidates become ripe, and those of them that are gone leave the list. Returns whether
    /// all have, and a round has begun: not if there is no memory.
    pub fn ripen(&self, most: usize) -> bool {
        let (mut ripening, mut ripe) = {
            let mut candidates = self.0.candidates.borrow_mut();
            let Candidates { young, ripening, ripe, .. } = &mut *candidates;
            if ripening.is_empty() {
                core::mem::swap(young, ripening);
            }
            if ripe.try_reserve(most.min(ripening.len())).is_err() {
                return false;
            }
            (core::mem::take(ripening), core::mem::take(ripe))
        };
        let mut gone = Vec::new();
        let first = ripening.len() - most.min(ripening.len());
        for value in ripening.drain(first..).rev() {
            // SAFETY: as in `take`.
            let of = unsafe { words::<Local>(value) };
            let goes = of.strong.get() == 0 || of.has(STALE);
            if goes && gone.try_reserve(1).is_ok() {
                self.take(value, &mut gone);
            } else {
                of.set(RIPE);
                ripe.push(value);
            }
        }
        let is_all = ripening.is_empty();
        {
            let mut candidates = self.0.candidates.borrow_mut();
            (candidates.ripening, candidates.ripe) = (ripening, ripe);
            if is_all {
                candidates.proof = candidates.proof.next();
            }
        }
        Self::free_all(gone);
        if is_all {
            self.sift();
        }
        is_all
    }

    /// The same with all candidates.
    pub fn ripen_all(&self) {
        {
            let mut candidates = self.0.candidates.borrow_mut();
            let Candidates { young, ripening, ripe, large, .. } = &mut *candidates;
            for others in [ripening, ripe, large] {
                if young.try_reserve(others.len()).is_ok() {
                    young.append(others);
                }
            }
        }
        self.ripen(usize::MAX);
    }

    /// What was put aside and is gone leaves the list, when that has become twice as long.
    fn sift(&self) {
        let mut large = {
            let mut candidates = self.0.candidates.borrow_mut();
            if candidates.large.len() < candidates.large_sifted.saturating_mul(2).max(SIFT_LEAST) {
                return;
            }
            core::mem::take(&mut candidates.large)
        };
        let mut gone = Vec::new();
        large.retain(|&value| {
            // SAFETY: as in `take`.
            let is_gone = unsafe { words::<Local>(value) }.strong.get() == 0;
            if is_gone && gone.try_reserve(1).is_ok() {
                self.take(value, &mut gone);
                return false;
            }
            true
        });
        {
            let mut candidates = self.0.candidates.borrow_mut();
            candidates.large_sifted = large.len();
            candidates.large = large;
        }
        Self::free_all(gone);
    }

    /// Looks at about `budget.objects` values, and frees what is dead among them. Returns how many were freed, and
    /// looked at.
    pub fn run(&self, budget: Budget) -> (usize, usize) {
        #[cfg(feature = "std")]
        let begin = std::time::Instant::now();
        let proof = self.0.candidates.borrow().proof;
        let (mut trial, mut seeds, mut gone) = (Trial::new(proof), 0, Vec::new());
        while trial.len() < budget.objects && trial.visits < budget.objects.saturating_mul(2) {
            if gone.try_reserve(1).is_err() {
                break;
            }
            let Some(value) = self.next() else { break };
            if self.defer(value) {
                continue;
            }
            let Some(seed) = self.take(value, &mut gone) else { continue };
            seeds += 1;
            let is_first = trial.len() == 0;
            let most = if is_first { budget.first } else { budget.objects };
            // SAFETY: a candidate is alive, and nobody has it exclusively: he would have made it stale (`is_unique`).
            match unsafe { trial.add(seed, most) } {
                Added::All => {}
                Added::TooMany if is_first => self.put_aside(seed, most),
                // With others before it; alone, it may have room enough.
                Added::TooMany | Added::NoMemory => {
                    self.list_again(seed);
                    break;
                }
            }
        }
        seeds += self.take_members(trial.len());
        // SAFETY: as above; the trial ends here.
        let dead = unsafe { trial.end() };
        // Not before: an allocator may do anything, and must not see counts that were taken.
        Self::free_all(gone);
        let (freed, visits) = (dead.len(), trial.visits);
        self.0.candidates.borrow_mut().figures.stepped(seeds, visits, freed);
        self.drop_all(dead);
        #[cfg(feature = "std")]
        self.0.candidates.borrow_mut().figures.steps.note(begin.elapsed());
        (freed, visits)
    }

    /// Makes a candidate young again that was dropped from in this round: what the round has proven may not be true any
    /// more for those that led to it.
    fn defer(&self, value: NonNull<u8>) -> bool {
        let mut candidates = self.0.candidates.borrow_mut();
        // SAFETY: what is listed is not freed.
        let is_ripe = unsafe { words::<Local>(value) }.has(RIPE);
        let defers = !is_ripe && candidates.young.try_reserve(1).is_ok();
        if defers {
            candidates.young.push(value);
        }
        defers
    }

    /// Takes candidates off the list that are members of the trial: it tells of them all the same. Looks at no more
    /// of them than the trial has members.
    fn take_members(&self, most: usize) -> usize {
        let mut ripe = core::mem::take(&mut self.0.candidates.borrow_mut().ripe);
        let first = ripe.len() - most.min(ripe.len());
        let is_member = |value: &mut NonNull<u8>| {
            // SAFETY: what is listed is not freed.
            let of = unsafe { words::<Local>(*value) };
            of.has(MARK) && of.has(RIPE)
        };
        let mut taken = 0;
        for value in ripe.extract_if(first.., is_member) {
            // Its count was taken, perhaps to 0; but it is not gone.
            self.unlist(value);
            taken += 1;
        }
        self.0.candidates.borrow_mut().ripe = ripe;
        taken
    }

    pub fn next(&self) -> Option<NonNull<u8>> {
        self.0.candidates.borrow_mut().ripe.pop()
    }

    /// Puts a candidate back.
    fn list_again(&self, value: NonNull<u8>) {
        let mut candidates = self.0.candidates.borrow_mut();
        let Candidates { ripe, listed_bytes, .. } = &mut *candidates;
        Self::push(ripe, listed_bytes, value);
    }

    /// Puts a candidate aside that leads to more than `most` values.
    fn put_aside(&self, value: NonNull<u8>, most: usize) {
        let mut candidates = self.0.candidates.borrow_mut();
        let Candidates { large, large_objects, listed_bytes, .. } = &mut *candidates;
        let least = if large.is_empty() { usize::MAX } else { *large_objects };
        *large_objects = least.min(most);
        Self::push(large, listed_bytes, value);
    }

    fn push(list: &mut Vec<NonNull<u8>>, listed_bytes: &mut usize, value: NonNull<u8>) {
        if list.try_reserve(1).is_ok() {
            list.push(value);
            // SAFETY: it was listed a moment ago.
            unsafe {
                words::<Local>(value).set(LISTED | RIPE);
                *listed_bytes += (record(value).bytes)(value);
            }
        }
    }

    /// Drops values that point at each other, and are pointed at by nobody else.
    fn drop_all(&self, dead: Vec<NonNull<u8>>) {
        if dead.is_empty() {
            return;
        }
        for &value in &dead {
            // SAFETY: they are not freed before all are dropped. One count more, so that none comes to its end early.
            let of = unsafe { words::<Local>(value) };
            of.set(DEAD);
            of.strong.set(of.strong.get() + 1);
        }
        // From here on they are dropped, whatever unwinds; and nobody upgrades.
        let mut all = Dead { values: dead, next: 0 };
        let trace = self.0.candidates.borrow().trace;
        if let Some(trace) = trace {
            trace(&Found::of(&all.values));
        }
        all.drop_values();
    }
}

/// Values that are being dropped, also if one of them unwinds.
struct Dead {
    values: Vec<NonNull<u8>>,
    next: usize,
}

impl Dead {
    fn drop_values(&mut self) {
        while let Some(&value) = self.values.get(self.next) {
            self.next += 1;
            // SAFETY: nobody but dead values leads to it (the trial), and nobody upgrades (`DEAD`).
            unsafe { (record(value).drop)(value) };
        }
    }
}

impl Drop for Dead {
    fn drop(&mut self) {
        self.drop_values();
        for &value in &self.values {
            // SAFETY: the value is dropped; weak pointers may keep the memory, or a list.
            unsafe {
                let of = words::<Local>(value);
                of.strong.set(0);
                of.clear(DEAD);
                let record = record(value);
                Local::note(value, record, false);
                if Local::release_weak(of) {
                    (record.free)(value);
                }
            }
        }
    }
}
