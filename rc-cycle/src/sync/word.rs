//! Counts of boxes that many threads use, and the states by which a dead cycle is told from one that is in use.
//!
//! Above: the pointers; the collecting thread. Below: atomics. `collector.rs` has how a pointer goes by S2, and the steps.
//!
//! ```text
//!   strong  [suspect|killing|dead|listed][number of pointers]
//!   weak    [number of weak pointers, all pointers together being one][locked|plain|held]
//! ```
//!
//! | state of `strong` | a clone | an upgrade | who leaves it |
//! |---|---|---|---|
//! | none | adds one | adds one | the collector: suspect |
//! | suspect | adds one, and takes the state away | the same, at once | the collector: killing, or none |
//! | killing | the same | waits | the collector: dead, or none |
//! | dead | there is nobody who could | fails | the collector, when all values are dropped: no pointers |
//!
//! # Rules
//!
//! * S1, as `Arc`: a pointer is cloned from one that there is; the last one that goes (Release) ends the value (Acquire).
//! * S2, listed: of a value that can be part of a cycle, a pointer that is not the last one goes only while the value is
//!   listed: it is the same word. Who makes a value listed sees to it that its box is held, by an entry of a list. A step
//!   that takes an entry up adds a pointer first, then lets go of the box, then takes *listed* away; and when it has done
//!   so for all that it takes up, it looks at values. So it knows of all pointers that went while their values were
//!   listed, and of all that was done with values before. Nothing of a box is touched after its pointer's count is
//!   gone.
//! * S3, exclusive: who finds that there is one pointer, and no weak one, has taken *listed* away. A step looks at no
//!   value that was not listed when it had added its pointer. It is the same word, so one of the two comes first, and
//!   the other sees it. No step comes to such a value by a pointer in another one: there is none, or it is in a place
//!   that its owner has exclusively.
//! * S4, noticed: no pointer is added to a suspect without its state being taken away.

use crate::words::{Counts, Shared, Words};
use alloc_core::gc::Counted;
use alloc_core::sync::{AtomicUsize, Ordering, wait_a_moment};
use core::ptr::NonNull;

const BITS: u32 = usize::BITS;
/// Being looked at; on top of it: is about to die; has died.
pub(super) const SUSPECT: usize = 1 << (BITS - 1);
pub(super) const KILLING: usize = SUSPECT | 1 << (BITS - 2);
pub(super) const DEAD: usize = SUSPECT | 1 << (BITS - 3);
pub(super) const STATES: usize = KILLING | DEAD;
/// In `strong`, too: a candidate.
pub(super) const LISTED: usize = 1 << (BITS - 4);
/// From here on, counting on would reach the flags: somebody forgets pointers in a loop.
const TOO_MANY: usize = 1 << (BITS - 5);

/// In `weak`: an entry of a list keeps the box.
pub(super) const HELD: usize = 1;
const PLAIN: usize = 2;
/// Somebody finds out whether there is no weak pointer: none is made meanwhile.
const LOCKED: usize = 4;
pub(super) const ONE: usize = 8;

/// The number of pointers.
pub(super) const fn count(strong: usize) -> usize {
    strong & !(STATES | LISTED)
}

/// S4: a pointer was added to a value with a state, or there are too many.
#[cold]
#[inline(never)]
fn touched(words: &Words<Shared>) {
    // ORDERING: Relaxed. What has happened since the pointer was added does not matter: it is there.
    let old = words.strong.load(Ordering::Relaxed);
    if count(old) >= TOO_MANY {
        std::process::abort();
    }
    // ORDERING: Relaxed; its partner is the collector's second look, which comes after an Acquire of a count that
    // this thread releases later (`graph.rs`, V3).
    words.strong.fetch_and(!STATES, Ordering::Relaxed);
}

/// One pointer less, of a value that need not be listed for it; but it may be, unless it is never (`UNLISTED`).
#[inline(always)]
pub(super) fn release_any<const UNLISTED: bool>(words: &Words<Shared>) -> bool {
    let mask = if UNLISTED { usize::MAX } else { !LISTED };
    // ORDERING: Release, so that who ends the value sees what this thread did with it (S1).
    if words.strong.fetch_sub(1, Ordering::Release) & mask != 1 {
        return false;
    }
    // ORDERING: Acquire: see above. (A load, as ThreadSanitizer does not know fences.)
    words.strong.load(Ordering::Acquire);
    true
}

impl Counts for Shared {
    type Word = AtomicUsize;
    const SENDS: bool = true;

    #[inline]
    fn new_words(strong: usize) -> Words<Self> {
        Words { strong: AtomicUsize::new(strong), weak: AtomicUsize::new(ONE) }
    }

    #[inline(always)]
    fn retain(words: &Words<Self>) {
        // ORDERING: Relaxed, as in `Arc`: the pointer that is cloned keeps everything.
        let old = words.strong.fetch_add(1, Ordering::Relaxed);
        // Where counting so far takes decades, the sign is enough for the states.
        let is_odd =
            if usize::BITS >= 64 { old.cast_signed() < 0 } else { old & !LISTED >= TOO_MANY };
        if is_odd {
            touched(words);
        }
    }

    #[inline]
    fn upgrade(words: &Words<Self>) -> bool {
        let mut round = 0;
        // ORDERING: Relaxed; a first look.
        let mut old = words.strong.load(Ordering::Relaxed);
        loop {
            if old & DEAD == DEAD || count(old) == 0 {
                return false;
            }
            if old & KILLING == KILLING {
                wait_a_moment(round);
                round += 1;
                old = words.strong.load(Ordering::Relaxed);
                continue;
            }
            // S4. ORDERING: Acquire, as in `Arc`: of a value that was made after the weak pointer (`publish`).
            let new = (old & !STATES) + 1;
            match words.strong.compare_exchange_weak(old, new, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(now) => old = now,
            }
        }
    }

    fn retain_weak(words: &Words<Self>) {
        let mut round = 0;
        let mut old = words.weak.load(Ordering::Relaxed);
        loop {
            if old & LOCKED != 0 {
                wait_a_moment(round);
                round += 1;
                old = words.weak.load(Ordering::Relaxed);
                continue;
            }
            if old >= TOO_MANY {
                std::process::abort();
            }
            // ORDERING: Acquire, for the Release that unlocks (`is_unique`).
            match words.weak.compare_exchange_weak(
                old,
                old + ONE,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => old = now,
            }
        }
    }

    #[inline]
    fn release_weak(words: &Words<Self>) -> bool {
        // ORDERING: Release, for whoever frees.
        let old = words.weak.fetch_sub(ONE, Ordering::Release);
        if old / ONE != 1 || old & HELD != 0 {
            return false; // S2: a list keeps it
        }
        // ORDERING: Acquire: see above.
        words.weak.load(Ordering::Acquire);
        true
    }

    fn is_unique(words: &Words<Self>, may_cycle: bool) -> bool {
        let old = words.weak.load(Ordering::Relaxed);
        // ORDERING: Acquire, for what weak pointers that are gone were upgraded to, as in `Arc`.
        let locks = old / ONE == 1
            && old & LOCKED == 0
            && words
                .weak
                .compare_exchange(old, old | LOCKED, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if !locks {
            return false;
        }
        // S3. ORDERING: Acquire: S1.
        let is_unique = if may_cycle {
            words
                .strong
                .fetch_update(Ordering::Acquire, Ordering::Relaxed, |strong| {
                    (strong & !LISTED == 1).then_some(1)
                })
                .is_ok()
        } else {
            words.strong.load(Ordering::Acquire) == 1
        };
        // ORDERING: Release, for who waits to make a weak pointer.
        words.weak.fetch_and(!LOCKED, Ordering::Release);
        is_unique
    }

    fn take(words: &Words<Self>) -> bool {
        // ORDERING: Acquire: S1.
        let taken = words.strong.fetch_update(Ordering::Acquire, Ordering::Relaxed, |strong| {
            (strong & !LISTED == 1).then_some(strong & LISTED)
        });
        taken.is_ok()
    }

    #[inline]
    fn publish(words: &Words<Self>) {
        // ORDERING: Release, for `upgrade`.
        words.strong.store(1, Ordering::Release);
    }

    fn strong(words: &Words<Self>) -> usize {
        let strong = words.strong.load(Ordering::Relaxed);
        if strong & DEAD == DEAD { 0 } else { count(strong) }
    }

    fn weak(words: &Words<Self>) -> usize {
        words.weak.load(Ordering::Relaxed) / ONE
    }

    fn set_plain(words: &Words<Self>) {
        words.weak.fetch_or(PLAIN, Ordering::Relaxed);
    }

    #[inline]
    fn is_plain(words: &Words<Self>) -> bool {
        words.weak.load(Ordering::Relaxed) & PLAIN != 0
    }

    #[inline]
    fn counted(value: NonNull<u8>) -> Counted {
        Counted::Shared(value)
    }
}
