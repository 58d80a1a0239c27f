//! The default stack as the allocator of a whole program: `ThreadCache` over `SizeClassHeap` over
//! `Arena`.
//!
//! ```sh
//! cargo run -p benches --example global
//! ```

use alloc_arena::{Arena, Os};
use alloc_core::Layer;
use alloc_core::report::Tree;
use alloc_sizeclass::{SizeClassHeap, thread_cache};
use std::collections::BTreeMap;

thread_cache! {
    #[global_allocator]
    /// Built at compile time; takes no memory before it is first used.
    static STACK: SizeClassHeap<Arena<Os>> = SizeClassHeap::new(Arena::new(Os::new()));
}

fn main() {
    // Ordinary code, on several threads; one allocates, another frees.
    let maps: Vec<_> = (0..4)
        .map(|thread| std::thread::spawn(move || count_words(thread)))
        .map(|thread| thread.join().expect("the thread does not panic"))
        .collect();
    let words: usize = maps.iter().map(BTreeMap::len).sum();
    println!("{words} different words in {} maps", maps.len());
    assert_eq!(words, 4 * 997);

    let used_bytes = || Tree::of(&STACK).figure("Arena", "used").expect("an arena is below");
    let before_bytes = used_bytes();
    drop(maps);
    STACK.reclaim(usize::MAX);
    let after_bytes = used_bytes();
    println!("the arena's pages in use: {before_bytes} bytes with the maps, {after_bytes} without");
    assert!(after_bytes < before_bytes);
    STACK.verify().expect("every invariant of every layer holds");
}

fn count_words(thread: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for n in 0..20_000 {
        *counts.entry(format!("word {thread}-{}", n * n % 1994)).or_default() += 1;
    }
    (0..997).for_each(|n| *counts.entry(format!("rest {n}")).or_default() += 1);
    counts.retain(|word, _| word.starts_with("rest"));
    counts
}
