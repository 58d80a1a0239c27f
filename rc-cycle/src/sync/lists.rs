//! Lists of candidates, which threads put on one of several, so that they seldom meet.
//!
//! Above: pointers that are dropped, by the collector; its steps, which take all lists. Below: the words of the listed
//! boxes. When a step is due, and what it does with whom it takes up, is said above.

use super::word::{DEAD, HELD, LISTED};
use crate::header::record;
use crate::thread;
use crate::words::{Counts, Shared, Words};
use alloc::vec::Vec;
use alloc_core::sync::{AtomicUsize, Lock, Ordering};
use core::ptr::NonNull;

/// A listed box.
pub(super) struct Listed(pub(super) NonNull<u8>);

// SAFETY: what it leads to is counted by many threads, and of a type that may go to any (`Admits`).
unsafe impl Send for Listed {}

const LISTS: usize = 8;

struct Lists {
    each: [Lock<Vec<Listed>>; LISTS],
    /// Bytes of the listed boxes, also of those that are ripe.
    bytes: AtomicUsize,
}

impl Lists {
    alloc_core::const_fn! {
        const fn new() -> Self {
            Self {
                each: [
                    Lock::new(Vec::new()), Lock::new(Vec::new()), Lock::new(Vec::new()),
                    Lock::new(Vec::new()), Lock::new(Vec::new()), Lock::new(Vec::new()),
                    Lock::new(Vec::new()), Lock::new(Vec::new()),
                ],
                bytes: AtomicUsize::new(0),
            }
        }
    }
}

#[cfg(not(all(loom, feature = "loom")))]
static GLOBAL: Lists = Lists::new();
#[cfg(all(loom, feature = "loom"))]
alloc_core::sync::lazy_static! {
    static ref GLOBAL: Lists = Lists::new();
}

/// How often it is looked whether a step is due.
const LOOK_BYTES: usize = 16 << 10;

/// S2: makes a value listed. `None`: it need not be; or there is no memory for the list, and a cycle that dies by this
/// leaks, unless one of its values is listed later. `Some(true)`: it is time to look whether a step is due.
///
/// # Safety
///
/// One of the box's counts is the caller's; it has a record unless it is plain.
pub(super) unsafe fn list(of: &Words<Shared>, value: NonNull<u8>) -> Option<bool> {
    // ORDERING: Relaxed: of the dead, only the thread that drops them has pointers (`ends.rs`).
    if Shared::is_plain(of) || of.strong.load(Ordering::Relaxed) & DEAD == DEAD {
        return None;
    }
    // ORDERING: Release, each with the other's Acquire in `take_up`: who finds the box held by an entry that is being
    // taken up has made it listed before that.
    if of.strong.fetch_or(LISTED, Ordering::Release) & LISTED != 0
        || of.weak.fetch_or(HELD, Ordering::Release) & HELD != 0
    {
        return Some(false);
    }
    // SAFETY: the caller's count keeps the box.
    let bytes = unsafe { (record(value).bytes)(value) };
    let place = thread::with(|here| here.place(LISTS)).unwrap_or(0);
    let mut list = GLOBAL.each[place].lock();
    if list.try_reserve(1).is_err() {
        of.weak.fetch_and(!HELD, Ordering::Relaxed);
        of.strong.fetch_and(!LISTED, Ordering::Relaxed);
        return None;
    }
    list.push(Listed(value));
    // Under the lock, so that who takes it up finds its bytes counted (models S2: else listed bytes fall below none).
    // ORDERING: Relaxed: it guards nothing.
    let before = GLOBAL.bytes.fetch_add(bytes, Ordering::Relaxed);
    Some(before / LOOK_BYTES != (before + bytes) / LOOK_BYTES)
}

/// The bytes of a listed box, which is being taken up, count no more.
///
/// # Safety
///
/// It is listed.
pub(super) unsafe fn uncount(value: NonNull<u8>) {
    // SAFETY: a list keeps its boxes.
    let bytes = unsafe { (record(value).bytes)(value) };
    let before = GLOBAL.bytes.fetch_sub(bytes, Ordering::Relaxed);
    assert!(!cfg!(any(debug_assertions, loom)) || before >= bytes, "bytes of what is listed");
}

/// All lists, of the young.
pub(super) fn each() -> &'static [Lock<Vec<Listed>>] {
    &GLOBAL.each
}

/// Bytes of the listed boxes.
#[cfg(not(loom))]
pub(super) fn bytes() -> usize {
    GLOBAL.bytes.load(Ordering::Relaxed)
}
