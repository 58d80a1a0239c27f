//! The source as the arena sees it: every call is counted, and so is every failure.
//!
//! Above: the arena's parts. Below: any [`Source`].

use crate::source::{Advice, Contents, Reserved, Source};
use alloc_core::AllocError;
use alloc_core::sync::{AtomicUsize, Ordering};
use core::ptr::NonNull;

/// Calls to a source since the arena was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calls {
    /// Address ranges reserved, or mapped for one run or for metadata.
    pub reserve: usize,
    /// Address ranges given back.
    pub unreserve: usize,
    /// Pages made accessible.
    pub commit: usize,
    /// Pages given back.
    pub decommit: usize,
    /// Runs with a mapping of their own made longer or shorter.
    pub remap: usize,
    /// Advice about huge pages given or taken back.
    pub advise: usize,
    /// Pages made guards.
    pub guard: usize,
    /// How many of all these failed.
    pub failed: usize,
}

#[derive(Debug)]
pub(crate) struct Below<S> {
    pub source: S,
    reserve: AtomicUsize,
    unreserve: AtomicUsize,
    commit: AtomicUsize,
    decommit: AtomicUsize,
    remap: AtomicUsize,
    advise: AtomicUsize,
    guard: AtomicUsize,
    failed: AtomicUsize,
    discarded_bytes: AtomicUsize,
}

impl<S: Source> Below<S> {
    alloc_core::const_fn! {
        pub const fn new(source: S) -> Self {
            Self {
                source,
                reserve: AtomicUsize::new(0),
                unreserve: AtomicUsize::new(0),
                commit: AtomicUsize::new(0),
                decommit: AtomicUsize::new(0),
                remap: AtomicUsize::new(0),
                advise: AtomicUsize::new(0),
                guard: AtomicUsize::new(0),
                failed: AtomicUsize::new(0),
                discarded_bytes: AtomicUsize::new(0),
            }
        }
    }

    pub fn calls(&self) -> Calls {
        // ORDERING: Relaxed, here and below: the counters are figures and order nothing.
        let load = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        Calls {
            reserve: load(&self.reserve),
            unreserve: load(&self.unreserve),
            commit: load(&self.commit),
            decommit: load(&self.decommit),
            remap: load(&self.remap),
            advise: load(&self.advise),
            guard: load(&self.guard),
            failed: load(&self.failed),
        }
    }

    /// Counts memory of used runs that went back.
    pub fn note_discarded(&self, bytes: usize) {
        // ORDERING: Relaxed: a figure.
        self.discarded_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn discarded_bytes(&self) -> usize {
        // ORDERING: Relaxed: a figure.
        self.discarded_bytes.load(Ordering::Relaxed)
    }

    fn count<R>(
        &self,
        counter: &AtomicUsize,
        result: Result<R, AllocError>,
    ) -> Result<R, AllocError> {
        counter.fetch_add(1, Ordering::Relaxed);
        if result.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    pub fn reserve(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        self.count(&self.reserve, self.source.reserve(bytes, align_bytes))
    }

    pub fn map(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        self.count(&self.reserve, self.source.map(bytes, align_bytes))
    }

    /// # Safety
    ///
    /// As for [`Source::unreserve`].
    pub unsafe fn unreserve(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: the caller's promise, passed on.
        self.count(&self.unreserve, unsafe { self.source.unreserve(base, bytes) })
    }

    /// # Safety
    ///
    /// As for [`Source::commit`].
    pub unsafe fn commit(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: the caller's promise, passed on.
        self.count(&self.commit, unsafe { self.source.commit(base, bytes) })
    }

    /// # Safety
    ///
    /// As for [`Source::decommit`].
    pub unsafe fn decommit(&self, base: NonNull<u8>, bytes: usize) -> Result<Contents, AllocError> {
        // SAFETY: the caller's promise, passed on.
        self.count(&self.decommit, unsafe { self.source.decommit(base, bytes) })
    }

    /// # Safety
    ///
    /// As for [`Source::remap`].
    pub unsafe fn remap(
        &self,
        base: NonNull<u8>,
        old_bytes: usize,
        new_bytes: usize,
        align_bytes: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        // SAFETY: the caller's promise, passed on.
        let result = unsafe { self.source.remap(base, old_bytes, new_bytes, align_bytes) };
        self.count(&self.remap, result)
    }

    /// # Safety
    ///
    /// As for [`Source::advise`].
    pub unsafe fn advise(
        &self,
        base: NonNull<u8>,
        bytes: usize,
        advice: Advice,
    ) -> Result<(), AllocError> {
        // SAFETY: the caller's promise, passed on.
        self.count(&self.advise, unsafe { self.source.advise(base, bytes, advice) })
    }
    /// # Safety
    ///
    /// As for [`Source::guard_within`].
    pub unsafe fn guard_within(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: the caller's promise, passed on.
        self.count(&self.guard, unsafe { self.source.guard_within(base, bytes) })
    }

    /// # Safety
    ///
    /// As for [`Source::guard`].
    pub unsafe fn guard(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: the caller's promise, passed on.
        self.count(&self.guard, unsafe { self.source.guard(base, bytes) })
    }
}
