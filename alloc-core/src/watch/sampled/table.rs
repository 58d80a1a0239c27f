//! The pools of a process, for a handler of faults, which has an address and nothing else.
//!
//! Above: `fault.rs`. Below: nothing. Entries are of a fixed number, and read at any time, also while they change.
//!
//! An entry is free while `base` is 0, and somebody's alone while it is 1. Rules:
//! * T1: who changed `base` from 0 to 1 passes a fence, writes the rest, and then the real `base`; whoever reads that one sees
//!   the rest (Release, met by Acquire).
//! * T2: an entry may be freed and claimed by another pool while it is read. So who has read the rest passes a fence and reads
//!   `base` again: if it saw a word of the next owner, it sees that `base` is not what it was (fence, met by fence).

use alloc_core::sync::{AtomicPtr, AtomicUsize, Ordering, fence};

const FREE: usize = 0;
const CLAIMED: usize = 1;

/// What is known of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known<R> {
    pub(crate) base: usize,
    pub(crate) bytes: usize,
    pub(crate) page_bytes: usize,
    pub(crate) records: *mut R,
}

/// A place for one.
#[derive(Debug)]
pub(crate) struct Entry<R> {
    base: AtomicUsize,
    bytes: AtomicUsize,
    page_bytes: AtomicUsize,
    records: AtomicPtr<R>,
}

impl<R> Entry<R> {
    alloc_core::const_fn! {
        /// A free one.
        pub(crate) const fn new() -> Self {
            Self {
                base: AtomicUsize::new(FREE),
                bytes: AtomicUsize::new(0),
                page_bytes: AtomicUsize::new(0),
                records: AtomicPtr::new(core::ptr::null_mut()),
            }
        }
    }

    /// Enters a pool, whose base is more than 1; `false` if the entry is another's.
    pub(crate) fn claim(&self, pool: Known<R>) -> bool {
        // ORDERING: Acquire meets the Release of `free`: what its last owner wrote is over.
        if self.base.compare_exchange(FREE, CLAIMED, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            return false;
        }
        // ORDERING: Release meets the fence in `read` (T2).
        fence(Ordering::Release);
        // ORDERING: Relaxed: between the fence and the store below.
        self.bytes.store(pool.bytes, Ordering::Relaxed);
        self.page_bytes.store(pool.page_bytes, Ordering::Relaxed);
        self.records.store(pool.records, Ordering::Relaxed);
        // ORDERING: Release meets the Acquire of `read` (T1).
        self.base.store(pool.base, Ordering::Release);
        true
    }

    /// Takes the pool out that has this base, if it is here.
    pub(crate) fn free(&self, base: usize) {
        // ORDERING: Release meets the Acquire of `claim`.
        let _ = self.base.compare_exchange(base, FREE, Ordering::Release, Ordering::Relaxed);
    }

    /// The pool that is here, if there is one, and it stays while this looks.
    pub(crate) fn read(&self) -> Option<Known<R>> {
        // ORDERING: Acquire meets the Release of `claim` (T1).
        let base = self.base.load(Ordering::Acquire);
        if base <= CLAIMED {
            return None;
        }
        // ORDERING: Relaxed: between that load and the fence.
        let known = Known {
            base,
            bytes: self.bytes.load(Ordering::Relaxed),
            page_bytes: self.page_bytes.load(Ordering::Relaxed),
            records: self.records.load(Ordering::Relaxed),
        };
        // ORDERING: Acquire meets the fence in `claim` (T2).
        fence(Ordering::Acquire);
        // ORDERING: Relaxed: behind the fence.
        (self.base.load(Ordering::Relaxed) == base).then_some(known)
    }
}
