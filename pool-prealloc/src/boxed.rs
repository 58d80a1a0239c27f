//! [`SlotBox`]: a value in a slot, which goes back to its pool when the value is dropped.
//!
//! Above: the user. Below: a [`Home`]: the pool that the slot is of. In `traits.rs`: what boxes do
//! because their values do. One box for every pool of this crate whose slots one free list links.

#[cfg(feature = "critical-section")]
use crate::CriticalPool;
use crate::{Pool, StaticPool};
use alloc_core::Layer;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::pin::Pin;
use core::ptr::NonNull;

pub(crate) mod sealed {
    //! What only this crate implements.

    use core::ptr::NonNull;

    /// A pool, seen from a box in it.
    pub trait Home<T> {
        /// Makes a slot free.
        ///
        /// # Safety
        ///
        /// The slot is this pool's and used, and its value is gone.
        unsafe fn give(&self, slot: NonNull<T>);
    }

    /// A pool whose values stay where they are until they are dropped, whatever is forgotten, if it is
    /// borrowed for `'p`.
    pub trait Keeps<'p> {}
}

/// A pool that a [`SlotBox`] can be of. Sealed: the pools of this crate are all there are.
pub trait Home<T>: sealed::Home<T> {}
impl<T, H: sealed::Home<T>> Home<T> for H {}

/// A value in a slot of a pool, as `Box` is one on the heap. When it is dropped, the value is, and
/// then the slot is free; also if the value's destructor unwinds.
///
/// The kinds have names: [`PoolBox`](crate::PoolBox), [`StaticBox`](crate::StaticBox),
#[cfg_attr(feature = "critical-section", doc = "[`CriticalBox`](crate::CriticalBox).")]
#[cfg_attr(not(feature = "critical-section"), doc = "`CriticalBox`.")]
pub struct SlotBox<'p, T, H: Home<T>> {
    value: NonNull<T>,
    home: &'p H,
    owns: PhantomData<T>,
}

// SAFETY: a shared box gives `&T`, and nothing of its home.
unsafe impl<T: Sync, H: Home<T>> Sync for SlotBox<'_, T, H> {}
// `Send` is the home's to allow: see `critical.rs`.

/// Gives a slot back when it is dropped: at the end, or by unwinding.
struct Back<'p, T, H: Home<T>>(NonNull<T>, &'p H);

impl<T, H: Home<T>> Drop for Back<'_, T, H> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it is made for a used slot of this pool whose value goes first.
        unsafe { self.1.give(self.0) };
    }
}

impl<'p, T, H: Home<T>> SlotBox<'p, T, H> {
    /// Moves a value into a slot.
    ///
    /// # Safety
    ///
    /// The slot was taken from `home` and is nobody else's.
    #[inline(always)]
    pub(crate) unsafe fn write(slot: NonNull<T>, home: &'p H, value: T) -> Self {
        // SAFETY: the slot is the caller's, and has the size and alignment of a `T`.
        unsafe { slot.write(value) };
        Self { value: slot, home, owns: PhantomData }
    }

    /// Writes what `make` returns into a slot, which is free again if it returns an error or
    /// unwinds.
    ///
    /// # Safety
    ///
    /// As for `write`.
    #[inline(always)]
    pub(crate) unsafe fn try_write_with<E>(
        slot: NonNull<T>,
        home: &'p H,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Self, E> {
        let back = Back(slot, home);
        let value = make()?;
        core::mem::forget(back);
        // SAFETY: the caller's promise.
        Ok(unsafe { Self::write(slot, home, value) })
    }

    /// The box of a value in a slot.
    ///
    /// # Safety
    ///
    /// The slot is `home`'s, holds a value, and there is no other box of it.
    #[inline]
    pub(crate) unsafe fn from_slot(value: NonNull<T>, home: &'p H) -> Self {
        Self { value, home, owns: PhantomData }
    }

    /// The value, with its slot free.
    #[inline]
    #[must_use]
    pub fn into_inner(this: Self) -> T {
        let this = ManuallyDrop::new(this);
        let _back = Back(this.value, this.home);
        // SAFETY: the slot holds a value, which is read once: the box is not dropped.
        unsafe { this.value.read() }
    }

    /// The value for as long as the pool is borrowed. Its slot stays used; the pool drops the value
    /// when it is cleared or dropped itself.
    #[inline]
    #[must_use = "the slot is used until the pool is cleared"]
    pub fn leak(this: Self) -> &'p mut T {
        // SAFETY: the slot holds a value, and the only box of it is gone; the pool touches used slots
        // only when it is not borrowed, so after `'p`.
        unsafe { Self::into_raw(this).as_mut() }
    }

    /// The value's address, with the slot left used: for the pool's `from_raw`.
    #[inline]
    #[must_use = "the slot is used until the pool is cleared"]
    pub fn into_raw(this: Self) -> NonNull<T> {
        ManuallyDrop::new(this).value
    }

    /// Pins the value: it does not move until it is dropped.
    ///
    /// A slot is not used again before its value was dropped: by its box or, if the box was forgotten, by
    /// the pool. And the memory of a pool that is forgotten as a whole stays what it is: it is a static, or
    /// a run of a layer that is `'static`. Boxes of other pools cannot be pinned.
    #[inline]
    #[must_use]
    pub fn into_pin(this: Self) -> Pin<Self>
    where
        H: sealed::Keeps<'p>,
    {
        // SAFETY: the value does not move with its box, and is dropped before its slot is used again
        // (above); no method gives `&mut T` to a forgotten value that is not `Unpin`.
        unsafe { Pin::new_unchecked(this) }
    }

    /// The value's address. It stays what it is until the value is gone.
    #[inline]
    #[must_use]
    pub const fn as_ptr(this: &Self) -> NonNull<T> {
        this.value
    }
}

impl<T, A: Layer + 'static> sealed::Keeps<'_> for Pool<T, A> {}
// For no shorter lifetime: a local pool can be forgotten, and its memory goes all the same.
impl<T, const N: usize> sealed::Keeps<'static> for StaticPool<T, N> {}
#[cfg(feature = "critical-section")]
impl<T, const N: usize> sealed::Keeps<'static> for CriticalPool<T, N> {}

impl<T, H: Home<T>> Deref for SlotBox<'_, T, H> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: a box's slot holds a value for as long as the box is there.
        unsafe { self.value.as_ref() }
    }
}

impl<T, H: Home<T>> DerefMut for SlotBox<'_, T, H> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`; there is one box, and it is borrowed exclusively.
        unsafe { self.value.as_mut() }
    }
}

impl<T, H: Home<T>> Drop for SlotBox<'_, T, H> {
    #[inline]
    fn drop(&mut self) {
        let _back = Back(self.value, self.home);
        // SAFETY: the slot holds a value, which nobody uses after this.
        unsafe { self.value.drop_in_place() };
    }
}
