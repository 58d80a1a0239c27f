//! What is known of a place: its record, which lies outside of all stacks.
//!
//! Above: lists and state, under the pool's lock; [`PooledStack`](super::PooledStack); the overflow handler, which
//! may read at any time. Records are made in their place, once, and stay as long as their mapping.

use super::seq::Seq;
use alloc_core::sync::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};
use core::cell::Cell;
use core::ops::Deref;
use core::ptr::NonNull;

/// In whose hand a place is (R1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Whose {
    /// It has no guard yet.
    Raw = 0,
    Live = 1,
    Warm = 2,
    Cold = 3,
    Away = 4,
}

#[repr(align(64))]
pub(super) struct Record {
    /// Links of the list that it is on: the lock's.
    pub newer: Cell<Option<Place>>,
    pub older: Cell<Option<Place>>,
    /// The lowest address of the stack, above the guard.
    pub low: NonNull<u8>,
    /// The address at which the stack begins: its highest.
    pub high: usize,
    /// What the coroutine is called: of `Seq`.
    name: AtomicPtr<u8>,
    number: AtomicU64,
    name_bytes: AtomicU32,
    seq: Seq,
    /// A `Whose`.
    whose: AtomicU8,
    /// When it was last looked at, in ticks of the decay, and how many delays to wait, as a power of two: the hand's.
    pub looked_tick: Cell<u32>,
    pub patience: Cell<u8>,
}

// A record is one line of the cache.
#[cfg(not(any(loom, strata_lines)))]
const _: () = assert!(size_of::<Record>() == 64);

impl Record {
    pub fn new(low: NonNull<u8>, high: usize) -> Self {
        Self {
            newer: Cell::new(None),
            older: Cell::new(None),
            low,
            high,
            name: AtomicPtr::new(core::ptr::null_mut()),
            number: AtomicU64::new(0),
            name_bytes: AtomicU32::new(0),
            seq: Seq::new(),
            whose: AtomicU8::new(Whose::Raw as u8),
            looked_tick: Cell::new(0),
            patience: Cell::new(0),
        }
    }

    // ORDERING: Relaxed, here and in `is`: the lock orders what it guards; the handler asks about the stack on which its
    // own thread runs.
    #[inline]
    pub fn set_whose(&self, whose: Whose) {
        self.whose.store(whose as u8, Ordering::Relaxed);
    }

    #[inline]
    pub fn is(&self, whose: Whose) -> bool {
        self.whose.load(Ordering::Relaxed) == whose as u8
    }

    /// Makes it live, and nameless. Its next user has it alone.
    #[inline]
    pub fn begin(&self) {
        // ORDERING: Relaxed: as above.
        self.name_bytes.store(0, Ordering::Relaxed);
        self.number.store(0, Ordering::Relaxed);
        self.set_whose(Whose::Live);
    }

    pub fn set_name(&self, name: &'static str) {
        // A name of 4 GiB is none.
        let bytes = u32::try_from(name.len()).unwrap_or(0);
        self.seq.write(|| {
            // ORDERING: Relaxed: between the fences of `Seq`.
            self.name.store(name.as_ptr().cast_mut(), Ordering::Relaxed);
            self.name_bytes.store(bytes, Ordering::Relaxed);
        });
    }

    /// The name, if it is not being set at this moment. May be called in a signal handler.
    pub fn name(&self) -> Option<&'static str> {
        // ORDERING: Relaxed: between the fences of `Seq`.
        let (name, bytes) = self.seq.read(|| {
            (self.name.load(Ordering::Relaxed), self.name_bytes.load(Ordering::Relaxed))
        })?;
        if bytes == 0 {
            return None;
        }
        // SAFETY: both words are of one name (Q2), or the length is 0 (`begin`); a name is `'static`, and text (`set_name`).
        Some(unsafe {
            core::str::from_utf8_unchecked(core::slice::from_raw_parts(name, bytes as usize))
        })
    }

    pub fn set_number(&self, number: u64) {
        // ORDERING: Relaxed: a figure for a message.
        self.number.store(number, Ordering::Relaxed);
    }

    pub fn number(&self) -> u64 {
        // ORDERING: Relaxed: as above.
        self.number.load(Ordering::Relaxed)
    }
}

/// A place, by its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(NonNull<Record>);

impl Place {
    /// # Safety
    ///
    /// The record was made (`Record::new`), and stays where it is for as long as anybody has this place: R5.
    pub unsafe fn new(record: NonNull<Record>) -> Self {
        Self(record)
    }

    /// Where its record lies.
    pub fn address(self) -> usize {
        self.0.addr().get()
    }
}

impl Deref for Place {
    type Target = Record;
    #[inline(always)]
    fn deref(&self) -> &Record {
        // SAFETY: the record was made, and is still there (`new`).
        unsafe { self.0.as_ref() }
    }
}
