//! How two threads visit objects while one of them writes.
//!
//! Above: the background thread; the barrier. Below: claim bits, which say who comes first.
//!
//! | field | written by | read by |
//! |---|---|---|
//! | an object's claim bit | whoever comes first, once in a cycle | both |
//! | `inside` | the marker | the mutator |
//! | an object's pointers | the mutator, after `Verdict` | whoever claimed it, before |
//!
//! * P1: the marker says which object it is about to enter, then claims it, then visits it, then says
//!   that it has left.
//! * P2: the mutator claims an object before it writes to it. If it comes first, it visits the object
//!   itself, and then writes. Else it waits until the marker is not inside that object, and then writes.
//! * Claims are ordered (`Marker::claim`): what came before one is visible to who finds the object claimed.
//! * P3: an object that the marker did not claim is not visited by it.
//!
//! So each object is visited once in a cycle, by one thread, before its first change in that cycle.

use alloc_core::sync::{AtomicUsize, Ordering, wait_a_moment};

/// Who visits an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The caller, now.
    Visit,
    /// Nobody any more: it was visited.
    Visited,
}

/// Where the marker is.
#[derive(Debug)]
pub struct Passage {
    inside: AtomicUsize,
}

/// The marker is inside no object.
const OUTSIDE: usize = 0;

impl Default for Passage {
    fn default() -> Self {
        Self::new()
    }
}

impl Passage {
    alloc_core::const_fn! {
        /// A passage in which nobody is.
        #[must_use]
        pub const fn new() -> Self {
            Self { inside: AtomicUsize::new(OUTSIDE) }
        }
    }

    /// P1: enters the object at `address`, unless it was claimed already.
    #[inline(always)]
    pub fn enter(&self, address: usize, claim: impl FnOnce() -> bool) -> Verdict {
        // ORDERING: Release: partner of the Acquire load in `wait_for`. Who waited for the object before
        // this one may see this store instead of the one in `leave`.
        self.inside.store(address, Ordering::Release);
        // The claim is ordered: who finds the object claimed by this thread finds it in `inside` too, or
        // something later.
        if claim() {
            return Verdict::Visit;
        }
        self.leave();
        Verdict::Visited
    }

    /// P1: has left the object.
    #[inline(always)]
    pub fn leave(&self) {
        // ORDERING: Release: partner of the Acquire load in `wait_for`; the reads of the visit come
        // before the writes of who waited.
        self.inside.store(OUTSIDE, Ordering::Release);
    }

    /// P2: what the mutator does before it writes to what has this address. `visits_first` claims it and, if
    /// that comes first, visits it, and says so. `marker` is nobody's where no other thread marks.
    #[inline(always)]
    pub fn before_write(
        marker: Option<&Self>,
        address: usize,
        is_claimed: impl FnOnce() -> bool,
        visits_first: impl FnOnce() -> bool,
    ) {
        if !is_claimed() && visits_first() {
            return;
        }
        if let Some(passage) = marker {
            passage.wait_for(address);
        }
    }

    /// P2, for what was found claimed: waits until the marker is not inside.
    fn wait_for(&self, address: usize) {
        let mut round = 0;
        // ORDERING: Acquire: partner of the store in `leave`.
        while self.inside.load(Ordering::Acquire) == address {
            wait_a_moment(round);
            round += 1;
        }
    }
}
