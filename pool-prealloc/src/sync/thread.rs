//! The number of a thread: which shard of every pool is its own.
//!
//! Above: hits (`shared.rs`). Below: one bitmap for the process, under a lock.
//!
//! * **N1** Of the threads that are alive, no two have the same number.
//! * **N2** A number goes from the thread that had it to the next one through the lock of the bitmap; so
//!   all that the first did with its shards has happened before what the second does with them. Nothing
//!   is flushed when a thread ends: its shards wait for the next owner, or for a gathering.
//!
//! Numbers are given out from 0 upwards, the lowest free one first. They are a thread's for all pools.

use alloc_core::sync::Lock;
use core::cell::Cell;

/// The most threads that have a number at a time; others use no shards.
pub(super) const MAX_THREADS: usize = 1024;
const WORDS: usize = MAX_THREADS / 64;
const _: () = assert!(MAX_THREADS.is_multiple_of(64));

/// What is in place of a number, before the thread has asked for one, and when there is none for it.
/// Both are more than the number of any shard.
const NEW: usize = usize::MAX;
const NONE: usize = usize::MAX - 1;

/// Which numbers are taken.
struct Numbers([u64; WORDS]);

impl Numbers {
    fn take(&mut self) -> Option<usize> {
        let (word, bits) = self.0.iter_mut().enumerate().find(|(_, bits)| **bits != u64::MAX)?;
        let bit = bits.trailing_ones();
        *bits |= 1 << bit;
        Some(word * 64 + bit as usize)
    }

    fn give(&mut self, number: usize) {
        self.0[number / 64] &= !(1 << (number % 64));
    }
}

#[cfg(not(all(loom, feature = "loom")))]
mod place {
    use super::{Cell, Exit, Lock, NEW, Numbers, WORDS};

    pub type NumbersRef = &'static Lock<Numbers>;

    pub fn numbers() -> NumbersRef {
        static NUMBERS: Lock<Numbers> = Lock::new(Numbers([0; WORDS]));
        &NUMBERS
    }

    std::thread_local! {
        pub static NUMBER: Cell<usize> = const { Cell::new(NEW) };
        pub static EXIT: Exit = const { Exit { held: Cell::new(None) } };
    }
}

/// Loom's statics end before its threads do: they share the bitmap.
#[cfg(all(loom, feature = "loom"))]
mod place {
    use super::{Cell, Exit, Lock, NEW, Numbers, WORDS};
    use std::sync::Arc;

    pub type NumbersRef = Arc<Lock<Numbers>>;

    pub fn numbers() -> NumbersRef {
        alloc_core::sync::lazy_static! {
            static ref NUMBERS: NumbersRef = Arc::new(Lock::new(Numbers([0; WORDS])));
        }
        NUMBERS.clone()
    }

    alloc_core::sync::thread_local! {
        pub static NUMBER: Cell<usize> = Cell::new(NEW);
        pub static EXIT: Exit = Exit { held: Cell::new(None) };
    }
}

use place::{EXIT, NUMBER, NumbersRef, numbers};

/// Gives the thread's number back when it ends (N2).
struct Exit {
    held: Cell<Option<(usize, NumbersRef)>>,
}

impl Drop for Exit {
    fn drop(&mut self) {
        let _ = NUMBER.try_with(|cell| cell.set(NONE));
        if let Some((number, numbers)) = self.held.take() {
            numbers.lock().give(number);
        }
    }
}

/// The calling thread's number, or one that is too high for any shard.
#[inline(always)]
pub(super) fn number() -> usize {
    NUMBER.try_with(Cell::get).unwrap_or(NONE)
}

/// Gives the calling thread a number, if it has not asked before: `true` if it has one since this call.
#[cold]
#[inline(never)]
pub(super) fn enrol() -> bool {
    if number() != NEW {
        return false;
    }
    let taken = EXIT.try_with(|exit| {
        let numbers = numbers();
        let number = numbers.lock().take()?;
        exit.held.set(Some((number, numbers)));
        Some(number)
    });
    let taken = taken.ok().flatten();
    let _ = NUMBER.try_with(|cell| cell.set(taken.unwrap_or(NONE)));
    taken.is_some()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_come_back() {
        let mut numbers = Numbers([0; WORDS]);
        let taken: Vec<_> = (0..MAX_THREADS).map_while(|_| numbers.take()).collect();
        assert_eq!(taken, (0..MAX_THREADS).collect::<Vec<_>>());
        assert_eq!(numbers.take(), None);
        numbers.give(700);
        numbers.give(3);
        assert_eq!([numbers.take(), numbers.take(), numbers.take()], [Some(3), Some(700), None]);
    }

    #[test]
    fn a_thread_has_one_number() {
        let here = || {
            enrol();
            assert!(!enrol());
            number()
        };
        let mine = here();
        assert!(mine < MAX_THREADS);
        assert_ne!(std::thread::spawn(here).join().unwrap(), mine);
        assert_eq!(here(), mine);
    }
}
