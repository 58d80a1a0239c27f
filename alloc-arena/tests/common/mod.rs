//! What tests share: a source whose huge pages are small, so that little memory makes a dense arena.

use alloc_arena::source::{Contents, Faults, Reserved};
use alloc_arena::{Advice, Os, Source};
use alloc_core::AllocError;
use std::collections::BTreeSet;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Mutex;

pub const TINY_HUGE_BYTES: usize = 64 << 10;
const PAGE: usize = 4096;

/// `Os` with huge pages of 64 KiB. It remembers for which pages advice is in force, and finds fault
/// with whoever decommits such pages: the system could fill them again behind the arena's back.
pub struct TinyHuge {
    os: Os,
    /// Advice may fail to reach this source, so decommitted pages may be advised.
    lenient: bool,
    advised: Mutex<BTreeSet<usize>>,
}

impl TinyHuge {
    pub fn new(os: Os) -> Self {
        Self { os, lenient: false, advised: Mutex::new(BTreeSet::new()) }
    }

    /// Finds no fault with anybody.
    #[allow(dead_code)] // not in every test
    pub fn lenient(self) -> Self {
        Self { lenient: true, ..self }
    }

    /// For how many bytes advice is in force.
    #[allow(dead_code)] // not in every test
    pub fn advised_bytes(&self) -> usize {
        self.advised.lock().unwrap().len() * PAGE
    }

    fn pages(base: NonNull<u8>, bytes: usize) -> Range<usize> {
        let first = base.as_ptr().addr() / PAGE;
        first..first + bytes / PAGE
    }

    /// Forgets advice for some pages, in time that grows with their advice alone.
    fn forget(advised: &mut BTreeSet<usize>, pages: Range<usize>) {
        while let Some(&page) = advised.range(pages.clone()).next() {
            advised.remove(&page);
        }
    }
}

// SAFETY: S1 to S6: every call goes to `Os`, which keeps the rules; advice changes nothing.
unsafe impl Source for TinyHuge {
    fn page_bytes(&self) -> usize {
        self.os.page_bytes()
    }
    fn reserve(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        self.os.reserve(bytes, align_bytes)
    }
    unsafe fn unreserve(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        let mut advised = self.advised.lock().unwrap();
        Self::forget(&mut advised, Self::pages(base, bytes));
        // SAFETY: the caller's promise, passed on; so in all methods below.
        unsafe { self.os.unreserve(base, bytes) }
    }
    unsafe fn commit(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        // SAFETY: as above.
        unsafe { self.os.commit(base, bytes) }
    }
    unsafe fn decommit(&self, base: NonNull<u8>, bytes: usize) -> Result<Contents, AllocError> {
        let advised = self.advised.lock().unwrap();
        let sound = advised.range(Self::pages(base, bytes)).next().is_none();
        assert!(sound || self.lenient);
        // SAFETY: as above.
        unsafe { self.os.decommit(base, bytes) }
    }
    fn map(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError> {
        self.os.map(bytes, align_bytes)
    }
    unsafe fn remap(
        &self,
        base: NonNull<u8>,
        old_bytes: usize,
        new_bytes: usize,
        align_bytes: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        // SAFETY: as above.
        unsafe { self.os.remap(base, old_bytes, new_bytes, align_bytes) }
    }
    fn huge_bytes(&self) -> usize {
        TINY_HUGE_BYTES
    }
    unsafe fn advise(
        &self,
        base: NonNull<u8>,
        bytes: usize,
        advice: Advice,
    ) -> Result<(), AllocError> {
        assert!(base.as_ptr().addr().is_multiple_of(PAGE) && bytes > 0);
        let mut advised = self.advised.lock().unwrap();
        match advice {
            Advice::Huge => advised.extend(Self::pages(base, bytes)),
            Advice::Small => Self::forget(&mut advised, Self::pages(base, bytes)),
        }
        Ok(())
    }
    fn now_ms(&self) -> Option<u64> {
        self.os.now_ms()
    }
    fn faults(&self) -> Option<Faults> {
        self.os.faults()
    }
}
