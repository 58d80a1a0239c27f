//! What lies under the cache: the shared heap, the arena; and the floor under them all.
//!
//! Above: `mod.rs`. Below: alloc-sizeclass's heap without a cache, alloc-arena.

use super::Path;
use super::rust::start;
use crate::Heap;
use alloc_arena::{Arena, Os};
use alloc_core::{Allocator, Layout};
use std::cell::Cell;
use std::hint::black_box;
use std::ptr::{self, NonNull};

pub(super) const FLOOR: &[Path] =
    &[Path::new("floor/pair", "a pop and a push on a list in thread-local storage", floor)];

pub(super) const PATHS: &[Path] = &[
    Path::new("heap/pair", "64 bytes of the heap, without a thread cache", heap_pair),
    Path::new("heap/pair-large", "2 MiB of the heap", heap_large),
    Path::new("arena/pair", "acquire a run of 64 KiB, and release it", arena_pair),
    Path::new("arena/pair-other", "two runs of different lengths, by turns; both", arena_other),
];

static HEAP: Heap = Heap::new(Arena::new(Os::new()));
static ARENA: Arena<Os> = Arena::new(Os::new());

thread_local! {
    /// Free slots, each with the address of the next.
    static FREE: Cell<*mut *mut u8> = const { Cell::new(ptr::null_mut()) };
}

#[inline(never)]
fn floor(rounds: usize) {
    let mut slot = [ptr::null_mut::<u8>(); 8];
    FREE.set(slot.as_mut_ptr());
    for _ in 0..rounds {
        let slot = FREE.with(|free| {
            let slot = free.get();
            // SAFETY: the list has the one slot that was put on it above or below.
            free.set(unsafe { slot.read() }.cast());
            slot
        });
        let slot = black_box(slot);
        FREE.with(|free| {
            // SAFETY: the slot was taken off the list right above.
            unsafe { slot.write(free.get().cast()) };
            free.set(slot);
        });
    }
    FREE.set(ptr::null_mut());
}

const fn layout(bytes: usize) -> Layout {
    match Layout::from_size_align(bytes, 8) {
        Ok(layout) => layout,
        Err(_) => panic!("too large"),
    }
}

#[inline(always)]
fn pairs<A: Allocator, const BYTES: usize>(allocator: &A, rounds: usize) {
    for _ in 0..rounds {
        let place: NonNull<u8> = black_box(start(allocator, layout(BYTES)));
        // SAFETY: allocated right above, for this layout.
        unsafe { allocator.deallocate(place, layout(BYTES)) };
    }
}

#[inline(never)]
fn heap_pair(rounds: usize) {
    pairs::<_, 64>(&HEAP, rounds);
}

#[inline(never)]
fn heap_large(rounds: usize) {
    pairs::<_, { 2 << 20 }>(&HEAP, rounds);
}

#[inline(never)]
fn arena_pair(rounds: usize) {
    let kept = start(&ARENA, layout(4096));
    pairs::<_, { 64 << 10 }>(&ARENA, rounds);
    // SAFETY: allocated above, for this layout.
    unsafe { ARENA.deallocate(kept, layout(4096)) };
}

#[inline(never)]
fn arena_other(rounds: usize) {
    let kept = start(&ARENA, layout(4096));
    for _ in 0..rounds {
        pairs::<_, { 64 << 10 }>(&ARENA, 1);
        pairs::<_, { 192 << 10 }>(&ARENA, 1);
    }
    // SAFETY: allocated above, for this layout.
    unsafe { ARENA.deallocate(kept, layout(4096)) };
}
