//! What a pool for many threads can be told when it is made.
//!
//! Above: the user. Below: `pool.rs`, `objects.rs`.

use super::thread::MAX_THREADS;
use super::{ObjectPool, SyncPool};
use crate::{Preparation, TakeError};
use alloc_core::Layer;
use alloc_core::api2::alloc::Global;
use core::fmt;
use core::marker::PhantomData;

/// Which free slot is used next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// The one that was freed last: it is still in the processor's caches. Exactly so for one thread.
    #[default]
    Lifo,
    /// The one that has been free for the longest time: a stale pointer finds its slot unused for long, and all slots
    /// age alike. Exactly so for one thread; of several threads' slots, batches keep the order, not each slot.
    Fifo,
}

/// A pool for many threads, to be made.
///
/// ```
/// use pool_prealloc::sync::{Order, SyncPool};
///
/// let pool = SyncPool::<u64>::builder(100).order(Order::Fifo).build();
/// assert_eq!(*pool.alloc(7).unwrap(), 7);
/// ```
#[must_use = "nothing is made before `build` or `objects`"]
pub struct Builder<T> {
    shape: Shape,
    slots: PhantomData<fn() -> T>,
}

/// What a pool is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub capacity_slots: usize,
    pub order: Order,
    pub preparation: Preparation,
    shards: Option<usize>,
    /// The most slots of a shard's list, for models, where half of the slots would be less than one each.
    pub bound_slots: Option<usize>,
}

/// A shard is worth its memory, and the gatherings that it brings, from so many slots on.
const SLOTS_PER_SHARD: usize = 8;

impl Shape {
    pub fn shard_count(&self) -> usize {
        let by_processors = || {
            let processors = std::thread::available_parallelism().map_or(1, usize::from);
            (4 * processors).min(MAX_THREADS)
        };
        let most = self.capacity_slots / SLOTS_PER_SHARD;
        self.shards.unwrap_or_else(|| by_processors().min(most)).min(self.capacity_slots)
    }
}

impl<T> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Builder").field(&self.shape).finish()
    }
}

impl<T> Builder<T> {
    pub(super) const fn new(capacity_slots: usize) -> Self {
        Self {
            shape: Shape {
                capacity_slots,
                order: Order::Lifo,
                preparation: Preparation::new(),
                shards: None,
                bound_slots: None,
            },
            slots: PhantomData,
        }
    }

    /// Which free slot is used next; LIFO, if this is not called.
    pub const fn order(mut self, order: Order) -> Self {
        self.shape.order = order;
        self
    }

    /// What is done to the memory when it is taken; nothing, if this is not called.
    pub const fn prepared(mut self, preparation: Preparation) -> Self {
        self.shape.preparation = preparation;
        self
    }

    /// For how many threads the pool has shards, of a kibibyte each; others use its global store for every slot.
    /// Threads are numbered in the process, from 0 on, by when they first used a pool; who ends leaves its number to
    /// the next one. If this is not called: four for each processor, and at most one for eight slots.
    ///
    /// Without shards (0) no operation waits for another thread that was interrupted: then the pool is lock-free
    /// as a whole, but for those who wait for slots. See [`SyncPool`].
    pub fn shards(mut self, shards: usize) -> Self {
        self.shape.shards = Some(shards.min(MAX_THREADS));
        self
    }

    #[cfg(all(loom, feature = "loom"))]
    #[doc(hidden)]
    pub fn bound_slots(mut self, bound_slots: usize) -> Self {
        self.shape.bound_slots = Some(bound_slots);
        self
    }

    /// The pool, its memory from [`Global`].
    ///
    /// # Panics
    ///
    /// If the memory cannot be had.
    #[must_use]
    pub fn build(&self) -> SyncPool<T> {
        self.build_in(Global)
    }

    /// The pool, its memory from `below`.
    ///
    /// # Panics
    ///
    /// If the memory cannot be had.
    #[must_use]
    pub fn build_in<A: Layer>(&self, below: A) -> SyncPool<T, A> {
        self.try_build_in(below).expect("memory for the pool")
    }

    /// The pool, its memory from `below`.
    ///
    /// # Errors
    ///
    /// When the memory cannot be had, or cannot be prepared so.
    pub fn try_build_in<A: Layer>(&self, below: A) -> Result<SyncPool<T, A>, TakeError> {
        SyncPool::new(&self.shape, below)
    }

    /// A pool of objects: each slot has one, made now by `init`; `reset` is called on each that comes back.
    ///
    /// # Panics
    ///
    /// If the memory cannot be had. A panic of `init` comes through, when what was made is dropped.
    #[must_use]
    pub fn objects<I: Fn() -> T, R: Fn(&mut T)>(&self, init: I, reset: R) -> ObjectPool<T, I, R> {
        self.try_objects_in(init, reset, Global).expect("memory for the pool")
    }

    /// The same, its memory from `below`.
    ///
    /// # Errors
    ///
    /// When the memory cannot be had, or cannot be prepared so.
    pub fn try_objects_in<I: Fn() -> T, R: Fn(&mut T), A: Layer>(
        &self,
        init: I,
        reset: R,
        below: A,
    ) -> Result<ObjectPool<T, I, R, A>, TakeError> {
        ObjectPool::new(&self.shape, init, reset, below)
    }
}
