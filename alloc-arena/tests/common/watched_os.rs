//! The operating system, with a clock that a test sets, and an account of addresses.

use alloc_arena::source::{Contents, Reserved};
use alloc_arena::{Advice, Os, Source};
use alloc_core::AllocError;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

#[derive(Debug, Default)]
pub struct WatchedOs {
    pub now_ms: AtomicU64,
    pub reserved_bytes: AtomicUsize,
    /// Grants no more than that at once, unless it is 0.
    pub most_bytes: AtomicUsize,
}

// SAFETY: every call goes to `Os`.
unsafe impl Source for &'static WatchedOs {
    fn page_bytes(&self) -> usize {
        Os::new().page_bytes()
    }
    fn reserve(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        let most_bytes = self.most_bytes.load(Relaxed);
        let bytes = if most_bytes > 0 { bytes.min(most_bytes) } else { bytes };
        let range = Os::new().reserve(bytes, align_bytes)?;
        self.reserved_bytes.fetch_add(range.bytes, Relaxed);
        Ok(range)
    }
    unsafe fn unreserve(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        self.reserved_bytes.fetch_sub(bytes, Relaxed);
        // SAFETY: the caller's promise, passed on; so in all methods below.
        unsafe { Os::new().unreserve(base, bytes) }
    }
    unsafe fn commit(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: as above.
        unsafe { Os::new().commit(base, bytes) }
    }
    unsafe fn decommit(&self, base: NonNull<u8>, bytes: usize) -> Result<Contents, AllocError> {
        // SAFETY: as above.
        unsafe { Os::new().decommit(base, bytes) }
    }
    unsafe fn guard(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: as above.
        unsafe { Os::new().guard(base, bytes) }
    }
    unsafe fn guard_within(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: as above.
        unsafe { Os::new().guard_within(base, bytes) }
    }
    unsafe fn untouched_bytes(&self, base: NonNull<u8>, bytes: usize) -> Option<usize> {
        // SAFETY: as above.
        unsafe { Os::new().untouched_bytes(base, bytes) }
    }
    fn map(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        Os::new().map(bytes, align_bytes)
    }
    fn huge_bytes(&self) -> usize {
        Os::new().huge_bytes()
    }
    unsafe fn advise(
        &self,
        base: NonNull<u8>,
        bytes: usize,
        advice: Advice,
    ) -> Result<(), AllocError> {
        // SAFETY: as above.
        unsafe { Os::new().advise(base, bytes, advice) }
    }
    fn now_ms(&self) -> Option<u64> {
        Some(self.now_ms.load(Relaxed))
    }
}
