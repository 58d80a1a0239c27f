//! No pool at all: `malloc`, which has no bound, neither of memory nor of time.
//!
//! Above: `contestants`. Below: the system's allocator, mimalloc.

use super::by_reference;
use crate::micro::pairs::seen;
use crate::pools::{Value, View, full};
use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;

/// A box, by hand, as the allocator is not this program's own.
pub(in crate::pools) struct Heap<A>(A);

/// The owner of a value.
pub(in crate::pools) struct Owner(NonNull<Value>);

// SAFETY: it is the value's only owner; the allocators are for all threads.
unsafe impl Send for Owner {}

by_reference!(Heap<System>, |_capacity| Heap(System));
by_reference!(Heap<MiMalloc>, |_capacity| Heap(MiMalloc));

impl<A: GlobalAlloc> View for &Heap<A> {
    type Handle = Owner;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Owner {
        // SAFETY: a value has a size.
        let slot = unsafe { self.0.alloc(Layout::new::<Value>()) };
        let Some(slot) = NonNull::new(seen(slot).cast::<Value>()) else { full() };
        // SAFETY: memory for a value.
        unsafe { slot.write(Value::new(word)) };
        Owner(slot)
    }
    #[inline(always)]
    fn free(&mut self, Owner(slot): Owner) -> u64 {
        // SAFETY: allocated by `alloc`, which wrote a value; nobody has it after this.
        unsafe {
            let word = slot.as_ref().word;
            self.0.dealloc(slot.as_ptr().cast(), Layout::new::<Value>());
            word
        }
    }
}
