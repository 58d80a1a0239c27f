//! Pools whose handles are keys: to free is to take the value out.
//!
//! Above: `contestants`. Below: slab, slotmap, sharded-slab.

use super::{by_exclusive_reference, by_reference};
use crate::pools::{Value, View, full};

/// slab, whose keys do not know when they are stale.
pub(in crate::pools) struct Slab(slab::Slab<Value>);

by_exclusive_reference!(Slab, |capacity| Slab(slab::Slab::with_capacity(capacity)));

impl View for Slab {
    type Handle = usize;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> usize {
        self.0.insert(Value::new(word))
    }
    #[inline(always)]
    fn free(&mut self, key: usize) -> u64 {
        self.0.remove(key).word
    }
}

/// slotmap's, whose keys do.
pub(in crate::pools) struct SlotMap(slotmap::SlotMap<slotmap::DefaultKey, Value>);

by_exclusive_reference!(SlotMap, |capacity| SlotMap(slotmap::SlotMap::with_capacity(capacity)));

impl View for SlotMap {
    type Handle = slotmap::DefaultKey;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        self.0.insert(Value::new(word))
    }
    #[inline(always)]
    fn free(&mut self, key: Self::Handle) -> u64 {
        self.0.remove(key).unwrap_or_else(|| full()).word
    }
}

/// sharded-slab, for many threads.
pub(in crate::pools) struct ShardedSlab(sharded_slab::Slab<Value>);

// It has no capacity to begin with.
by_reference!(ShardedSlab, |_capacity| ShardedSlab(sharded_slab::Slab::new()));

impl View for &ShardedSlab {
    type Handle = usize;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> usize {
        self.0.insert(Value::new(word)).unwrap_or_else(|| full())
    }
    #[inline(always)]
    fn free(&mut self, key: usize) -> u64 {
        self.0.take(key).unwrap_or_else(|| full()).word
    }
}
