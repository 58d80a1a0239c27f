//! The pool of objects: they are made at start-up, and used again and again.
//!
//! Above: the user. Below: `shared.rs`. Every slot has an object at all times, but for those that a panic of `reset`
//! has cost: the next user of such a slot makes a new one.

use super::Shared;
use super::boxes::{GiveBack, HeldPool, sealed};
use super::builder::Shape;
use super::waiting::Waiting;
use crate::TakeError;
use alloc_core::Layer;
use alloc_core::api2::alloc::Global;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::pin::pin;
use core::ptr::NonNull;
use std::time::{Duration, Instant};

/// A pool of a fixed number of objects, for many threads; it is shared as a [`SyncPool`](super::SyncPool) is.
///
/// `reset` is called on an object that comes back, by the thread that lets go of it. If it panics, the object is
/// dropped, and the next one that gets its slot has a new object, from `init`. Objects are dropped with the pool.
///
/// ```
/// use pool_prealloc::sync::SyncPool;
///
/// let buffers = SyncPool::objects(4, || Vec::<u8>::with_capacity(1024), Vec::clear);
/// let mut buffer = buffers.get().unwrap();
/// buffer.extend(b"some bytes");
/// drop(buffer);
/// assert!(buffers.get().unwrap().is_empty());
/// ```
pub struct ObjectPool<T, I: Fn() -> T, R: Fn(&mut T), A: Layer = Global> {
    pub(super) shared: Shared<Option<T>, A>,
    init: I,
    reset: R,
}

impl<T, I: Fn() -> T, R: Fn(&mut T), A: Layer> sealed::Held for ObjectPool<T, I, R, A> {}

impl<T, I: Fn() -> T, R: Fn(&mut T), A: Layer> HeldPool for ObjectPool<T, I, R, A> {
    type Slot = Option<T>;
    type Below = A;
    #[inline(always)]
    fn shared(&self) -> &Shared<Option<T>, A> {
        &self.shared
    }
}

/// Objects in the first slots, dropped in a panic.
struct Made<'s, T, A: Layer>(&'s Shared<Option<T>, A>, usize);

impl<T, A: Layer> Drop for Made<'_, T, A> {
    fn drop(&mut self) {
        while let Some(last) = self.1.checked_sub(1) {
            self.1 = last;
            // SAFETY: so many slots have an object, which nobody uses; each is dropped once.
            unsafe { self.0.slot(last as u32).drop_in_place() };
        }
    }
}

impl<T, I: Fn() -> T, R: Fn(&mut T), A: Layer> ObjectPool<T, I, R, A> {
    pub(super) fn new(shape: &Shape, init: I, reset: R, below: A) -> Result<Self, TakeError> {
        let shared = Shared::new(shape, below)?;
        let mut made = Made(&shared, 0);
        for index in 0..shared.capacity() {
            let object = Some(init());
            // SAFETY: a slot of the pool, which nobody uses yet.
            unsafe { shared.slot(index as u32).write(object) };
            made.1 += 1;
        }
        core::mem::forget(made);
        Ok(Self { shared, init, reset })
    }

    /// A free object. `None` if all were in use at some moment of the call.
    ///
    /// # Panics
    ///
    /// With `init`, if the object has to be made anew.
    #[inline]
    pub fn get(&self) -> Option<Object<'_, T, I, R, A>> {
        match self.shared.take() {
            // SAFETY: `take` gave the slot.
            Some(slot) => Some(unsafe { Object::new(slot, self) }),
            None => {
                self.shared.refuse();
                None
            }
        }
    }

    /// A free object, for which this waits, at most so long. Who waits is served in the order of coming; who does not
    /// wait may be faster.
    ///
    /// # Panics
    ///
    /// With `init`, if the object has to be made anew.
    pub fn get_timeout(&self, most: Duration) -> Option<Object<'_, T, I, R, A>> {
        let end = Instant::now().checked_add(most);
        let waiting = pin!(Waiting::new(self));
        let (slot, _) = waiting.wait_until(end)?;
        // SAFETY: the slot was taken, or handed over.
        Some(unsafe { Object::new(slot, self) })
    }
}

impl<T, I: Fn() -> T, R: Fn(&mut T), A: Layer> Drop for ObjectPool<T, I, R, A> {
    fn drop(&mut self) {
        // All slots have objects, or `None`. After a panic, the others are dropped as well.
        let mut made = Made(&self.shared, self.shared.capacity());
        while let Some(last) = made.1.checked_sub(1) {
            made.1 = last;
            // SAFETY: nobody uses the objects any more; each is dropped once.
            unsafe { self.shared.slot(last as u32).drop_in_place() };
        }
    }
}

/// An object of an [`ObjectPool`], in use; it goes back when this is dropped, in any thread.
///
/// If this is forgotten, the object is not used again, and dropped with the pool.
pub struct Object<'p, T, I: Fn() -> T, R: Fn(&mut T), A: Layer = Global> {
    slot: NonNull<Option<T>>,
    pool: &'p ObjectPool<T, I, R, A>,
}

// SAFETY: it is the object's only user, and shares the pool.
unsafe impl<T: Send, I: Fn() -> T, R: Fn(&mut T), A: Layer> Send for Object<'_, T, I, R, A> where
    ObjectPool<T, I, R, A>: Sync
{
}
// SAFETY: shared, it gives shared references to the object.
unsafe impl<T: Sync, I: Fn() -> T, R: Fn(&mut T), A: Layer> Sync for Object<'_, T, I, R, A> where
    ObjectPool<T, I, R, A>: Sync
{
}

impl<'p, T, I: Fn() -> T, R: Fn(&mut T), A: Layer> Object<'p, T, I, R, A> {
    /// # Safety
    ///
    /// The slot is the caller's, of that pool; not after this.
    #[inline(always)]
    pub(super) unsafe fn new(slot: NonNull<Option<T>>, pool: &'p ObjectPool<T, I, R, A>) -> Self {
        // SAFETY: the slot is the caller's; each has an object, or `None`.
        if unsafe { slot.as_ref() }.is_none() {
            // SAFETY: the same.
            unsafe { Self::make(slot, pool) };
        }
        Self { slot, pool }
    }

    /// A new object for a slot that has lost its own.
    ///
    /// # Safety
    ///
    /// The slot is the caller's, of that pool.
    #[cold]
    #[inline(never)]
    unsafe fn make(slot: NonNull<Option<T>>, pool: &ObjectPool<T, I, R, A>) {
        // If `init` panics, the slot goes back as it was.
        let back = GiveBack { shared: &pool.shared, slot };
        let object = (pool.init)();
        core::mem::forget(back);
        // SAFETY: the caller's; it is `None`, so nothing is dropped.
        unsafe { slot.write(Some(object)) };
    }
}

/// The end of an object's use: it is reset and goes back, or, after a panic of `reset`, its slot goes back without it.
struct Back<'s, T, A: Layer> {
    to: GiveBack<'s, Option<T>, A>,
    is_reset: bool,
}

impl<T, A: Layer> Drop for Back<'_, T, A> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.is_reset {
            // SAFETY: the slot is not given back before this.
            drop(unsafe { self.to.slot.as_mut() }.take());
        }
    }
}

impl<T, I: Fn() -> T, R: Fn(&mut T), A: Layer> Drop for Object<'_, T, I, R, A> {
    #[inline(always)]
    fn drop(&mut self) {
        let to = GiveBack { shared: &self.pool.shared, slot: self.slot };
        let mut back = Back { to, is_reset: false };
        (self.pool.reset)(self);
        back.is_reset = true;
    }
}

impl<T, I: Fn() -> T, R: Fn(&mut T), A: Layer> Deref for Object<'_, T, I, R, A> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the slot is this one's, and has an object (`new`).
        unsafe { self.slot.as_ref().as_ref().unwrap_unchecked() }
    }
}

impl<T, I: Fn() -> T, R: Fn(&mut T), A: Layer> DerefMut for Object<'_, T, I, R, A> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the same.
        unsafe { self.slot.as_mut().as_mut().unwrap_unchecked() }
    }
}

impl<T: fmt::Debug, I: Fn() -> T, R: Fn(&mut T), A: Layer> fmt::Debug for Object<'_, T, I, R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
