//! The ground of the campaign: the operating system, whose calls fail by schedule and whose mappings are counted.
//!
//! Above: arenas, and pools of stacks. Below: `Scheduled` over `Os`.

use alloc_arena::source::{Contents, Faults, Reserved};
use alloc_arena::{Advice, Call, Failures, Os, Scheduled, Source};
use alloc_core::AllocError;
use alloc_core::sync::{AtomicUsize, Ordering};
use std::ptr::NonNull;
use std::sync::Arc;

/// A source that several owners name.
#[derive(Clone, Debug)]
pub struct Ground(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Scheduled<Os>,
    mapped_bytes: AtomicUsize,
}

impl Ground {
    /// A source none of whose calls fails yet.
    pub fn new() -> Self {
        let source = Scheduled::new(Os::new());
        Self(Arc::new(Inner { source, mapped_bytes: AtomicUsize::new(0) }))
    }

    /// From now on calls of this kind fail as `failures` says, counted anew.
    pub fn fail(&self, call: Call, failures: Failures) {
        self.0.source.fail(call, failures);
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        Call::ALL.into_iter().for_each(|call| self.fail(call, Failures::Never));
    }

    /// How many calls of this kind there were since the last `fail` for it.
    pub fn calls(&self, call: Call) -> usize {
        self.0.source.calls(call)
    }

    /// What is mapped, in bytes of addresses.
    pub fn mapped_bytes(&self) -> usize {
        // ORDERING: Relaxed; a figure, read when no other thread is at work.
        self.0.mapped_bytes.load(Ordering::Relaxed)
    }

    fn more(&self, bytes: usize) {
        // ORDERING: Relaxed; a figure, as in `mapped_bytes`.
        self.0.mapped_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn less(&self, bytes: usize) {
        // ORDERING: Relaxed; a figure, as in `mapped_bytes`.
        let before = self.0.mapped_bytes.fetch_sub(bytes, Ordering::Relaxed);
        assert!(before >= bytes, "more is given back than was mapped");
    }
}

// SAFETY: S1 to S6: each call goes to the source within, which keeps them.
unsafe impl Source for Ground {
    fn page_bytes(&self) -> usize {
        self.0.source.page_bytes()
    }
    fn reserve(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        let reserved = self.0.source.reserve(bytes, align_bytes)?;
        self.more(reserved.bytes);
        Ok(reserved)
    }
    unsafe fn unreserve(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: the caller's promise, passed on; so in all methods below.
        unsafe { self.0.source.unreserve(base, bytes) }?;
        self.less(bytes);
        Ok(())
    }
    unsafe fn commit(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: as above.
        unsafe { self.0.source.commit(base, bytes) }
    }
    unsafe fn decommit(&self, base: NonNull<u8>, bytes: usize) -> Result<Contents, AllocError> {
        // SAFETY: as above.
        unsafe { self.0.source.decommit(base, bytes) }
    }
    fn can_decommit(&self) -> bool {
        self.0.source.can_decommit()
    }
    unsafe fn guard(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: as above.
        unsafe { self.0.source.guard(base, bytes) }
    }
    unsafe fn guard_within(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: as above.
        unsafe { self.0.source.guard_within(base, bytes) }
    }
    unsafe fn untouched_bytes(&self, base: NonNull<u8>, bytes: usize) -> Option<usize> {
        // SAFETY: as above.
        unsafe { self.0.source.untouched_bytes(base, bytes) }
    }
    fn map(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        let reserved = self.0.source.map(bytes, align_bytes)?;
        self.more(reserved.bytes);
        Ok(reserved)
    }
    unsafe fn remap(
        &self,
        base: NonNull<u8>,
        old_bytes: usize,
        new_bytes: usize,
        align_bytes: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        // SAFETY: as above.
        let moved = unsafe { self.0.source.remap(base, old_bytes, new_bytes, align_bytes) }?;
        self.more(new_bytes);
        self.less(old_bytes);
        Ok(moved)
    }
    fn huge_bytes(&self) -> usize {
        self.0.source.huge_bytes()
    }
    unsafe fn advise(
        &self,
        base: NonNull<u8>,
        bytes: usize,
        advice: Advice,
    ) -> Result<(), AllocError> {
        // SAFETY: as above.
        unsafe { self.0.source.advise(base, bytes, advice) }
    }
    fn metadata_inside(&self) -> bool {
        self.0.source.metadata_inside()
    }
    fn now_ms(&self) -> Option<u64> {
        self.0.source.now_ms()
    }
    fn faults(&self) -> Option<Faults> {
        self.0.source.faults()
    }
}
