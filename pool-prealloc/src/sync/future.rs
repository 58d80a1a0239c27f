//! Futures that wait for a slot, for any executor.
//!
//! Above: the user. Below: `waiting.rs`. A future that is dropped gives back what it was served, which then goes to
//! the next one that waits.

use super::boxes::{HeldPool, SlotOf};
use super::waiting::Waiting;
use super::{HeldBox, Object, ObjectPool, SyncPool};
use alloc_core::Layer;
use core::fmt;
use core::future::Future;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

/// Waits for a slot, and moves a value into it: [`SyncPool::alloc_async`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct Alloc<P: Deref<Target: HeldPool>> {
    waiting: Waiting<P>,
    value: Option<SlotOf<P>>,
}

impl<P: Deref<Target: HeldPool>> Alloc<P> {
    fn new(pool: P, value: SlotOf<P>) -> Self {
        Self { waiting: Waiting::new(pool), value: Some(value) }
    }

    /// Gives up, as dropping does, and returns the value; `None` if it has been moved into a slot.
    pub fn cancel(self: Pin<&mut Self>) -> Option<SlotOf<P>> {
        // SAFETY: `waiting` is pinned with the future; the value is not.
        let (waiting, value) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.waiting), &mut this.value)
        };
        waiting.give_up();
        value.take()
    }
}

impl<P: Deref<Target: HeldPool>> Future for Alloc<P> {
    type Output = HeldBox<P>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<HeldBox<P>> {
        // SAFETY: `waiting` is pinned with the future; the value is not.
        let (waiting, value) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.waiting), &mut this.value)
        };
        if value.is_none() {
            return Poll::Pending; // it has finished
        }
        match (waiting.poll(context), value.take()) {
            (Poll::Ready((slot, pool)), Some(made)) => {
                // SAFETY: the slot was taken, or handed over; it has the value now.
                Poll::Ready(unsafe {
                    slot.write(made);
                    HeldBox::new(slot, pool)
                })
            }
            (_, made) => {
                *value = made;
                Poll::Pending
            }
        }
    }
}

impl<P: Deref<Target: HeldPool>> fmt::Debug for Alloc<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alloc").finish_non_exhaustive()
    }
}

impl<T, A: Layer> SyncPool<T, A> {
    /// Waits until there is a free slot, and moves `value` into it. Who waits is served in the order of coming; who does
    /// not wait may be faster. On a pool without any slot, forever.
    ///
    /// For any executor. The future may be dropped at any time: what it was served goes to the next one.
    pub fn alloc_async(&self, value: T) -> Alloc<&Self> {
        Alloc::new(self, value)
    }

    /// The same, in a box that holds the pool.
    pub fn alloc_owned_async(self: &Arc<Self>, value: T) -> Alloc<Arc<Self>> {
        Alloc::new(Arc::clone(self), value)
    }
}

/// Waits for an object: [`ObjectPool::get_async`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct Get<'p, T, I: Fn() -> T, R: Fn(&mut T), A: Layer> {
    waiting: Waiting<&'p ObjectPool<T, I, R, A>>,
}

impl<'p, T, I: Fn() -> T, R: Fn(&mut T), A: Layer> Future for Get<'p, T, I, R, A> {
    type Output = Object<'p, T, I, R, A>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `waiting` is pinned with the future.
        let waiting = unsafe { self.map_unchecked_mut(|this| &mut this.waiting) };
        // SAFETY: the slot was taken, or handed over.
        waiting.poll(context).map(|(slot, pool)| unsafe { Object::new(slot, pool) })
    }
}

impl<T, I: Fn() -> T, R: Fn(&mut T), A: Layer> fmt::Debug for Get<'_, T, I, R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get").finish_non_exhaustive()
    }
}

impl<T, I: Fn() -> T, R: Fn(&mut T), A: Layer> ObjectPool<T, I, R, A> {
    /// Waits until there is a free object; as [`SyncPool::alloc_async`].
    pub fn get_async(&self) -> Get<'_, T, I, R, A> {
        Get { waiting: Waiting::new(self) }
    }
}
