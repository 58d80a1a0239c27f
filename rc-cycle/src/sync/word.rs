//! Counts of boxes that many threads use, and the states by which a dead cycle is told from one that is in use.
//!
//! Above: the pointers; the collecting thread. Below: atomics. `collector.rs` has the steps.
//!
//! ```text
//!   strong  [suspect|killing|dead][number of pointers]
//!   weak    [number of weak pointers, all pointers together being one][locked|plain|stale|listed]
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
//! * S2, listed: the flag is set by one thread, which puts the box on a list; the list keeps the box's memory until
//!   whoever takes the box off it clears the flag. A candidate is listed before its pointer's count is gone, as nothing
//!   of the box may be touched afterwards.
//! * S3, exclusive: who has a value exclusively has made its listing stale (Acquire), has seen then that there is one
//!   pointer, and that the listing still is stale. A step that begins at a value has added a pointer, and has seen its
//!   listing, as it took it away (Release), not to be stale. Both change the same word, so one comes first, and the
//!   other sees it. No step comes to such a value by a pointer in another one: there is none, or it is in a place that
//!   its owner has exclusively.
//! * S4, noticed: no pointer is added to a suspect without its state being taken away.

use super::collector;
use crate::header::{Record, Words};
use crate::kind::{Kind, Shared};
use crate::thread;
use alloc_core::gc::Counted;
use alloc_core::sync::{AtomicUsize, Ordering, wait_a_moment};
use core::ptr::NonNull;

const BITS: u32 = usize::BITS;
/// Being looked at; on top of it: is about to die; has died.
pub(super) const SUSPECT: usize = 1 << (BITS - 1);
pub(super) const KILLING: usize = SUSPECT | 1 << (BITS - 2);
pub(super) const DEAD: usize = SUSPECT | 1 << (BITS - 3);
pub(super) const STATES: usize = KILLING | DEAD;
/// From here on, counting on would reach the states: somebody forgets pointers in a loop.
const TOO_MANY: usize = 1 << (BITS - 4);

pub(super) const LISTED: usize = 1;
pub(super) const STALE: usize = 2;
const PLAIN: usize = 4;
/// Somebody finds out whether there is no weak pointer: none is made meanwhile.
const LOCKED: usize = 8;
pub(super) const ONE: usize = 16;

/// S4: a pointer was added to a value with a state, or there are too many.
#[cold]
#[inline(never)]
fn touched(words: &Words<Shared>, old: usize) {
    if old & STATES == 0 || old & !STATES >= TOO_MANY {
        std::process::abort();
    }
    // ORDERING: Relaxed; its partner is the collector's second look, which comes after an Acquire of a count that
    // this thread releases later (`collector.rs`, V3).
    words.strong.fetch_and(!STATES, Ordering::Relaxed);
}

impl Kind for Shared {
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
        if old >= TOO_MANY {
            touched(words, old);
        }
    }

    #[inline(always)]
    unsafe fn release(words: &Words<Self>, value: NonNull<u8>, may_cycle: bool) -> bool {
        // S2. ORDERING: Relaxed; flags of the box, which this pointer keeps; what they guard has orderings of its own.
        if may_cycle
            && words.weak.load(Ordering::Relaxed) & (LISTED | STALE) != LISTED
            && words.strong.load(Ordering::Relaxed) != 1
        {
            // SAFETY: the caller's.
            unsafe { collector::list(words, value) };
        }
        // ORDERING: Release, so that who ends the value sees what this thread did with it (S1).
        if words.strong.fetch_sub(1, Ordering::Release) != 1 {
            return false;
        }
        // ORDERING: Acquire: see above. (A load, as ThreadSanitizer does not know fences.)
        words.strong.load(Ordering::Acquire);
        true
    }

    #[inline]
    fn upgrade(words: &Words<Self>) -> bool {
        let mut round = 0;
        // ORDERING: Relaxed; a first look.
        let mut old = words.strong.load(Ordering::Relaxed);
        loop {
            if old & DEAD == DEAD || old & !STATES == 0 {
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
        if old / ONE != 1 || old & (LISTED | PLAIN) == LISTED {
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
            && words
                .weak
                .compare_exchange(old, old | LOCKED, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if !locks {
            return false;
        }
        let is_unique = loop {
            // S3. ORDERING: Acquire: a step that took the box off its list before has added its pointer before that.
            if may_cycle {
                words.weak.fetch_or(STALE, Ordering::Acquire);
            }
            // ORDERING: Acquire: S1; and of pointers that are gone, whether they have listed the box anew.
            if words.strong.load(Ordering::Acquire) != 1 {
                break false;
            }
            if !may_cycle || words.weak.load(Ordering::Relaxed) & STALE != 0 {
                break true;
            }
        };
        // ORDERING: Release, for who waits to make a weak pointer.
        words.weak.fetch_and(!LOCKED, Ordering::Release);
        is_unique
    }

    fn take(words: &Words<Self>) -> bool {
        // ORDERING: Acquire: S1.
        words.strong.compare_exchange(1, 0, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    fn publish(words: &Words<Self>) {
        // ORDERING: Release, for `upgrade`.
        words.strong.store(1, Ordering::Release);
    }

    fn strong(words: &Words<Self>) -> usize {
        let strong = words.strong.load(Ordering::Relaxed);
        if strong & DEAD == DEAD { 0 } else { strong & !STATES }
    }

    fn weak(words: &Words<Self>) -> usize {
        words.weak.load(Ordering::Relaxed) / ONE
    }

    fn set_plain(words: &Words<Self>) {
        words.weak.fetch_or(PLAIN | LISTED, Ordering::Relaxed);
    }

    #[inline]
    fn is_plain(words: &Words<Self>) -> bool {
        words.weak.load(Ordering::Relaxed) & PLAIN != 0
    }

    #[inline]
    fn counted(value: NonNull<u8>) -> Counted {
        Counted::Shared(value)
    }

    fn note(value: NonNull<u8>, record: &'static Record, is_new: bool) {
        // SAFETY: who calls has the box.
        let bytes = unsafe { (record.bytes)(value) }.cast_signed();
        let (objects, bytes) = if is_new { (1, bytes) } else { (-1, -bytes) };
        let noted = thread::with(|here| here.shared.add(objects, bytes));
        if noted.is_none() {
            collector::live_changed(objects, bytes);
        }
    }
}
