//! A stack as global allocator that gives memory back while nothing is allocated.
//!
//! `cargo run --release -p benches --example idle`. Layers do their housekeeping when they are called; a
//! program that sleeps after a peak calls nothing. A `Purger` does, from a thread of its own.

use alloc_arena::{Arena, Os};
use alloc_core::Purger;
use alloc_sizeclass::{SizeClassHeap, thread_cache};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

thread_cache! {
    #[global_allocator]
    /// The program's stack.
    static STACK: SizeClassHeap<Arena<Os>> = SizeClassHeap::new(Arena::new(Os::new()));
}

/// Memory of the arena that is free, and that the system has not got back.
fn free_mib() -> usize {
    let figures = STACK.below().below().figures();
    (figures.dirty_bytes + figures.idle_bytes) >> 20
}

fn work() -> usize {
    let map: BTreeMap<u64, String> = (0..400_000).map(|n| (n, format!("value {n}"))).collect();
    map.values().map(String::len).sum()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("without a purger: {} characters", work());
    println!("   at once   {:4} MiB free and resident", free_mib());
    std::thread::sleep(Duration::from_secs(1));
    println!("   after 1 s {:4} MiB", free_mib());

    let purger = Purger::start(&STACK, Duration::from_millis(400))?;
    println!("with one: {} characters", work());
    let began = Instant::now();
    for quarter in 0..=4 {
        std::thread::sleep((began + quarter * Duration::from_millis(250)) - Instant::now());
        println!("   after {:4} ms {:4} MiB", began.elapsed().as_millis(), free_mib());
    }
    drop(purger); // its thread has ended
    Ok(())
}
