//! Arenas: a value in a `Bump`, a stack of a `StackPool` taken and given back.
//!
//! Above: `mod.rs`. Below: alloc-arena over the system's memory. A value is a word, so that its place is counted, and not what
//! lies in it.

use super::Path;
use alloc_arena::{Bump, Os, StackPool};
use std::hint::black_box;

pub(super) const PATHS: &[Path] = &[
    Path::new("bump/alloc", "a word in a Bump, and a chunk now and then", alloc),
    Path::new("stacks/pair", "a stack of a StackPool taken, and given back", stack),
];

#[inline(never)]
fn alloc(rounds: usize) {
    let bump = black_box(Bump::new(alloc_arena::Arena::new(Os::new())));
    for round in 0..rounds {
        black_box(&raw const *bump.alloc(round));
    }
}

#[inline(never)]
fn stack(rounds: usize) {
    let pool = black_box(StackPool::new(Os::new()));
    for _ in 0..rounds {
        let Ok(stack) = pool.take() else { return };
        black_box(stack.usable());
    }
}
