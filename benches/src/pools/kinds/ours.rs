//! pool-prealloc's pools.
//!
//! Above: `contestants`. Below: the global allocator, once for each pool.

use super::{by_exclusive_reference, by_reference, last_word};
use crate::pools::{CAPACITY, Pool, Value, View, full};
use alloc_core::Layout;
use alloc_core::api2::boxed::Box as BoxIn;
use pool_prealloc::sync::SyncBox;
use pool_prealloc::{Handle, Key, PoolBox, StaticBox};

/// `Pool`.
pub(in crate::pools) struct OwnPool(pool_prealloc::Pool<Value>);

by_reference!(OwnPool, |capacity| OwnPool(pool_prealloc::Pool::with_capacity(capacity)));

impl<'p> View for &'p OwnPool {
    type Handle = PoolBox<'p, Value>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        self.0.alloc(Value::new(word)).unwrap_or_else(|_| full())
    }
    #[inline(always)]
    fn free(&mut self, value: Self::Handle) -> u64 {
        last_word(value)
    }
}

/// `KeyPool`.
pub(in crate::pools) struct KeyPool(pool_prealloc::KeyPool<Value>);

by_exclusive_reference!(KeyPool, |capacity| {
    KeyPool(pool_prealloc::KeyPool::with_capacity(capacity))
});

impl View for KeyPool {
    type Handle = Key<Value>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        self.0.insert(Value::new(word)).unwrap_or_else(|_| full())
    }
    #[inline(always)]
    fn free(&mut self, key: Self::Handle) -> u64 {
        self.0.remove(key).unwrap_or_else(|_| full()).word
    }
}

/// `StaticPool`, borrowed: a static could be claimed only once.
pub(in crate::pools) struct StaticPool(Box<pool_prealloc::StaticPool<Value, CAPACITY>>);

impl Pool for StaticPool {
    type View<'p> = Handle<'p, Value, CAPACITY>;
    fn with_capacity(capacity_slots: usize) -> Self {
        assert!(capacity_slots <= CAPACITY, "the compiler knows its capacity");
        Self(Box::new(pool_prealloc::StaticPool::new()))
    }
    fn view(&mut self) -> Self::View<'_> {
        self.0.handle()
    }
}

impl<'p> View for Handle<'p, Value, CAPACITY> {
    type Handle = StaticBox<'p, Value, CAPACITY>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        (*self).alloc(Value::new(word)).unwrap_or_else(|_| full())
    }
    #[inline(always)]
    fn free(&mut self, value: Self::Handle) -> u64 {
        last_word(value)
    }
}

/// `BlockPool`, under a box.
pub(in crate::pools) struct BlockPool(pool_prealloc::BlockPool);

by_reference!(BlockPool, |capacity| {
    BlockPool(pool_prealloc::BlockPool::with_capacity(Layout::new::<Value>(), capacity))
});

impl<'p> View for &'p BlockPool {
    type Handle = BoxIn<Value, &'p pool_prealloc::BlockPool>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        BoxIn::try_new_in(Value::new(word), &self.0).unwrap_or_else(|_| full())
    }
    #[inline(always)]
    fn free(&mut self, value: Self::Handle) -> u64 {
        last_word(value)
    }
}

/// `SyncPool`.
pub(in crate::pools) struct SyncPool(pool_prealloc::SyncPool<Value>);

by_reference!(SyncPool, |capacity| SyncPool(pool_prealloc::SyncPool::with_capacity(capacity)));

impl<'p> View for &'p SyncPool {
    type Handle = SyncBox<'p, Value>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        self.0.alloc(Value::new(word)).unwrap_or_else(|_| full())
    }
    #[inline(always)]
    fn free(&mut self, value: Self::Handle) -> u64 {
        last_word(value)
    }
}
