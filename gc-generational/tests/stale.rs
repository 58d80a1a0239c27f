//! Stale pointers fault: the suite of collectors, in torture, on a layer that takes the rights to all memory
//! that it is given back, and never gives it out again.
#![cfg(all(unix, not(loom)))]

use alloc_core::api2::alloc::{AllocError, Allocator, Global};
use alloc_core::gc::suite;
use alloc_core::{Broken, Layer, Layout, Report};
use gc_generational::{Config, Generational, Mode, Pace, Promotion, Torture};
use std::ptr::{NonNull, null_mut, slice_from_raw_parts_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const PAGE_BYTES: usize = 4096;

/// What is as long as a page has pages of its own, which nobody may touch any more when they are given back.
#[derive(Default)]
struct Protecting {
    /// Address and length of all that was mapped.
    mapped: Mutex<Vec<(usize, usize)>>,
    protected: AtomicUsize,
}

const fn has_pages(layout: Layout) -> bool {
    layout.size() >= PAGE_BYTES
}

const fn pages_bytes(layout: Layout) -> usize {
    layout.size().next_multiple_of(PAGE_BYTES)
}

/// Changes who may touch a range of pages.
fn protect(start: *mut u8, bytes: usize, rights: i32) -> bool {
    // SAFETY: the range was mapped by this file, and is unmapped only with its layer.
    unsafe { libc::mprotect(start.cast(), bytes, rights) == 0 }
}

impl Protecting {
    fn map(&self, layout: Layout) -> Option<NonNull<u8>> {
        let bytes = pages_bytes(layout);
        let all_bytes = bytes + if layout.align() > PAGE_BYTES { layout.align() } else { 0 };
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, where there is nothing.
        let start = unsafe { libc::mmap(null_mut(), all_bytes, libc::PROT_NONE, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return None;
        }
        self.mapped.lock().ok()?.push((start.addr(), all_bytes));
        let start = start.cast::<u8>();
        // SAFETY: so much was mapped beyond what is needed.
        let start = unsafe { start.add(start.align_offset(layout.align())) };
        protect(start, bytes, libc::PROT_READ | libc::PROT_WRITE).then_some(())?;
        NonNull::new(start)
    }
}

impl Drop for Protecting {
    fn drop(&mut self) {
        for (start, bytes) in self.mapped.get_mut().expect("no panic").drain(..) {
            // SAFETY: it was mapped, and whoever had it is gone: the layer is dropped.
            unsafe { libc::munmap(std::ptr::with_exposed_provenance_mut(start), bytes) };
        }
    }
}

// SAFETY: a mapping is new, fits the layout, and is not given out twice; the rest is `Global`'s.
unsafe impl Allocator for Protecting {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if !has_pages(layout) {
            return Global.allocate(layout);
        }
        let start = self.map(layout).ok_or(AllocError)?;
        NonNull::new(slice_from_raw_parts_mut(start.as_ptr(), layout.size())).ok_or(AllocError)
    }

    unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
        if !has_pages(layout) {
            // SAFETY: the caller's.
            return unsafe { Global.deallocate(ptr, layout) };
        }
        let bytes = pages_bytes(layout);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
        // SAFETY: the pages are the caller's, who has done with them. Their rights and their memory go.
        let gone = unsafe { libc::mmap(ptr.as_ptr().cast(), bytes, libc::PROT_NONE, flags, -1, 0) };
        assert_eq!(gone.addr(), ptr.addr().get());
        self.protected.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: as above.
unsafe impl Layer for Protecting {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        Layer::owns(&Global, ptr)
    }
    fn usable_size(&self, layout: Layout) -> usize {
        layout.size()
    }
    fn reclaim(&self, _: usize) -> usize {
        0
    }
    fn report(&self, report: &mut Report<'_>) {
        Global.report(report);
    }
    fn verify(&self) -> Result<(), Broken> {
        Ok(())
    }
}

/// What a child does with a page, as the status of its end; 0 if it ends well.
fn touches(page: NonNull<u8>) -> i32 {
    // SAFETY: the child does nothing but a read, which may end it, and exits at once.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0, "a child");
        if child == 0 {
            libc::_exit(i32::from(page.as_ptr().read_volatile()));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        status
    }
}

#[test]
fn what_was_given_back_cannot_be_touched() {
    let layer = Protecting::default();
    let layout = Layout::from_size_align(3 * PAGE_BYTES, 16 * PAGE_BYTES).expect("a layout");
    let pages = layer.allocate(layout).expect("memory").cast::<u8>();
    assert!(pages.addr().get().is_multiple_of(layout.align()));
    assert_eq!(touches(pages), 0);
    // SAFETY: it was allocated with this layout.
    unsafe { layer.deallocate(pages, layout) };
    assert_ne!(touches(pages), 0);
    assert_eq!(layer.protected.load(Ordering::Relaxed), 1);
}

/// All of them; where `COUNT` is set, as by lanes in which everything takes long, the one that is default.
fn promotions() -> &'static [Promotion] {
    const ALL: [Promotion; 3] = [Promotion::Adaptive, Promotion::First, Promotion::Second];
    if std::env::var_os("COUNT").is_some() { &ALL[..1] } else { &ALL }
}

fn config(mode: Mode, promotion: Promotion, torture: Torture) -> Config {
    let mut config = Config {
        nursery_bytes: 16 << 10,
        nursery_max_bytes: 64 << 10,
        promotion,
        ..Config::new(mode)
    };
    config.tenured.pace = Pace {
        growth_percent: 20,
        min_growth_bytes: 16 << 10,
        limit_bytes: usize::MAX,
        runway_percent: 25,
    };
    config.tortured(torture)
}

fn stops(promotion: Promotion, torture: Torture) {
    for mode in [Mode::StopTheWorld, Mode::Incremental] {
        let config = config(mode, promotion, torture);
        suite::run(|| Generational::with_config(config, Protecting::default()), 1_000);
    }
}

#[test]
fn whole_cycles() {
    promotions().iter().for_each(|promotion| stops(*promotion, Torture::Cycles));
}

#[test]
fn steps() {
    promotions().iter().for_each(|promotion| stops(*promotion, Torture::Steps));
}

#[test]
fn background() {
    for &promotion in promotions() {
        for torture in [Torture::Steps, Torture::Cycles] {
            let config = config(Mode::Background, promotion, torture);
            let make = || Generational::background(config, Protecting::default());
            suite::run(|| make().expect("a thread"), 1_000);
        }
    }
}
