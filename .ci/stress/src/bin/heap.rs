//! Threads on the shared heap over an arena, counted and limited on the way.

use alloc_arena::Arena;
use alloc_core::{Limit, Observe};
use alloc_sizeclass::SizeClassHeap;
use strata_stress::Shared;

static STACK: Observe<Limit<SizeClassHeap<Arena>>> =
    Observe::new(Limit::new(8 << 20, SizeClassHeap::new(Arena::new(alloc_arena::Os::new()))));

fn main() {
    Shared::new(&STACK, 20_000).run(3);
    let figures = STACK.figures();
    assert_eq!((figures.live, figures.live_bytes), (0, 0));
    println!("heap: {} allocations, {} grows", figures.allocations, figures.grows);
}
