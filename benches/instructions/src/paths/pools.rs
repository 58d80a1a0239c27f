//! Pools: a value in a slot, and the slot free again.
//!
//! Above: `mod.rs`. Below: pool-prealloc's pools over the system's memory. A value is a word, so that the slot is counted, and
//! not what lies in it. Other slots are used, as in any pool at work.

use super::Path;
use alloc_core::{Allocator, Layout};
use pool_prealloc::{BlockPool, KeyPool, Pool, StaticPool};
use std::hint::black_box;

pub(super) const PATHS: &[Path] = &[
    Path::new("pool/pair", "a value in a Pool, and its box dropped", pair),
    Path::new("pool/pair-static", "the same in a StaticPool", pair_static),
    Path::new("pool/pair-key", "a value put into a KeyPool, and taken out by its key", pair_key),
    Path::new("pool/pair-block", "a slot of a BlockPool, layout known at compile time", pair_block),
];

const SLOTS: usize = 64;

/// Claimed once, by the process that counts it.
static POOL: StaticPool<usize, SLOTS> = StaticPool::new();

#[inline(never)]
fn pair(rounds: usize) {
    let pool = black_box(Pool::with_capacity(SLOTS));
    let _used = (pool.alloc(1), pool.alloc(2));
    for round in 0..rounds {
        let Ok(boxed) = pool.alloc(round) else { return };
        black_box(&raw const *boxed);
    }
}

#[inline(never)]
fn pair_static(rounds: usize) {
    let Some(pool) = POOL.claim() else { return };
    let _used = (pool.alloc(1), pool.alloc(2));
    for round in 0..rounds {
        let Ok(boxed) = pool.alloc(round) else { return };
        black_box(&raw const *boxed);
    }
}

#[inline(never)]
fn pair_key(rounds: usize) {
    let mut pool = KeyPool::with_capacity(SLOTS);
    let _used = (pool.insert(1), pool.insert(2));
    for round in 0..rounds {
        let Ok(key) = pool.insert(round) else { return };
        let Ok(value) = pool.remove(black_box(key)) else { return };
        black_box(value);
    }
}

#[inline(never)]
fn pair_block(rounds: usize) {
    let layout = Layout::new::<[u64; 8]>();
    let pool = black_box(BlockPool::with_capacity(layout, SLOTS));
    let _used = (pool.allocate(layout), pool.allocate(layout));
    for _ in 0..rounds {
        let Ok(slot) = pool.allocate(layout) else { return };
        // SAFETY: allocated right above, for this layout.
        unsafe { pool.deallocate(black_box(slot.cast()), layout) };
    }
}
