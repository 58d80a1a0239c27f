//! The pool of values: a value is moved, or made, into a free slot.
//!
//! Above: the user. Below: `shared.rs`.

use super::boxes::{GiveBack, HeldPool, sealed};
use super::builder::Shape;
use super::waiting::Waiting;
use super::{ArcBox, Builder, HeldBox, ObjectPool, Shared, SyncBox};
use crate::{Full, TakeError};
use alloc_core::Layer;
use alloc_core::api2::alloc::Global;
use core::mem::needs_drop;
use core::ops::Deref;
use core::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A pool of a fixed number of slots, for many threads.
///
/// All memory is taken when it is made. Threads that use it have a thread cache each, in a *shard* of the pool, so that
/// those that do not pass boxes on do not meet: allocating and freeing are then a few plain instructions, without
/// an atomic one. Boxes may go to other threads, and end there.
///
/// * The bound is exact: [`alloc`](Self::alloc) fails only if all slots were in use at some moment of the call. A slot
///   that lies in the cache of another thread, idle or gone, is free. (One that was handed over to a future that waits
///   counts as in use, though the future may not have seen it yet.)
/// * All operations but these are lock-free: a thread that finds no slot in its cache, and none in the global store,
///   gathers those of all caches, and waits for each thread that is, at that moment, within the few instructions of an
///   operation on its cache. A pool without shards has no such waiting ([`Builder::shards`]). Those who wait for a slot
///   stand in a queue under a lock, which the frees take that serve them.
/// * On systems without `membarrier` (any but Linux) and under Miri there are no caches: every operation works on the
///   global store.
/// * After a `fork`, a child of a process with several threads must not use the pool: another thread may have been in
///   the middle of an operation. In a signal handler, it must not be used either.
/// * A user-mode thread that goes on on another thread, in the middle of a function, must not use the pool in that
///   function before and after: the compiler may keep the number of the first thread. A call of its own that is never
///   inlined will do, or a pool without shards.
/// * What is in leaked boxes is dropped with the pool.
///
/// ```
/// use pool_prealloc::sync::SyncPool;
///
/// let pool = SyncPool::with_capacity(1000);
/// std::thread::scope(|scope| {
///     let boxed = pool.alloc([1, 2, 3]).unwrap();
///     scope.spawn(move || assert_eq!(boxed[2], 3));
/// });
/// assert_eq!(pool.len(), 0);
/// ```
pub struct SyncPool<T, A: Layer = Global> {
    pub(super) shared: Shared<T, A>,
}

impl<T, A: Layer> sealed::Held for SyncPool<T, A> {}

impl<T, A: Layer> HeldPool for SyncPool<T, A> {
    type Slot = T;
    type Below = A;
    #[inline(always)]
    fn shared(&self) -> &Shared<T, A> {
        &self.shared
    }
}

impl<T> SyncPool<T> {
    /// A pool of `capacity_slots` slots.
    ///
    /// # Panics
    ///
    /// Where there is no memory.
    #[must_use]
    pub fn with_capacity(capacity_slots: usize) -> Self {
        Builder::new(capacity_slots).build()
    }

    /// A pool of `capacity_slots` slots.
    ///
    /// # Errors
    ///
    /// When there is no memory, or no layout so large.
    pub fn try_with_capacity(capacity_slots: usize) -> Result<Self, TakeError> {
        Self::try_with_capacity_in(capacity_slots, Global)
    }

    /// A pool of `capacity_slots` slots, to be told more before it is made.
    pub const fn builder(capacity_slots: usize) -> Builder<T> {
        Builder::new(capacity_slots)
    }

    /// A pool of `capacity_slots` objects, made now by `init`, and reset when they come back.
    ///
    /// # Panics
    ///
    /// As [`Builder::objects`].
    #[must_use]
    pub fn objects<I: Fn() -> T, R: Fn(&mut T)>(
        capacity_slots: usize,
        init: I,
        reset: R,
    ) -> ObjectPool<T, I, R> {
        Builder::new(capacity_slots).objects(init, reset)
    }
}

impl<T, A: Layer> SyncPool<T, A> {
    pub(super) fn new(shape: &Shape, below: A) -> Result<Self, TakeError> {
        Ok(Self { shared: Shared::new(shape, below)? })
    }

    /// A pool of `capacity_slots` slots, its memory from `below`.
    ///
    /// # Panics
    ///
    /// Where there is no memory.
    #[must_use]
    pub fn with_capacity_in(capacity_slots: usize, below: A) -> Self {
        Builder::new(capacity_slots).build_in(below)
    }

    /// A pool of `capacity_slots` slots, its memory from `below`.
    ///
    /// # Errors
    ///
    /// When there is no memory, or no layout so large.
    pub fn try_with_capacity_in(capacity_slots: usize, below: A) -> Result<Self, TakeError> {
        Builder::new(capacity_slots).try_build_in(below)
    }

    /// Moves `value` into a free slot.
    ///
    /// # Errors
    ///
    /// When all slots are in use: the value comes back.
    #[inline(always)]
    pub fn alloc(&self, value: T) -> Result<SyncBox<'_, T, A>, Full<T>> {
        place(self, value)
    }

    /// Makes a value for a free slot, if there is one.
    ///
    /// # Errors
    ///
    /// When all slots are in use: `make` comes back, and was not called.
    #[inline]
    pub fn alloc_with<F: FnOnce() -> T>(&self, make: F) -> Result<SyncBox<'_, T, A>, Full<F>> {
        place_with(self, make)
    }

    /// As [`alloc`](Self::alloc), in a box that holds the pool, so that it need not be borrowed.
    ///
    /// # Errors
    ///
    /// When all slots are in use: the value comes back.
    #[inline]
    pub fn alloc_owned(self: &Arc<Self>, value: T) -> Result<ArcBox<T, A>, Full<T>> {
        place(Arc::clone(self), value)
    }

    /// As [`alloc`](Self::alloc), and waits for a slot, at most so long. Who waits is served in the order of coming; who
    /// does not wait may be faster.
    ///
    /// # Errors
    ///
    /// When all slots have been in use so long: the value comes back.
    pub fn alloc_timeout(&self, value: T, most: Duration) -> Result<SyncBox<'_, T, A>, Full<T>> {
        place_timeout(self, value, most)
    }

    /// As [`alloc_timeout`](Self::alloc_timeout), in a box that holds the pool.
    ///
    /// # Errors
    ///
    /// When all slots have been in use so long: the value comes back.
    pub fn alloc_owned_timeout(
        self: &Arc<Self>,
        value: T,
        most: Duration,
    ) -> Result<ArcBox<T, A>, Full<T>> {
        place_timeout(Arc::clone(self), value, most)
    }
}

#[inline(always)]
fn place<P: Deref<Target: HeldPool>>(
    pool: P,
    value: super::SlotOf<P>,
) -> Result<HeldBox<P>, Full<super::SlotOf<P>>> {
    match pool.shared().take() {
        // SAFETY: `take` gave the slot, which has the value now.
        Some(slot) => unsafe {
            slot.write(value);
            Ok(HeldBox::new(slot, pool))
        },
        None => {
            pool.shared().refuse();
            Err(Full(value))
        }
    }
}

#[inline]
fn place_with<P: Deref<Target: HeldPool>, F: FnOnce() -> super::SlotOf<P>>(
    pool: P,
    make: F,
) -> Result<HeldBox<P>, Full<F>> {
    let shared = pool.shared();
    let Some(slot) = shared.take() else {
        shared.refuse();
        return Err(Full(make));
    };
    // If `make` panics, the slot goes back.
    let back = GiveBack { shared, slot };
    let value = make();
    core::mem::forget(back);
    // SAFETY: `take` gave the slot, which has the value now.
    unsafe {
        slot.write(value);
        Ok(HeldBox::new(slot, pool))
    }
}

fn place_timeout<P: Deref<Target: HeldPool>>(
    pool: P,
    value: super::SlotOf<P>,
    most: Duration,
) -> Result<HeldBox<P>, Full<super::SlotOf<P>>> {
    // A limit beyond what clocks know is none.
    let end = Instant::now().checked_add(most);
    let mut waiting = pin!(Waiting::new(pool));
    match waiting.as_mut().wait_until(end) {
        // SAFETY: the slot was taken, or handed over; it has the value now.
        Some((slot, pool)) => unsafe {
            slot.write(value);
            Ok(HeldBox::new(slot, pool))
        },
        None => Err(Full(value)),
    }
}

impl<T, A: Layer> Drop for SyncPool<T, A> {
    fn drop(&mut self) {
        if needs_drop::<T>() && self.figures().used_slots > 0 {
            self.shared.mark_free();
            self.shared.mark_served();
            drop_used(&self.shared);
        }
    }
}

/// Drops what is in slots that are not free, in the end of the pool.
fn drop_used<T, A: Layer>(shared: &Shared<T, A>) {
    /// Goes on when a destructor panics.
    struct Rest<'s, T, A: Layer>(&'s Shared<T, A>, usize);

    impl<T, A: Layer> Rest<'_, T, A> {
        fn drop_all(&mut self) {
            while let Some(value) = self.0.next_used(&mut self.1) {
                // SAFETY: no box is alive; this value is of one that was forgotten, and met here once.
                unsafe { value.drop_in_place() };
            }
        }
    }

    impl<T, A: Layer> Drop for Rest<'_, T, A> {
        fn drop(&mut self) {
            self.drop_all();
        }
    }

    Rest(shared, 0).drop_all();
}
