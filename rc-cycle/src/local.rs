//! Counts of boxes that one thread uses.
//!
//! Above: the pointers, trials. Below: cells. In `cycles.rs`: what the flags are for, and what a pointer leaves that goes.
//!
//! `strong` is the number of pointers. `weak` is, from the lowest bit on: seven flags; where words are long, the round
//! in which the value was last proven alive; and the number of weak pointers, all pointers together being one of them.

use crate::words::{Counts, Local, Words};
use alloc_core::gc::Counted;
use core::cell::Cell;
use core::ptr::NonNull;

/// The box is on a list of candidates, which keeps its memory.
pub(crate) const LISTED: usize = 1;
/// It is listed, but no candidate: nothing was dropped since its one owner had it for himself.
pub(crate) const STALE: usize = 2;
/// The trial under way has come by; and has found it alive.
pub(crate) const MARK: usize = 4;
pub(crate) const LIVE: usize = 8;
/// Found dead; its value is being dropped, or others' that point at it.
pub(crate) const DEAD: usize = 16;
/// It has no record, though its pointers' type may have one.
pub(crate) const PLAIN: usize = 32;
/// It is listed, and was not dropped from since the round began.
pub(crate) const RIPE: usize = 64;
const FLAG_BITS: u32 = 7;
const _: () = assert!(RIPE < 1 << FLAG_BITS);
/// Where words are short, their bits are needed for weak pointers.
const PROOF_BITS: u32 = if usize::BITS >= 64 { 25 } else { 0 };
const PROOF_MASK: usize = ((1 << PROOF_BITS) - 1) << FLAG_BITS;
const ONE: usize = 1 << (FLAG_BITS + PROOF_BITS);

/// What says of a value that it was alive at some time in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proof(usize);

impl Proof {
    /// Of no value.
    pub const NONE: Self = Self(usize::MAX);

    /// That of the first round.
    pub const FIRST: Self = if PROOF_BITS > 0 { Self(1 << FLAG_BITS) } else { Self::NONE };

    /// That of the next round. There is a last one, and then none: a value would be taken for proven otherwise.
    pub const fn next(self) -> Self {
        if self.0 >= PROOF_MASK { Self::NONE } else { Self(self.0 + (1 << FLAG_BITS)) }
    }
}

impl Words<Local> {
    pub(crate) fn has(&self, flags: usize) -> bool {
        self.weak.get() & flags != 0
    }

    pub(crate) fn set(&self, flags: usize) {
        self.weak.set(self.weak.get() | flags);
    }

    pub(crate) fn clear(&self, flags: usize) {
        self.weak.set(self.weak.get() & !flags);
    }

    /// Whether this was the last proof.
    #[inline(always)]
    pub(crate) fn is_proven(&self, proof: Proof) -> bool {
        self.weak.get() & PROOF_MASK == proof.0
    }

    pub(crate) fn set_proven(&self, proof: Proof) {
        if proof != Proof::NONE {
            self.weak.set(self.weak.get() & !PROOF_MASK | proof.0);
        }
    }

    /// Whether there is no weak pointer either, so that the memory is the list's to free.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.weak.get() < ONE
    }
}

/// Counting on would wrap around: somebody forgets pointers in a loop.
#[cold]
fn overflow() -> ! {
    // Not a panic: it could be caught, and the count would be wrong.
    #[cfg(feature = "std")]
    std::process::abort();
    #[cfg(not(feature = "std"))]
    {
        extern "C" fn never_unwinds() -> ! {
            panic!("too many pointers to one value")
        }
        never_unwinds()
    }
}

impl Counts for Local {
    type Word = Cell<usize>;
    const SENDS: bool = false;

    #[inline]
    fn new_words(strong: usize) -> Words<Self> {
        Words { strong: Cell::new(strong), weak: Cell::new(ONE) }
    }

    #[inline(always)]
    fn retain(words: &Words<Self>) {
        let strong = words.strong.get().wrapping_add(1);
        words.strong.set(strong);
        if strong == 0 {
            overflow();
        }
    }

    #[inline]
    fn upgrade(words: &Words<Self>) -> bool {
        let lives = words.strong.get() != 0 && !words.has(DEAD);
        if lives {
            Self::retain(words);
        }
        lives
    }

    #[inline]
    fn retain_weak(words: &Words<Self>) {
        let weak = words.weak.get().wrapping_add(ONE);
        words.weak.set(weak);
        if weak < ONE {
            overflow();
        }
    }

    #[inline]
    fn release_weak(words: &Words<Self>) -> bool {
        words.weak.set(words.weak.get() - ONE);
        words.weak.get() < ONE && words.weak.get() & (LISTED | PLAIN) != LISTED
    }

    #[inline]
    fn is_unique(words: &Words<Self>, may_cycle: bool) -> bool {
        let is_unique = words.strong.get() == 1 && words.weak.get() / ONE == 1;
        if may_cycle && is_unique && words.has(LISTED) {
            words.set(STALE);
        }
        is_unique
    }

    #[inline]
    fn take(words: &Words<Self>) -> bool {
        let is_one = words.strong.get() == 1;
        if is_one {
            words.strong.set(0);
        }
        is_one
    }

    #[inline]
    fn publish(words: &Words<Self>) {
        words.strong.set(1);
    }

    #[inline]
    fn strong(words: &Words<Self>) -> usize {
        if words.has(DEAD) { 0 } else { words.strong.get() }
    }

    #[inline]
    fn weak(words: &Words<Self>) -> usize {
        words.weak.get() / ONE
    }

    fn set_plain(words: &Words<Self>) {
        words.set(PLAIN | LISTED);
    }

    #[inline]
    fn is_plain(words: &Words<Self>) -> bool {
        words.has(PLAIN)
    }

    #[inline]
    fn counted(value: NonNull<u8>) -> Counted {
        Counted::Local(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_of_one_round_and_end_some_day() {
        let words = Local::new_words(1);
        let (mut proof, mut rounds) = (Proof::FIRST, 0);
        while proof != Proof::NONE {
            assert!(!words.is_proven(proof));
            words.set_proven(proof);
            assert!(words.is_proven(proof) && !words.has((1 << FLAG_BITS) - 1));
            assert_eq!(Local::weak(&words), 1);
            proof = proof.next();
            rounds += 1;
        }
        assert_eq!(rounds, (1 << PROOF_BITS) - 1);
        words.set_proven(proof);
        assert!(!words.is_proven(Proof::NONE) && proof.next() == Proof::NONE);
    }
}
