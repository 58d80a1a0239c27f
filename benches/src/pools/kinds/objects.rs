//! Pools of objects that stay alive: a program takes one, and writes over what was there.
//!
//! Above: `contestants`. Below: object-pool, lockfree-object-pool, opool. Where a pool moves its objects in and out, they are
//! boxes: that is faster than to move 64 bytes.

use super::by_reference;
use crate::pools::{Value, View, full};
use lockfree_object_pool::{LinearObjectPool, LinearReusable};
use opool::{LocalPool, PoolAllocator, RefGuard, RefLocalGuard};

/// object-pool: a vector behind a lock.
pub(in crate::pools) struct Objects(object_pool::Pool<Box<Value>>);

by_reference!(Objects, |capacity| {
    Objects(object_pool::Pool::new(capacity, || Box::new(Value::new(0))))
});

impl<'p> View for &'p Objects {
    type Handle = object_pool::Reusable<'p, Box<Value>>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        let mut object = self.0.try_pull().unwrap_or_else(|| full());
        **object = Value::new(word);
        object
    }
    #[inline(always)]
    fn free(&mut self, object: Self::Handle) -> u64 {
        object.word
    }
}

/// lockfree-object-pool's linear one, which the crate recommends.
pub(in crate::pools) struct Linear(LinearObjectPool<Value>);

by_reference!(Linear, |capacity| {
    let pool = LinearObjectPool::new(|| Value::new(0), |_| {});
    // It has no capacity to begin with.
    drop((0..capacity).map(|_| pool.pull()).collect::<Vec<_>>());
    Linear(pool)
});

impl<'p> View for &'p Linear {
    type Handle = LinearReusable<'p, Value>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        let mut object = self.0.pull();
        *object = Value::new(word);
        object
    }
    #[inline(always)]
    fn free(&mut self, object: Self::Handle) -> u64 {
        object.word
    }
}

/// How opool makes an object.
pub(in crate::pools) struct Make;

impl PoolAllocator<Box<Value>> for Make {
    #[inline(always)]
    fn allocate(&self) -> Box<Value> {
        Box::new(Value::new(0))
    }
}

/// opool, for many threads.
pub(in crate::pools) struct Opool(opool::Pool<Make, Box<Value>>);

by_reference!(Opool, |capacity| Opool(opool::Pool::new_prefilled(capacity, Make)));

impl<'p> View for &'p Opool {
    type Handle = RefGuard<'p, Make, Box<Value>>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        let mut object = self.0.get();
        **object = Value::new(word);
        object
    }
    #[inline(always)]
    fn free(&mut self, object: Self::Handle) -> u64 {
        object.word
    }
}

/// opool, for one.
pub(in crate::pools) struct OpoolLocal(LocalPool<Make, Box<Value>>);

by_reference!(OpoolLocal, |capacity| OpoolLocal(LocalPool::new_prefilled(capacity, Make)));

impl<'p> View for &'p OpoolLocal {
    type Handle = RefLocalGuard<'p, Make, Box<Value>>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Self::Handle {
        let mut object = self.0.get();
        **object = Value::new(word);
        object
    }
    #[inline(always)]
    fn free(&mut self, object: Self::Handle) -> u64 {
        object.word
    }
}
