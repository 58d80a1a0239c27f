//! What the benches share: the allocators that are compared, and the floor below them.
//!
//! All are called as values, in one process, through the same trait, so that a layout that is known
//! when the bench is compiled is known to each of them.

// Each bench uses its own part of this.
#![allow(dead_code)]

use benches::heap::{Flat, Heap};
use criterion::Criterion;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;
use std::time::Duration;

/// Runs `$body` for each allocator, with its name and itself.
macro_rules! each {
    (|$name:ident, $heap:ident| $body:expr) => {{
        $crate::common::each!(@ $name, $heap, "strata", benches::stacks::cached(), $body);
        $crate::common::each!(@ $name, $heap, "strata-heap", benches::stacks::uncached(), $body);
        $crate::common::each!(@ $name, $heap, "system", $crate::common::system(), $body);
        $crate::common::each!(@ $name, $heap, "mimalloc", $crate::common::mimalloc(), $body);
    }};
    (@ $name:ident, $heap:ident, $text:literal, $value:expr, $body:expr) => {{
        let ($name, value) = ($text, $value);
        let $heap = &value;
        $body
    }};
}
pub(crate) use each;

/// The C library's.
pub fn system() -> Flat<System> {
    Flat(System)
}

/// The peer.
pub fn mimalloc() -> Flat<mimalloc::MiMalloc> {
    Flat(mimalloc::MiMalloc)
}

/// Criterion, set up so that all benches together take minutes, not an hour.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .sample_size(30)
        .configure_from_args()
}

const LISTS: usize = 32;

thread_local! {
    /// By power of two: slots that are free for this thread, each with the address of the next.
    static FREE: [Cell<*mut u8>; LISTS] = const { [const { Cell::new(ptr::null_mut()) }; LISTS] };
}

/// The floor: a list in thread-local storage for each power of two. To allocate is to pop, to free
/// is to push; an allocator that does anything besides takes longer. It is no allocator for use: it
/// gives nothing back, and what one thread frees is lost to all others.
#[derive(Debug)]
pub struct Floor;

impl Floor {
    #[inline]
    fn list(layout: Layout) -> usize {
        layout.size().max(16).next_power_of_two().trailing_zeros() as usize
    }

    #[cold]
    fn fresh(list: usize) -> *mut u8 {
        // SAFETY: a power of two of at least 16 bytes, at alignment 16.
        unsafe { System.alloc(Layout::from_size_align_unchecked(1 << list, 16)) }
    }
}

// SAFETY: a slot is on a list or handed out, never both; its size is at least its layout's, and no
// bench asks for an alignment above 16.
unsafe impl Heap for Floor {
    #[inline]
    fn alloc(&self, layout: Layout) -> *mut u8 {
        let list = Self::list(layout);
        FREE.with(|free| {
            let slot = free[list].get();
            if slot.is_null() {
                return Self::fresh(list);
            }
            // SAFETY: a slot on a list holds the address of the next (`free`).
            free[list].set(unsafe { slot.cast::<*mut u8>().read() });
            slot
        })
    }

    fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let slot = self.alloc(layout);
        // SAFETY: the slot is at least as large as its layout.
        unsafe { slot.write_bytes(0, layout.size()) };
        slot
    }

    #[inline]
    unsafe fn free(&self, ptr: *mut u8, layout: Layout) {
        let list = Self::list(layout);
        FREE.with(|free| {
            // SAFETY: the slot is the caller's no longer, and has at least 16 bytes.
            unsafe { ptr.cast::<*mut u8>().write(free[list].get()) };
            free[list].set(ptr);
        });
    }

    unsafe fn realloc(&self, ptr: *mut u8, old: Layout, new: Layout) -> *mut u8 {
        let place = self.alloc(new);
        // SAFETY: both slots are at least as large as the copy; `ptr` is the caller's promise.
        unsafe {
            ptr::copy_nonoverlapping(ptr, place, old.size().min(new.size()));
            self.free(ptr, old);
        }
        place
    }
}

/// A layout that is known when the bench is compiled.
#[inline(always)]
pub const fn layout<const BYTES: usize>() -> Layout {
    match Layout::from_size_align(BYTES, 8) {
        Ok(layout) => layout,
        Err(_) => panic!("too large"),
    }
}
