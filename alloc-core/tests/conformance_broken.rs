//! The kit itself: an allocator that breaks a promise fails it, for that promise and with a short
//! sequence that shows it.
//!
//! The allocators here are wrong on purpose, and what a failed run leaves is leaked on purpose.

#![cfg_attr(strata_nightly, feature(allocator_api))]
#![cfg(not(all(loom, feature = "loom")))]

mod common;

use alloc_core::api2::alloc::System;
use alloc_core::conformance::{Failure, Kit, Promise};
use alloc_core::{AllocError, Allocator, Layout, Locked, allocator};
use common::{Fault, Toy};
use std::cell::{Cell, UnsafeCell};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

const MIB: usize = 1 << 20;

/// Runs a kit that has to fail. No sequence that shows one fault needs many steps.
#[track_caller]
fn failure(kit: Kit<'_, impl Allocator>, most_steps: usize) -> Failure {
    let failure = kit.run().expect_err("a broken allocator passed");
    assert!(!failure.steps.is_empty() && failure.steps.len() <= most_steps, "{failure}");
    failure
}

#[track_caller]
fn breaks(fault: Fault, promise: Promise, most_steps: usize) -> Failure {
    let kit = Kit::layer(|| Toy::<16>::with(fault, MIB)).may_run_out().max_align_bytes(1 << 16);
    let failure = failure(kit, most_steps);
    assert_eq!(failure.promise, promise, "{failure}");
    failure
}

#[test]
fn addresses() {
    breaks(Fault::IgnoresAlignment, Promise::Aligned, 3);
    breaks(Fault::Overlaps, Promise::NoOverlap, 6);
    breaks(Fault::SliceTooShort, Promise::LargeEnough, 3);
}

#[test]
fn contents() {
    breaks(Fault::WritesIntoNeighbour, Promise::Contents, 9);
    breaks(Fault::GrowLosesContents, Promise::GrowKeeps, 6);
    breaks(Fault::ShrinkLosesContents, Promise::ShrinkKeeps, 6);
    breaks(Fault::FailedGrowFrees, Promise::RefusalKeeps, 4);
    breaks(Fault::ReclaimFrees, Promise::Contents, 4);
    breaks(Fault::DiscardSoils, Promise::Discards, 4);
    breaks(Fault::DiscardTakesMore, Promise::Discards, 4);
    breaks(Fault::DiscardGivesTooMuch, Promise::Discards, 4);
}

#[test]
fn zeroes() {
    breaks(Fault::ZeroedIsNot, Promise::Zeroed, 5);
    breaks(Fault::GrownIsNotZeroed, Promise::Zeroed, 6);
    breaks(Fault::ZeroSizeFails, Promise::ZeroSize, 3);
    breaks(Fault::ZeroSizeHasBytes, Promise::ZeroSize, 3);
}

#[test]
fn exhaustion() {
    breaks(Fault::ExhaustionCorrupts, Promise::Contents, 6);
    breaks(Fault::NeverResumes, Promise::Resumes, 6);
    breaks(Fault::PanicsOnOverflow, Promise::NoUnwinding, 2);
}

/// An account shows every leak at once; without one, what is lost shows when it is missed.
#[test]
fn losses() {
    let leaks = |fault| Kit::layer(move || Toy::<16>::with(fault, MIB)).may_run_out();
    for fault in [Fault::FreeLeaks, Fault::FailedGrowLeaks] {
        let failure = failure(leaks(fault).balance(Toy::live_bytes), 9);
        assert_eq!(failure.promise, Promise::NothingLost, "{failure}");
        let failure = self::failure(leaks(fault).max_bytes(2 * MIB), 16);
        assert!(matches!(failure.promise, Promise::NothingLost | Promise::Resumes), "{failure}");
    }
}

#[test]
fn limits() {
    let fault = Fault::RefusesLargeAlignment;
    let kit = Kit::layer(|| Toy::<16>::with(fault, 16 * MIB)).max_align_bytes(1 << 16);
    let failure = failure(kit, 2);
    assert_eq!(failure.promise, Promise::Serves, "{failure}");
    // With the limit that it has, it is right.
    Kit::layer(|| Toy::<16>::with(fault, 16 * MIB)).max_align_bytes(4096).check();
    // An allocator that serves nothing passes everything, so it is asked whether it may.
    let failure = Kit::layer(|| alloc_core::Null).may_run_out().run().unwrap_err();
    assert_eq!(failure.promise, Promise::Serves, "{failure}");
}

#[test]
fn rules_of_layers() {
    breaks(Fault::UsableSizeTooSmall, Promise::UsableSize, 2);
    breaks(Fault::SizesDisagree, Promise::SizesAgree, 2);
    breaks(Fault::DeniesLastByte, Promise::Owns, 2);
    breaks(Fault::RangeChanges, Promise::Range, 4);
    breaks(Fault::ReportsNothing, Promise::Report, 2);
    breaks(Fault::MiscountsShrinks, Promise::Verify, 6);
}

#[test]
fn frees_of_other_threads() {
    let make = || Locked::new(Toy::<16>::with(Fault::FreesOfOtherThreadsGoWrong, MIB));
    let failure = failure(Kit::layer(make).may_run_out().threads(), 8);
    assert_eq!(failure.promise, Promise::NoOverlap, "{failure}");
    assert!(failure.steps.iter().any(|step| step.contains("on another thread")), "{failure}");
    // In one thread it is right.
    Kit::layer(make).may_run_out().max_align_bytes(1 << 16).check();
}

/// Takes a place in two steps, so that two threads can take the same one.
struct Racy {
    buffer: NonNull<u8>,
    next: AtomicUsize,
}
const RACY_BYTES: usize = 32 << 20;

// SAFETY: (on purpose, this is not so) places are taken by one thread each.
unsafe impl Sync for Racy {}
// SAFETY: as above.
unsafe impl Send for Racy {}

impl Racy {
    fn new() -> Self {
        let layout = Layout::from_size_align(RACY_BYTES, 4096).unwrap();
        // SAFETY: the layout has a size.
        let buffer = NonNull::new(unsafe { std::alloc::alloc(layout) }).unwrap();
        Self { buffer, next: AtomicUsize::new(0) }
    }
}

impl Drop for Racy {
    fn drop(&mut self) {
        let layout = Layout::from_size_align(RACY_BYTES, 4096).unwrap();
        // SAFETY: allocated in `new`, with this layout.
        unsafe { std::alloc::dealloc(self.buffer.as_ptr(), layout) }
    }
}

allocator! {
    // SAFETY: in one thread: every allocation is a part of the buffer of its own.
    unsafe impl[] Allocator for Racy {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let base = self.buffer.addr().get();
            let next = self.next.load(Ordering::Relaxed);
            let at = (base + next).checked_next_multiple_of(layout.align()).ok_or(AllocError)? - base;
            let end = at.checked_add(layout.size()).filter(|end| *end <= RACY_BYTES);
            let end = end.ok_or(AllocError)?;
            std::thread::yield_now();
            self.next.store(end, Ordering::Relaxed);
            // SAFETY: within the buffer.
            let ptr = unsafe { self.buffer.add(at) };
            Ok(NonNull::slice_from_raw_parts(ptr, layout.size()))
        }
        unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
    }
}

#[test]
fn threads_at_once() {
    let kit = || Kit::new(Racy::new).frees_give_nothing_back().max_align_bytes(4096).may_run_out();
    // One thread at a time, it is right.
    kit().check();
    let failure = kit().threads().max_bytes(16 << 20).cases(4).run().unwrap_err();
    assert_eq!(failure.promise, Promise::Threads, "{failure}");
}

/// Its memory is part of its own value, so it moves with it.
struct Inline {
    bytes: UnsafeCell<[u8; 4096]>,
    next: Cell<usize>,
}

allocator! {
    // SAFETY: (on purpose, this is not so) the memory stays where it is.
    unsafe impl[] Allocator for Inline {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let base = self.bytes.get().cast::<u8>();
            let at = (base.addr() + self.next.get()).checked_next_multiple_of(layout.align());
            let at = at.ok_or(AllocError)? - base.addr();
            let end = at.checked_add(layout.size()).filter(|end| *end <= 4096).ok_or(AllocError)?;
            self.next.set(end);
            // SAFETY: within the buffer.
            let ptr = unsafe { NonNull::new_unchecked(base.add(at)) };
            Ok(NonNull::slice_from_raw_parts(ptr, layout.size()))
        }
        unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
    }
}

#[test]
fn moves() {
    let make = || Inline { bytes: UnsafeCell::new([0; 4096]), next: Cell::new(0) };
    let kit = Kit::new(make).frees_give_nothing_back().may_run_out().max_bytes(4096);
    let failure = failure(kit, 2);
    assert_eq!(failure.promise, Promise::Moves, "{failure}");
}

/// Its clone is another heap, which does not know what the first one handed out.
struct Cloned(&'static Toy);

impl Cloned {
    fn new() -> Self {
        Self(Box::leak(Box::new(Toy::new(MIB))))
    }
}

impl Clone for Cloned {
    fn clone(&self) -> Self {
        Self::new()
    }
}

allocator! {
    // SAFETY: every method forwards (but a clone is, on purpose, not the same allocator).
    unsafe impl[] Allocator for Cloned {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.0.allocate(layout)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // What is not its own it leaves alone: `Toy` looks it up.
            if alloc_core::Layer::owns(self.0, ptr) {
                // SAFETY: it owns it.
                unsafe { self.0.deallocate(ptr, layout) }
            }
        }
    }
}

#[test]
fn clones() {
    let kit = || Kit::new(Cloned::new).may_run_out().max_align_bytes(1 << 16);
    kit().check();
    let failure = failure(kit().clones().balance(|it| it.0.live_bytes()), 8);
    assert_eq!(failure.promise, Promise::NothingLost, "{failure}");
}

/// What a failure looks like to whoever reads it.
#[test]
fn a_failure_tells_its_story() {
    let failure = breaks(Fault::GrowLosesContents, Promise::GrowKeeps, 6);
    let text = failure.to_string();
    assert!(text.contains("Toy breaks a promise: growing keeps the contents."), "{text}");
    assert!(text.contains("1. a = allocate"), "{text}");
    assert!(text.contains("STRATA_CONFORMANCE_SEED=0x5eed"), "{text}");
    assert!(failure.steps.last().unwrap().contains("grow("), "{text}");
    let again = breaks(Fault::GrowLosesContents, Promise::GrowKeeps, 6);
    assert_eq!(failure.steps, again.steps, "the same seed finds the same");
}

/// Ends the process where others answer wrongly, as a layer does that writes over another's memory.
struct Abrupt;

allocator! {
    // SAFETY: it is the system's allocator, as far as it goes.
    unsafe impl[] Allocator for Abrupt {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            System.allocate(layout)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { System.deallocate(ptr, layout) }
        }
        unsafe fn grow(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
            std::process::abort()
        }
    }
}

/// A test's output is kept back until it ends, and this one's process ends before.
#[test]
fn the_steps_before_a_process_ends_are_told() {
    if std::env::var_os("TEST_ABRUPT").is_some() {
        return Kit::new(|| Abrupt).check();
    }
    let told = |trace| {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "the_steps_before_a_process_ends_are_told"]);
        child.env("TEST_ABRUPT", "1").env("STRATA_CONFORMANCE_TRACE", trace);
        let output = child.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let text = told("1");
    let begin = text.rfind("a fresh allocator, for a sequence").unwrap_or_else(|| panic!("{text}"));
    let last = text[begin..].lines().rfind(|line| line.starts_with("  ")).unwrap_or_default();
    assert!(last.contains("grow("), "{text}");
    assert!(!told("0").contains("a fresh allocator"));
}

#[test]
#[should_panic(expected = "a slice has at least the size asked for")]
fn check_panics_with_the_failure() {
    Kit::layer(|| Toy::<16>::with(Fault::SliceTooShort, MIB)).may_run_out().check();
}
