//! Threads on thread caches, as a static and as a value: refills, flushes, reclaims of idle and of
//! busy threads, threads that end.

use alloc_arena::{Arena, Os};
use alloc_core::report::Tree;
use alloc_sizeclass::{SizeClassHeap, ThreadCache, thread_cache};
use strata_stress::Shared;

thread_cache! {
    static STACK: SizeClassHeap<Arena> = SizeClassHeap::new(Arena::new(Os::new()));
}

fn main() {
    Shared::new(&STACK, 20_000).run(3);
    let value = ThreadCache::new(SizeClassHeap::<Arena>::new(Arena::new(Os::new())));
    Shared::new(&value, 20_000).run(3);
    let (a, b) = (Tree::of(&STACK), Tree::of(&value));
    let large = |tree: &Tree| tree.figure("SizeClassHeap", "large allocations");
    assert_eq!((large(&a), large(&b)), (Some(0), Some(0)));
    println!(
        "cache: {:?} and {:?} bytes used",
        a.figure("Arena", "used"),
        b.figure("Arena", "used")
    );
}
