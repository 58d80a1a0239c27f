//! What candidates lead to, while other threads go on: who holds whom, and which values are held by each other only.
//!
//! Above: `collector.rs`. Below: records; the counts in the boxes, to which each member's adds one, so that it stays.
//!
//! * V1, kept: a member is alive from when it is found until it is let go of: the pointer by which it was found is in a
//!   place that does not change meanwhile (a field that nobody can write to, or one under a lock that is held).
//! * V2, frozen: before suspects are judged, the locks in them are taken and kept, and then the pointers in them counted.
//!   So no pointer leaves them or comes to them until they are judged.
//! * V3, judged: then each is made a suspect; then each is changed to killing, if its count is what was counted; then each
//!   is looked at once more. If it is what it was, for all of them, no other thread had a pointer to any when the last
//!   of them was changed, and none can come by one, as upgrades wait.
//!
//! Why V3 holds. Suppose another thread has a pointer to a suspect at that time, outside of suspects. If no pointer was
//! added to any of them since they were suspects, it has had it all the while (V2), and the count of its value is not
//! what was counted. If one was added, take the first: its thread got at the value through another pointer, to a
//! suspect W, which it had before and until its addition was noticed (S4). Either W's count was too high when W was to
//! be changed; or the pointer to W was gone by then (Release), which was seen with W's count (Acquire): so the second
//! look sees that the first value lost its state, or never got the next one.
//!
//! Source: trial deletion as in `trial.rs`, on counts of its own; Bacon and Rajan's concurrent algorithm judges what it
//! found by a second look, too (their sigma and delta tests), but takes all counting to one thread for that.

use super::ends::Ends;
use super::lists::list;
use super::word::{DEAD, HELD, KILLING, LISTED, ONE, STATES, SUSPECT, count};
use crate::header::{record, visit};
use crate::visit::{Act, Guards};
use crate::words::{Shared, Words, words};
use alloc::vec::Vec;
use alloc_core::sync::Ordering;
use core::ptr::NonNull;
use hashbrown::HashMap;

#[cfg(loom)]
mod models {
    use std::sync::RwLock;

    static HOW: RwLock<(bool, bool)> = RwLock::new((false, false));

    /// Whether what is judged does not depend on when the counts were read before; and whether others run between two
    /// verdicts, whatever the model's bound.
    pub(crate) fn judge(all: bool, slowly: bool) {
        if let Ok(mut how) = HOW.write() {
            *how = (all, slowly);
        }
    }

    pub(super) fn how() -> (bool, bool) {
        HOW.read().map_or((false, false), |how| *how)
    }
}
#[cfg(loom)]
pub(super) use models::judge;

struct Member {
    value: NonNull<u8>,
    /// Pointers to it that were found in members.
    inside: usize,
    /// Where its pointers begin in the list of all; they end where the next one's begin.
    first: usize,
    alive: bool,
}

#[derive(Default)]
pub(super) struct Graph {
    members: Vec<Member>,
    index: HashMap<NonNull<u8>, u32>,
    pointers: Vec<u32>,
    visited: usize,
}

/// The words of a box.
///
/// # Safety
///
/// As for [`words`].
unsafe fn of<'b>(value: NonNull<u8>) -> &'b Words<Shared> {
    // SAFETY: the caller's.
    unsafe { words::<Shared>(value) }
}

/// Takes up an entry of a list, which goes. `true`: the value is a candidate, and one of its counts is the caller's.
///
/// # Safety
///
/// The entry was that of a list, and of this box.
pub(super) unsafe fn take_up(value: NonNull<u8>, ends: &mut Ends) -> bool {
    // SAFETY: the entry kept the box; then the count does.
    unsafe {
        let words = of(value);
        let pinned = pin(words);
        // ORDERING: AcqRel: whoever frees sees what others did with the box; and who lists it anew, and finds it not
        // held, comes after this, or has made it listed before (S2).
        let old = words.weak.fetch_and(!HELD, Ordering::AcqRel);
        if !pinned {
            if old / ONE == 0 {
                (record(value).free)(value);
            }
            return false;
        }
        // S3. ORDERING: Acquire, for the Release of pointers that went while it was listed (S2).
        let is_listed = words.strong.fetch_and(!LISTED, Ordering::Acquire) & LISTED != 0;
        if !is_listed {
            ends.let_go(value);
        }
        is_listed
    }
}

/// Adds a pointer, if there is one.
fn pin(words: &Words<Shared>) -> bool {
    // ORDERING: Acquire, as of an upgrade: for who published the value.
    let pinned = words.strong.fetch_update(Ordering::Acquire, Ordering::Relaxed, |strong| {
        (count(strong) > 0 && strong & DEAD != DEAD).then_some(strong + 1)
    });
    pinned.is_ok()
}

impl Graph {
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Takes in candidates that were pinned, and all that they lead to, until there are about `most` members. `false`: there
    /// is no memory; all that can be done is to give up.
    ///
    /// # Safety
    ///
    /// One of each value's counts is the graph's, from when it has taken it out of `seeds`.
    pub unsafe fn add_all(
        &mut self,
        seeds: &mut Vec<NonNull<u8>>,
        most: usize,
        ends: &mut Ends,
    ) -> bool {
        while self.members.len() < most
            && let Some(&seed) = seeds.last()
        {
            if self.index.contains_key(&seed) {
                // It was found already, and pinned for that.
                // SAFETY: the caller's.
                unsafe { ends.let_go(seed) };
            } else if !self.push(seed) {
                return false;
            }
            seeds.pop();
            // SAFETY: members are pinned.
            if unsafe { !self.visit_new() } {
                return false;
            }
        }
        true
    }

    /// Visits the members that were not yet. `false`: there is no memory.
    ///
    /// # Safety
    ///
    /// Each member is pinned.
    unsafe fn visit_new(&mut self) -> bool {
        let mut next = self.visited;
        while next < self.members.len() {
            let value = self.members[next].value;
            self.members[next].first = self.pointers.len();
            let mut has_memory = true;
            let mut found = |other: NonNull<u8>| has_memory &= self.found(other);
            // SAFETY: a member is alive (V1), and nobody has it exclusively (S3).
            unsafe { visit(value, Act::LookShared(&mut found)) };
            if !has_memory {
                return false;
            }
            next += 1;
            self.visited = next;
        }
        true
    }

    fn push(&mut self, value: NonNull<u8>) -> bool {
        let has_memory = self.members.try_reserve(1).is_ok() && self.index.try_reserve(1).is_ok();
        if has_memory {
            self.index.insert(value, self.members.len() as u32);
            let first = self.pointers.len();
            self.members.push(Member { value, inside: 0, first, alive: false });
        }
        has_memory
    }

    /// A pointer of the member that is being visited.
    fn found(&mut self, value: NonNull<u8>) -> bool {
        let at = match self.index.get(&value) {
            Some(&at) => at,
            None => {
                if !self.push(value) {
                    return false;
                }
                // ORDERING: Relaxed, as for a clone; the pointer that leads here keeps it (V1).
                // SAFETY: the box is alive for the same reason.
                unsafe { of(value) }.strong.fetch_add(1, Ordering::Relaxed);
                (self.members.len() - 1) as u32
            }
        };
        self.members[at as usize].inside += 1;
        let has_memory = self.pointers.try_reserve(1).is_ok();
        if has_memory {
            self.pointers.push(at);
        }
        has_memory
    }

    /// Which members nothing outside seems to hold: suspects. A guess: V3 holds whatever comes of it.
    fn suspects(&mut self) -> Vec<u32> {
        #[cfg(loom)]
        if models::how().0 {
            return (0..self.members.len() as u32).collect();
        }
        let mut alive = Vec::new();
        for at in 0..self.members.len() {
            let member = &self.members[at];
            // ORDERING: Relaxed: a guess, which V3 judges.
            // SAFETY: V1.
            let strong = count(unsafe { of(member.value) }.strong.load(Ordering::Relaxed));
            if strong != member.inside + 1 && !member.alive {
                self.members[at].alive = true;
                alive.push(at);
            }
            while let Some(at) = alive.pop() {
                let end = self.members.get(at + 1).map_or(self.pointers.len(), |next| next.first);
                for &to in &self.pointers[self.members[at].first..end] {
                    if !core::mem::replace(&mut self.members[to as usize].alive, true) {
                        alive.push(to as usize);
                    }
                }
            }
        }
        (0..self.members.len() as u32).filter(|&at| !self.members[at as usize].alive).collect()
    }

    /// V2, V3: whether all of these are dead; they are in state dead then.
    fn judge(&mut self, suspects: &[u32]) -> bool {
        for &at in suspects {
            self.members[at as usize].inside = 0;
        }
        let mut guards = Guards::default();
        let mut closed = true;
        for &at in suspects {
            let value = self.members[at as usize].value;
            let mut found = |other: NonNull<u8>| {
                if let Some(&at) = self.index.get(&other) {
                    self.members[at as usize].inside += 1;
                }
            };
            let act = Act::Freeze { look: &mut found, guards: &mut guards };
            // SAFETY: V1, S3. The guards are dropped before the value can be.
            unsafe { visit(value, act) };
            closed &= !guards.are_missing();
        }
        let words_of = |at: &u32| {
            let member = &self.members[*at as usize];
            // SAFETY: V1.
            (unsafe { of(member.value) }, member.inside + 1)
        };
        if closed {
            for (words, _) in suspects.iter().map(words_of) {
                // ORDERING: Relaxed: each rule is about one word's order, but for the Acquire below.
                words.strong.fetch_or(SUSPECT, Ordering::Relaxed);
            }
            closed = suspects.iter().map(words_of).all(|(words, counted)| {
                // ORDERING: Acquire, for the Release of pointers that are gone: V3.
                let killed =
                    words.strong.fetch_update(Ordering::Acquire, Ordering::Relaxed, |strong| {
                        (strong & !LISTED == SUSPECT | counted).then_some(strong | KILLING)
                    });
                #[cfg(loom)]
                if models::how().1 {
                    alloc_core::sync::wait_a_moment(0);
                }
                killed.is_ok()
            });
            closed = closed
                && suspects.iter().map(words_of).all(|(words, counted)| {
                    words.strong.load(Ordering::Relaxed) & !LISTED == KILLING | counted
                });
            for (words, counted) in suspects.iter().map(words_of) {
                if closed {
                    // What is listed needs not be listed when its pointers go.
                    // ORDERING: Release: an upgrade that sees it need not see more.
                    words.strong.store(DEAD | counted | LISTED, Ordering::Release);
                } else {
                    words.strong.fetch_and(!STATES, Ordering::Relaxed);
                }
            }
        }
        drop(guards);
        closed
    }

    /// Finds out who is dead: lets go of all others. Who seemed dead, and may not be, is listed again; so is everybody, if
    /// there is no memory, or the graph is not whole. Returns whether it is time then to look whether a step is due.
    pub fn end(mut self, is_whole: bool, ends: &mut Ends) -> bool {
        let has_room = ends.reserve_dead(self.members.len());
        let suspects = if is_whole && has_room { self.suspects() } else { Vec::new() };
        let are_dead = !suspects.is_empty() && self.judge(&suspects);
        let mut looks = false;
        for member in self.members.drain(..) {
            // SAFETY: its count is ours until it is given back.
            unsafe {
                match (member.alive, are_dead) {
                    (false, true) => ends.push_dead(member.value),
                    (true, _) => ends.let_go(member.value),
                    (false, false) => {
                        looks |= list(of(member.value), member.value) == Some(true);
                        ends.let_go(member.value);
                    }
                }
            }
        }
        looks
    }
}
