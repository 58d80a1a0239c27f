//! What a thread keeps for a cache, and what the cache keeps of the thread.
//!
//! Above: `mod.rs` has the protocol; hits touch [`Local`] alone. Below: [`Lists`].
//! A [`Local`] lies where its thread finds it at once (thread-local storage). A [`Record`] lies in
//! memory of the heap, made at the first miss, and is on the cache's registry, where `reclaim` and a
//! forked child find it.

use super::lists::Lists;
use alloc_core::sync::{AtomicBool, AtomicPtr, Lock, Ordering, light_fence};
use core::cell::Cell;
use core::ptr::null_mut;

/// One thread's state for one cache.
#[repr(C)]
#[derive(Debug)]
pub struct Local {
    /// Where hits go: the EMPTY lists, or `record.lists`. First, because initial-exec thread-local
    /// storage is laid out by hand (`key.rs`).
    pub(super) lists: AtomicPtr<Lists>,
    /// Null, or this thread's record. The thread's own.
    pub(super) record: Cell<*mut Record>,
    /// Whether a hit is under way.
    pub(super) busy: AtomicBool,
    /// The thread's own.
    pub(super) state: Cell<State>,
}

/// Where a thread is in its life with a cache. Zero is `New`, as in fresh thread-local storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    /// No miss so far.
    New = 0,
    /// The first miss is being served; what that allocates goes to the heap directly.
    Starting,
    /// There is a record.
    Active,
    /// The thread is ending: everything goes to the heap directly.
    Gone,
}

impl Local {
    #[doc(hidden)]
    /// Begins a hit (R1): marks the thread as busy, then loads its lists.
    #[inline(always)]
    pub fn begin(&self) -> *mut Lists {
        // ORDERING: Relaxed, ordered before the load by the fence (R3 pairs with it).
        self.busy.store(true, Ordering::Relaxed);
        light_fence();
        // ORDERING: Acquire meets a reclaimer's Release when it points back (R3).
        self.lists.load(Ordering::Acquire)
    }

    #[doc(hidden)]
    /// Ends a hit.
    #[inline(always)]
    pub fn end(&self) {
        // ORDERING: Release gives the lists to a reclaimer that reads `busy` (R3).
        self.busy.store(false, Ordering::Release);
    }

    /// Where `lists` and `busy` stand, for keys that reach them by hand.
    #[doc(hidden)]
    pub const LISTS_OFFSET: usize = core::mem::offset_of!(Self, lists);
    #[doc(hidden)]
    pub const BUSY_OFFSET: usize = core::mem::offset_of!(Self, busy);

    alloc_core::const_fn! {
        /// The state of a thread without a miss so far.
        #[doc(hidden)]
        pub const fn new(empty: *const Lists) -> Self {
            Self {
                lists: AtomicPtr::new(empty.cast_mut()),
                record: Cell::new(null_mut()),
                busy: AtomicBool::new(false),
                state: Cell::new(State::New),
            }
        }
    }
}

/// What a cache knows of one thread.
pub(super) struct Record {
    pub lists: Lists,
    /// Held by the thread during a miss, and by `reclaim` while it may have taken the lists away.
    pub gate: Lock<()>,
    pub local: *const Local,
    /// Misses since the last sweep. Under the gate.
    pub misses: Cell<u32>,
    /// Under the gate, or its thread's that ends.
    pub counts: Cell<Counts>,
    /// Links of the registry, under its lock.
    pub prev: *mut Record,
    pub next: *mut Record,
}

impl Record {
    pub fn count(&self, count: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        count(&mut counts);
        self.counts.set(counts);
    }
}

/// What a thread has asked of the heap so far, in batches.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub refills: u64,
    pub flushes: u64,
}

/// The records of a cache.
#[derive(Debug)]
pub(super) struct Registry {
    pub first: *mut Record,
    /// Of threads that are gone.
    pub ended: Counts,
    /// Caches of threads that are gone whose lists could not be saved (a fork caught them in a hit).
    pub lost: u64,
    /// The process that `freeze` was called in.
    pub frozen_by: u32,
    /// Whether threads without a record get none.
    pub is_closed: bool,
}

// SAFETY: records are owned by the registry, and touched by the rules in `mod.rs`.
unsafe impl Send for Registry {}

impl Registry {
    pub const fn new() -> Self {
        Self {
            first: null_mut(),
            ended: Counts { refills: 0, flushes: 0 },
            lost: 0,
            frozen_by: 0,
            is_closed: false,
        }
    }

    /// # Safety
    ///
    /// `record` is live and on no registry.
    pub unsafe fn link(&mut self, record: *mut Record) {
        // SAFETY: the caller's promise; the first record, if any, is on this registry.
        unsafe {
            (*record).prev = null_mut();
            (*record).next = self.first;
            if let Some(first) = self.first.as_mut() {
                first.prev = record;
            }
        }
        self.first = record;
    }

    /// Takes a record off, and keeps what it has counted.
    ///
    /// # Safety
    ///
    /// `record` is on this registry, and its thread is in no miss.
    pub unsafe fn unlink(&mut self, record: *mut Record) {
        // SAFETY: the record and its neighbours are on this registry, whose lock is held.
        unsafe {
            let Counts { refills, flushes } = (*record).counts.get();
            self.ended.refills += refills;
            self.ended.flushes += flushes;
            let (prev, next) = ((*record).prev, (*record).next);
            match prev.as_mut() {
                Some(prev) => prev.next = next,
                None => self.first = next,
            }
            if let Some(next) = next.as_mut() {
                next.prev = prev;
            }
        }
    }

    /// Runs `act` on every record, which it may unlink.
    pub fn for_each(&mut self, mut act: impl FnMut(&mut Self, *mut Record)) {
        let mut record = self.first;
        while !record.is_null() {
            // SAFETY: the record is on this registry, whose lock is held.
            let next = unsafe { (*record).next };
            act(self, record);
            record = next;
        }
    }
}
