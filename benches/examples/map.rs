//! hashbrown's map on a stack: with the feature `allocator-api2-02`, every layer is an allocator for
//! crates that use allocator-api2 0.2 (hashbrown 0.17, bumpalo 3).
//!
//! ```sh
//! cargo run -p benches --example map
//! ```

use alloc_arena::{Arena, Bump, Os};
use alloc_core::Observe;
use alloc_sizeclass::{SizeClassHeap, ThreadCache, thread_cache};
use hashbrown::{DefaultHashBuilder, HashMap};

type Heap = SizeClassHeap<Observe<Arena<Os>>>;

thread_cache! {
    static STACK: Heap = SizeClassHeap::new(Observe::new(Arena::new(Os::new())));
}

/// A map whose table lives on [`STACK`].
type Map<V> = HashMap<u32, V, DefaultHashBuilder, &'static ThreadCache<Heap, STACK>>;

fn main() {
    let mut squares: Map<u64> = HashMap::new_in(&STACK);
    squares.extend((0..1_000_000).map(|n| (n, u64::from(n) * u64::from(n))));
    println!("{} squares; that of 4321 is {}", squares.len(), squares[&4321]);
    assert_eq!(squares[&4321], 18_671_041);

    // What the map takes, seen from the layer between the heap and the arena.
    let counted = STACK.below().below();
    let live_bytes = counted.figures().live_bytes;
    println!("the heap took {live_bytes} bytes from the arena for it");
    assert!(live_bytes >= squares.allocation_size());

    // A map that is dropped as a whole may as well live in a bump.
    let bump = Bump::new(Arena::<Os>::new(Os::new()));
    let mut lengths = HashMap::new_in(&bump);
    for word in ["silt", "sand", "gravel", "clay"] {
        *lengths.entry(word.len()).or_insert(0) += 1;
    }
    println!("lengths of words: {lengths:?}, in {} bytes of a bump", bump.allocated_bytes());
    assert_eq!(lengths[&4], 3);
}
