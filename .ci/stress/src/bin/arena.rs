//! Threads on the arena itself, and on one for one thread behind a lock.

use alloc_arena::{Arena, Bump, Os};
use alloc_core::{Fallback, Locked, Reclaiming};
use strata_stress::Shared;

fn main() {
    let arena = Arena::new(Os::new());
    Shared::new(&arena, 3_000).run(2);
    assert_eq!(arena.figures().used_bytes, 0);
    let stack = Reclaiming::new(Fallback::new(Locked::new(Bump::new(&arena)), &arena));
    Shared::new(&stack, 1_000).run(2);
    drop(stack);
    assert_eq!(arena.figures().used_bytes, 0);
    println!("arena: {:?}", arena.figures());
}
