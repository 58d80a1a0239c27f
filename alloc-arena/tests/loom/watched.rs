//! A source over buffers in which loom watches every page: whoever touches a page while the source works on
//! it, or the other way round, fails the model.

use alloc_arena::Source;
use alloc_arena::source::{Contents, Reserved};
use alloc_core::AllocError;
use loom::cell::UnsafeCell;
use std::collections::BTreeMap;
use std::ptr::NonNull;
// Not loom's: what follows is the model's own account, which must order nothing.
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};

pub const PAGE: usize = 256;
/// The pages that are reserved at once, and those from which single mappings are made.
const SHARED_PAGES: usize = 16;
const MAPPED_PAGES: usize = 48;
const PAGES: usize = SHARED_PAGES + MAPPED_PAGES;
pub const BUFFER_BYTES: usize = PAGES * PAGE;

pub struct Watched {
    base: NonNull<u8>,
    pages: [UnsafeCell<u8>; PAGES],
    taken: AtomicBool,
    /// The next page for a mapping; no page is mapped twice.
    next: AtomicUsize,
    mapped: Mutex<BTreeMap<usize, usize>>,
    pub now_ms: AtomicU64,
    /// How often the clock was looked at.
    pub looks: AtomicUsize,
    /// How many calls are under way, and how many pages were decommitted.
    pub busy: AtomicUsize,
    pub gone_pages: AtomicUsize,
}

// SAFETY: `base` is an address; the pages are loom's to watch.
unsafe impl Send for Watched {}
// SAFETY: as above: loom fails the model if two threads are at a page at once.
unsafe impl Sync for Watched {}

impl Watched {
    /// # Safety
    ///
    /// The buffer at `base`, of `BUFFER_BYTES`, aligned to `PAGE`, is this source's alone.
    pub unsafe fn new(base: NonNull<u8>) -> Self {
        Self {
            base,
            pages: core::array::from_fn(|_| UnsafeCell::new(0)),
            taken: AtomicBool::new(false),
            next: AtomicUsize::new(SHARED_PAGES),
            mapped: Mutex::default(),
            now_ms: AtomicU64::new(0),
            looks: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            gone_pages: AtomicUsize::new(0),
        }
    }

    fn page(&self, address: NonNull<u8>) -> usize {
        (address.addr().get() - self.base.addr().get()) / PAGE
    }

    /// Writes to the pages of a run.
    pub fn write(&self, run: NonNull<u8>, bytes: usize, value: u8) {
        let first = self.page(run);
        for page in &self.pages[first..first + bytes / PAGE] {
            // SAFETY: loom checks that nobody else is at the page.
            page.with_mut(|place| unsafe { *place = value });
        }
    }

    /// Reads the pages of a run, which all hold the same value.
    pub fn read(&self, run: NonNull<u8>, bytes: usize) -> u8 {
        let first = self.page(run);
        let pages = &self.pages[first..first + bytes / PAGE];
        // SAFETY: loom checks that nobody writes to the page.
        let values = pages.iter().map(|page| page.with(|place| unsafe { *place }));
        values.reduce(|one, other| if one == other { one } else { panic!("mixed") }).unwrap()
    }

    /// Works on pages for a while, during which other threads may run.
    fn work(&self, base: NonNull<u8>, bytes: usize, value: u8) {
        self.busy.fetch_add(1, Relaxed);
        loom::thread::yield_now();
        self.write(base, bytes, value);
        self.busy.fetch_sub(1, Relaxed);
    }

    fn mapped(&self) -> MutexGuard<'_, BTreeMap<usize, usize>> {
        self.mapped.lock().unwrap()
    }

    /// Removes a mapping, or its tail, from the account.
    fn unmap(&self, base: NonNull<u8>, bytes: usize) {
        let (start, end) = (base.addr().get(), base.addr().get() + bytes);
        let mut mapped = self.mapped();
        let (&first, &len) = mapped.range(..=start).next_back().expect("it is mapped");
        assert_eq!(first + len, end, "a whole mapping, or the tail of one");
        mapped.remove(&first);
        if first < start {
            mapped.insert(first, start - first);
        }
    }

    pub fn mappings(&self) -> usize {
        self.mapped().len()
    }
}

// SAFETY: S1: no page is given twice. S2: it is one buffer. S3: nothing is said to be zero. S4: what
// fails does nothing. S5, S6: evident.
unsafe impl Source for Watched {
    fn page_bytes(&self) -> usize {
        PAGE
    }

    fn reserve(&self, _: usize, _: usize) -> Result<Reserved, AllocError> {
        let first = !self.taken.swap(true, Relaxed);
        let range =
            Reserved { base: self.base, bytes: SHARED_PAGES * PAGE, contents: Contents::Unknown };
        first.then_some(range).ok_or(AllocError)
    }

    unsafe fn unreserve(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        if self.page(base) >= SHARED_PAGES {
            self.unmap(base, bytes);
            self.work(base, bytes, 0xee);
        }
        Ok(())
    }

    unsafe fn commit(&self, _: NonNull<u8>, _: usize) -> Result<(), AllocError> {
        Ok(())
    }

    unsafe fn decommit(&self, base: NonNull<u8>, bytes: usize) -> Result<Contents, AllocError> {
        self.work(base, bytes, 0);
        self.gone_pages.fetch_add(bytes / PAGE, Relaxed);
        Ok(Contents::Unknown)
    }

    fn map(&self, bytes: usize, _: usize) -> Result<Reserved, AllocError> {
        let page = self.next.fetch_add(bytes / PAGE, Relaxed);
        if page + bytes / PAGE > PAGES {
            return Err(AllocError);
        }
        // SAFETY: the page lies in the buffer.
        let base = unsafe { self.base.add(page * PAGE) };
        self.mapped().insert(base.addr().get(), bytes);
        Ok(Reserved { base, bytes, contents: Contents::Unknown })
    }

    /// Always elsewhere.
    unsafe fn remap(
        &self,
        base: NonNull<u8>,
        old_bytes: usize,
        new_bytes: usize,
        align_bytes: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        let value = self.read(base, old_bytes);
        let new = self.map(new_bytes, align_bytes)?.base;
        self.work(new, new_bytes, value);
        self.unmap(base, old_bytes);
        self.write(base, old_bytes, 0xff);
        Ok(new)
    }

    fn metadata_inside(&self) -> bool {
        true
    }

    fn now_ms(&self) -> Option<u64> {
        self.looks.fetch_add(1, Relaxed);
        Some(self.now_ms.load(Relaxed))
    }
}
