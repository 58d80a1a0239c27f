//! What it costs to allocate and to free at once: the time of one pair, by size.
//!
//! Above: `micro`. Below: `heap`.
//!
//! The layout is known when this is compiled, the memory is hot, nothing is written to it. So this is the
//! fast path alone: what every allocation of a program pays at least. On the floor, that is a pop and a
//! push on a list in thread-local storage.

use super::{Task, size};
use crate::heap::Heap;
use crate::measure::of_this_thread;
use std::alloc::Layout;
use std::time::Duration;

/// Pairs of so many bytes.
#[derive(Debug)]
pub struct Pair<const BYTES: usize>;

/// Its layout.
#[must_use]
pub const fn layout<const BYTES: usize>() -> Layout {
    match Layout::from_size_align(BYTES, 8) {
        Ok(layout) => layout,
        Err(_) => panic!("too large"),
    }
}

impl<const BYTES: usize> Task for Pair<BYTES> {
    const OPERATIONS: u64 = 1;
    const GROUP: &'static str = "pairs";

    fn name() -> String {
        format!("pair of {}", size(BYTES))
    }

    fn run<H: Heap>(heap: &H, steps: u64) -> Duration {
        of_this_thread(|| pairs::<H, BYTES>(heap, steps))
    }
}

/// `steps` pairs, one after the other.
#[inline(never)]
pub fn pairs<H: Heap, const BYTES: usize>(heap: &H, steps: u64) {
    for _ in 0..steps {
        let ptr = seen(heap.alloc(layout::<BYTES>()));
        // SAFETY: allocated right above, for this layout.
        unsafe { heap.free(ptr, layout::<BYTES>()) };
    }
}

/// The same address, but the compiler has to assume that someone looked at it and at all memory: it
/// cannot leave out the pair, nor keep a free list in a register from one pair to the next. It costs
/// no instruction.
#[inline(always)]
#[must_use]
pub fn seen(ptr: *mut u8) -> *mut u8 {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let mut ptr = ptr;
        // SAFETY: there is no instruction.
        unsafe { std::arch::asm!("/* {0} */", inout(reg) ptr, options(nostack, preserves_flags)) };
        ptr
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    std::hint::black_box(ptr)
}
