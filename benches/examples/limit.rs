//! A memory limit with reclaim: when the limit is reached, what lies idle in the caches is given back
//! and the request is tried again; only when that does not help is it refused.
//!
//! ```sh
//! cargo run -p benches --example limit
//! ```

use alloc_arena::{Arena, Os};
use alloc_core::api2::vec::Vec;
use alloc_core::{Layer, Limit, Reclaiming};
use alloc_sizeclass::{SizeClassHeap, ThreadCache};

const LIMIT_BYTES: usize = 4 << 20;

fn main() {
    // The limit lies below the caches: it holds for everything that is taken from the arena, the
    // spans, the free slots in caches and the heap's tables included. Those tables cover the arena's
    // address range, so a small heap is given a small one.
    let arena: Arena<Os> = Arena::new(Os::new()).with_reservation_bytes(64 << 20);
    let ground = Limit::new(LIMIT_BYTES, arena);
    let heap: SizeClassHeap<_> = SizeClassHeap::new(alloc_core::Shared::new(ground));
    let stack = Reclaiming::new(ThreadCache::new(heap));
    let limit = stack.below().below().below();

    // First the whole limit is used by small objects, which are all freed: the caches and the heap
    // keep some of the memory that they took.
    let small: Vec<_, _> = {
        let mut all = Vec::new_in(alloc_core::api2::alloc::Global);
        all.extend((0..20_000).map_while(|n| {
            let mut object = Vec::<u8, _>::new_in(&stack);
            object.try_reserve_exact(100 + n % 100).ok()?;
            Some(object)
        }));
        all
    };
    println!("{} small objects: {} bytes taken", small.len(), limit.live_bytes());
    drop(small);
    let idle_bytes = limit.live_bytes();
    println!("all freed: {idle_bytes} bytes are still held, idle");

    // Then something that fits under the limit, but not beside what lies idle.
    let shortages = stack.shortages();
    let mut large = Vec::<u8, _>::new_in(&stack);
    let bytes = LIMIT_BYTES - idle_bytes / 2;
    large.try_reserve_exact(bytes).expect("fits, once the idle memory has gone back");
    println!("{bytes} bytes in one piece: {} request was short and rescued", stack.rescues());
    assert_eq!((stack.shortages(), stack.rescues()), (shortages + 1, 1));

    // What does not fit at all is refused, and everything stays as it was.
    let mut more = Vec::<u8, _>::new_in(&stack);
    let error = more.try_reserve_exact(LIMIT_BYTES).expect_err("twice the limit");
    println!("as much again: {error:?}");
    assert!(limit.peak_bytes() <= LIMIT_BYTES && large.capacity() >= bytes);
    stack.verify().expect("every invariant of every layer holds");
}
