//! Compose a stack: each layer owns the one below it, and any of them is an allocator.
//!
//! ```sh
//! cargo run -p benches --example compose
//! ```

use alloc_arena::{Arena, Bump, Os};
use alloc_core::api2::{boxed::Box, vec::Vec};
use alloc_core::report::Tree;
use alloc_core::{Layer, Observe, Segregate};
use alloc_sizeclass::{SizeClassHeap, ThreadCache};

fn main() {
    // The ground: runs of pages from the operating system. Shared by reference, as any layer may be.
    let arena: Arena<Os> = Arena::new(Os::new());

    // Up to 8 KiB: slots, with a cache for each thread. Above: whole runs of pages, straight from the
    // arena. On top of both: a layer that counts.
    let small = SizeClassHeap::<Arena<Os>>::new(Arena::new(Os::new()));
    let stack = Observe::new(Segregate::new(8 << 10, ThreadCache::new(small), &arena));

    let name = Box::new_in("granite", &stack);
    let mut layers = Vec::new_in(&stack);
    layers.extend((0..100_u64).map(|depth| depth * depth));
    let map = Vec::<u8, _>::with_capacity_in(1 << 20, &stack);
    let figures = stack.figures();
    println!("{name}: {} layers, {} bytes live", layers.len(), figures.live_bytes);
    assert_eq!(figures.live, 3);
    assert_eq!(arena.figures().used_bytes, 1 << 20, "what is large went to the arena");

    // A layer over a layer over a layer: a bump for what is freed at once, on the same stack.
    let bump = Bump::new(&stack);
    let words: std::vec::Vec<&mut str> = ["shale", "slate"].map(|word| bump.alloc_str(word)).into();
    println!("{words:?} take {} bytes of a bump", bump.allocated_bytes());
    assert_eq!(bump.allocated_bytes(), 16);
    drop(bump);

    // Any stack tells what it holds, layer by layer, …
    println!("\n{}", Tree::of(&stack));
    drop((name, layers, map));
    assert_eq!(stack.figures().live_bytes, 0);

    // … gives back what it caches, and checks itself.
    let given_bytes = stack.reclaim(usize::MAX);
    stack.verify().expect("every invariant of every layer holds");
    println!("{given_bytes} bytes went back to the operating system");
    assert!(given_bytes >= 1 << 20);
}
