//! What it costs to grow a vector: the time of a page of its last size, all moves and the free included.
//!
//! Above: `micro`. Below: `heap`.
//!
//! The vector doubles from 64 bytes to its full size by `realloc`, as `Vec` does; each time, a word
//! on every page of the new part is written. Small vectors move from size class to size class; large
//! ones show whether growth copies, or moves pages. There is no floor: what is the least to do here
//! depends on the system.

use super::{Task, size};
use crate::heap::Heap;
use crate::measure::of_this_thread;
use std::alloc::Layout;
use std::time::Duration;

const FIRST_BYTES: usize = 64;
const PAGE_BYTES: usize = 4096;

/// Vectors that grow to so many bytes.
#[derive(Debug)]
pub struct Growth<const FULL_BYTES: usize>;

impl<const FULL_BYTES: usize> Task for Growth<FULL_BYTES> {
    const OPERATIONS: u64 = (FULL_BYTES / PAGE_BYTES) as u64;
    const GROUP: &'static str = "growth";

    fn name() -> String {
        format!("vector to {}, by page", size(FULL_BYTES))
    }

    fn run<H: Heap>(heap: &H, steps: u64) -> Duration {
        of_this_thread(|| (0..steps).for_each(|_| grow(heap, FULL_BYTES)))
    }

    fn floor(_: u64) -> Option<Duration> {
        None
    }
}

fn grow<H: Heap>(heap: &H, full_bytes: usize) {
    let of = |bytes| Layout::from_size_align(bytes, 8).expect("a size below the address space");
    let mut bytes = FIRST_BYTES;
    let mut ptr = heap.alloc(of(bytes));
    assert!(!ptr.is_null());
    while bytes < full_bytes {
        // SAFETY: `ptr` was allocated for `bytes`, here or the time before.
        ptr = unsafe { heap.realloc(ptr, of(bytes), of(2 * bytes)) };
        assert!(!ptr.is_null());
        for at in (bytes..2 * bytes).step_by(PAGE_BYTES) {
            // SAFETY: below the new size, which is a multiple of 8.
            unsafe { ptr.add(at).cast::<u64>().write(1) };
        }
        bytes *= 2;
    }
    // SAFETY: as for `realloc`.
    unsafe { heap.free(ptr, of(bytes)) };
}
