//! How many values are there: each has a [`One`].
//!
//! Above: the values of all kinds. Below: a number for each thread, which nobody else writes, so that counting takes a
//! few instructions and threads do not meet in it.

use alloc_core::sync::{AtomicU64, Ordering};
use std::cell::Cell;
use std::sync::Mutex;

/// A value's own: it is counted from here until it is dropped.
pub(super) struct One(());

/// What a thread has made, less what it has dropped; by itself on a cache line.
#[repr(align(128))]
struct Tally(AtomicU64);

static ALL: Mutex<Vec<&'static Tally>> = Mutex::new(Vec::new());

thread_local! {
    static MINE: Cell<Option<&'static Tally>> = const { Cell::new(None) };
}

#[inline(always)]
fn count(change: u64) {
    let mine = MINE.get().unwrap_or_else(begin);
    // ORDERING: Relaxed: only this thread writes it; who reads it has waited for what he asks about.
    mine.0.store(mine.0.load(Ordering::Relaxed).wrapping_add(change), Ordering::Relaxed);
}

#[cold]
#[inline(never)]
fn begin() -> &'static Tally {
    // It outlives its thread, whose values may.
    let mine = Box::leak(Box::new(Tally(AtomicU64::new(0))));
    ALL.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(mine);
    MINE.set(Some(mine));
    mine
}

impl One {
    #[inline(always)]
    pub(super) fn new() -> Self {
        count(1);
        Self(())
    }
}

impl Drop for One {
    #[inline(always)]
    fn drop(&mut self) {
        count(1_u64.wrapping_neg());
    }
}

/// How many values there are, of all threads.
pub(super) fn left() -> u64 {
    let all = ALL.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // ORDERING: Relaxed, as in `count`.
    let sum = |sum: u64, tally: &&Tally| sum.wrapping_add(tally.0.load(Ordering::Relaxed));
    all.iter().fold(0, sum)
}
