//! A value in a slot, whose owner may be any thread.
//!
//! Above: the user. Below: the pool, by a reference or an `Arc`.

use super::{Shared, SyncPool};
use alloc_core::Layer;
use alloc_core::api2::alloc::Global;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::pin::Pin;
use core::ptr::NonNull;
use std::sync::Arc;

pub(super) mod sealed {
    //! What only this module implements.

    /// A pool of this module.
    pub trait Held {}
}

/// A pool, for those who hold it by a reference or an `Arc`: [`SyncPool`] and [`ObjectPool`](super::ObjectPool). Sealed: there
/// is no other.
pub trait HeldPool: sealed::Held {
    /// What its slots are made for.
    type Slot;
    /// The layer below.
    type Below: Layer;
    #[doc(hidden)]
    fn shared(&self) -> &Shared<Self::Slot, Self::Below>;
}

/// What the slots of a pool are made for, by how the pool is held.
pub type SlotOf<P> = <<P as Deref>::Target as HeldPool>::Slot;

/// A value in a [`SyncPool`], which may be dropped by any thread; `P` is how it holds the pool.
///
/// If it is forgotten, its slot stays in use until the pool is dropped, which drops the value.
pub struct HeldBox<P: Deref<Target: HeldPool>> {
    slot: NonNull<SlotOf<P>>,
    pool: P,
}

/// A value in a pool that it borrows.
pub type SyncBox<'p, T, A = Global> = HeldBox<&'p SyncPool<T, A>>;
/// A value in a pool that lives as long as it.
pub type ArcBox<T, A = Global> = HeldBox<Arc<SyncPool<T, A>>>;

// SAFETY: it is the value's only owner, and holds the pool.
unsafe impl<P: Deref<Target: HeldPool<Slot: Send>> + Send> Send for HeldBox<P> {}
// SAFETY: shared, it gives shared references to the value.
unsafe impl<P: Deref<Target: HeldPool<Slot: Sync>> + Sync> Sync for HeldBox<P> {}

impl<P: Deref<Target: HeldPool>> HeldBox<P> {
    /// # Safety
    ///
    /// The slot is of that pool, the caller's, and has a value; not the caller's after this.
    #[inline(always)]
    pub(super) const unsafe fn new(slot: NonNull<SlotOf<P>>, pool: P) -> Self {
        Self { slot, pool }
    }

    /// Its parts, without its end.
    fn into_parts(self) -> (NonNull<SlotOf<P>>, P) {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used after this, and not dropped.
        (this.slot, unsafe { (&raw const this.pool).read() })
    }

    /// The value; its slot is free again.
    #[inline]
    #[must_use]
    pub fn into_inner(this: Self) -> SlotOf<P> {
        let (slot, pool) = this.into_parts();
        // SAFETY: the box was the owner of the value and of the slot (`new`).
        unsafe {
            let value = slot.read();
            pool.shared().give(slot);
            value
        }
    }

    /// Pins the value: it stays where it is until it is dropped, at the latest by the pool.
    ///
    /// If the pool is forgotten as well, its memory stays what it is: so the layer below has to be `'static`.
    #[must_use]
    pub fn into_pin(this: Self) -> Pin<Self>
    where
        P: Deref<Target: HeldPool<Below: 'static>>,
    {
        // SAFETY: the value is never moved by a box that is pinned, and its slot is used again only when it
        // has been dropped: by the box, or by the pool, if the box was forgotten. The memory of a pool that is
        // forgotten is not used again.
        unsafe { Pin::new_unchecked(this) }
    }

    /// The address of the value.
    #[must_use]
    pub const fn as_ptr(this: &Self) -> NonNull<SlotOf<P>> {
        this.slot
    }
}

impl<'p, T, A: Layer> HeldBox<&'p SyncPool<T, A>> {
    /// The value, in use until the end of the pool, which drops it.
    #[must_use]
    pub fn leak(this: Self) -> &'p mut T {
        // SAFETY: nobody else has the slot, which is never free again; the pool lives as long as the reference.
        unsafe { this.into_parts().0.as_mut() }
    }
}

/// Gives a slot back when it goes, also in a panic.
pub(super) struct GiveBack<'s, T, A: Layer> {
    pub shared: &'s Shared<T, A>,
    pub slot: NonNull<T>,
}

impl<T, A: Layer> Drop for GiveBack<'_, T, A> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: whoever made this had the slot, and has no value in it any more.
        unsafe { self.shared.give(self.slot) };
    }
}

impl<P: Deref<Target: HeldPool>> Drop for HeldBox<P> {
    #[inline(always)]
    fn drop(&mut self) {
        let back = GiveBack { shared: self.pool.shared(), slot: self.slot };
        // SAFETY: the value is the box's, and there (`new`). If its destructor panics, the slot goes back all the same.
        unsafe { back.slot.drop_in_place() };
    }
}

impl<P: Deref<Target: HeldPool>> Deref for HeldBox<P> {
    type Target = SlotOf<P>;
    #[inline(always)]
    fn deref(&self) -> &SlotOf<P> {
        // SAFETY: the value is the box's, and there (`new`).
        unsafe { self.slot.as_ref() }
    }
}

impl<P: Deref<Target: HeldPool>> DerefMut for HeldBox<P> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut SlotOf<P> {
        // SAFETY: the same.
        unsafe { self.slot.as_mut() }
    }
}

impl<P: Deref<Target: HeldPool<Slot: fmt::Debug>>> fmt::Debug for HeldBox<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<P: Deref<Target: HeldPool<Slot: fmt::Display>>> fmt::Display for HeldBox<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
