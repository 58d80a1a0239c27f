//! The least that an allocator could do.
//!
//! Above: the tasks. Below: the system's allocator, once for each slot.

use crate::heap::Heap;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

const LISTS: usize = 32;

thread_local! {
    /// By power of two: slots that are free for this thread, each with the address of the next.
    static FREE: [Cell<*mut u8>; LISTS] = const { [const { Cell::new(ptr::null_mut()) }; LISTS] };
}

/// The floor: a list in thread-local storage for each power of two. To allocate is to pop, to free
/// is to push; an allocator that does anything besides takes longer. It is no allocator for use: it
/// gives nothing back, and what one thread frees is lost to all others.
#[derive(Clone, Copy, Debug)]
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
// task asks for an alignment above 16.
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
