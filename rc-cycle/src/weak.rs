//! Weak pointers: they keep a box, and not the value.
//!
//! Above: the user, who calls it [`Weak`](crate::Weak) or [`sync::Weak`](crate::sync::Weak). Below: pointers, of which
//! weak ones are made, and which are made of them; the box.

use crate::header::{self, free_box, record_of};
use crate::kind::{Admits, Kind};
use crate::pointer::{Pointer, no_memory};
use crate::target::Target;
use crate::words::words;
use alloc_core::api2::alloc::Global;
use alloc_core::gc::{Trace, Visitor, VisitorMut};
use alloc_core::{Layer, Layout};
use core::fmt;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, forget};
use core::ptr::NonNull;

/// A pointer that does not keep its value, as std's `Weak`.
///
/// It upgrades until the value's last pointer is gone, or the value was found to be part of a dead cycle.
pub struct WeakPointer<T: ?Sized + Target, A: Layer + 'static, K: Kind> {
    value: NonNull<T>,
    /// Invariant in `T`, as `Pointer` is.
    of: PhantomData<(*mut T, A, K)>,
}

/// The address of a weak pointer to nothing.
const NOTHING: usize = usize::MAX;

// SAFETY: as for `Pointer`, which it gives.
#[cfg(feature = "std")]
unsafe impl<T: ?Sized + Target, A: Layer + Send + Sync + 'static> Send
    for WeakPointer<T, A, crate::words::Shared>
where
    T: Send + Sync,
{
}
// SAFETY: the same.
#[cfg(feature = "std")]
unsafe impl<T: ?Sized + Target, A: Layer + Send + Sync + 'static> Sync
    for WeakPointer<T, A, crate::words::Shared>
where
    T: Send + Sync,
{
}

impl<T: Target, A: Layer + 'static, K: Kind> WeakPointer<T, A, K> {
    /// A weak pointer to nothing: it takes no memory, and never upgrades.
    #[must_use]
    pub const fn new() -> Self {
        let nothing = core::ptr::without_provenance_mut(NOTHING);
        // SAFETY: the address is not 0.
        Self { value: unsafe { NonNull::new_unchecked(nothing) }, of: PhantomData }
    }
}

impl<T: ?Sized + Target, A: Layer + 'static, K: Kind> WeakPointer<T, A, K> {
    /// # Safety
    ///
    /// `value` is that of a box of these types, and one of its weak counts is the new pointer's.
    pub(crate) const unsafe fn from_value(value: NonNull<T>) -> Self {
        Self { value, of: PhantomData }
    }

    pub(crate) const fn value(&self) -> NonNull<T> {
        self.value
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.value.cast::<u8>().addr().get() == NOTHING
    }

    /// A pointer to the value, if that is alive.
    #[must_use]
    pub fn upgrade(&self) -> Option<Pointer<T, A, K>> {
        // SAFETY: the weak count keeps the box; the count that was added is the new pointer's.
        unsafe {
            (!self.is_nothing() && K::upgrade(words(self.value.cast())))
                .then(|| Pointer::from_value(self.value))
        }
    }

    /// The number of pointers to the value; 0 if it is gone.
    #[must_use]
    pub fn strong_count(&self) -> usize {
        // SAFETY: as in `upgrade`.
        if self.is_nothing() { 0 } else { K::strong(unsafe { words(self.value.cast()) }) }
    }

    /// The number of weak pointers to the value; 0 if it is gone.
    #[must_use]
    pub fn weak_count(&self) -> usize {
        if self.strong_count() == 0 {
            return 0;
        }
        // SAFETY: as in `upgrade`.
        K::weak(unsafe { words::<K>(self.value.cast()) }).saturating_sub(1)
    }

    /// Whether both are of the same box, or both of none.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        core::ptr::addr_eq(self.value.as_ptr(), other.value.as_ptr())
    }

    /// The address of the value, which may be gone.
    #[must_use]
    pub const fn as_ptr(&self) -> *const T {
        self.value.as_ptr()
    }

    /// The address of the value, and with it the pointer's weak count.
    #[must_use = "the count leaks otherwise"]
    pub fn into_raw(self) -> *const T {
        ManuallyDrop::new(self).value.as_ptr()
    }

    /// [`from_raw`](WeakPointer::from_raw) for any allocator, which is in the box.
    ///
    /// # Safety
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// If `value` is null.
    #[must_use]
    pub unsafe fn from_raw_in(value: *const T) -> Self {
        match NonNull::new(value.cast_mut()) {
            Some(value) => Self { value, of: PhantomData },
            None => panic!("a null pointer is nobody's"),
        }
    }
}

impl<T: ?Sized + Target, K: Kind> WeakPointer<T, Global, K> {
    /// The pointer that [`into_raw`](Self::into_raw) was given.
    ///
    /// # Safety
    ///
    /// It came from there, of the same types, and is not used again as such.
    ///
    /// # Panics
    ///
    /// If `value` is null.
    #[must_use]
    pub unsafe fn from_raw(value: *const T) -> Self {
        // SAFETY: the caller's.
        unsafe { Self::from_raw_in(value) }
    }
}

impl<T: Target, K: Admits<T>> Pointer<T, Global, K> {
    /// A pointer to a value that is made with a weak pointer to itself, which upgrades when this has returned.
    ///
    /// ```
    /// use alloc_core::gc::Trace;
    /// use rc_cycle::{Cc, Weak};
    ///
    /// #[derive(Trace)]
    /// struct Knows(Weak<Knows>);
    ///
    /// let knows = Cc::new_cyclic(|me| Knows(me.clone()));
    /// assert!(Cc::ptr_eq(&knows, &knows.0.upgrade().unwrap()));
    /// ```
    ///
    /// # Aborts
    ///
    /// As for [`new`](Pointer::new).
    pub fn new_cyclic(make: impl FnOnce(&WeakPointer<T, Global, K>) -> T) -> Self {
        Self::new_cyclic_in(make, Global)
    }
}

impl<T: Target, A: Layer + 'static, K: Admits<T, A>> Pointer<T, A, K> {
    /// [`new_cyclic`](Pointer::new_cyclic) in memory of `allocator`.
    ///
    /// # Aborts
    ///
    /// When there is no memory.
    pub fn new_cyclic_in(make: impl FnOnce(&WeakPointer<T, A, K>) -> T, allocator: A) -> Self {
        let record = if T::MAY_CYCLE { Some(record_of::<T, A>()) } else { None };
        let layout = Layout::new::<T>();
        let Ok(place) = header::allocate::<T, A, K>(allocator, layout, record, 0, 0) else {
            no_memory(layout)
        };
        // SAFETY: the weak count of the pointers that are to come is this one's meanwhile.
        let weak = unsafe { WeakPointer::<T, A, K>::from_value(place.cast()) };
        let value = make(&weak);
        // SAFETY: nobody has looked at the place, as there was no pointer; from now on there is.
        unsafe {
            place.cast::<T>().write(value);
            K::publish(words(place));
        }
        forget(weak);
        if let Some(record) = record {
            K::note(place, record, true);
        }
        // SAFETY: the count that was published.
        unsafe { Self::from_value(place.cast()) }
    }
}

impl<T: ?Sized + Target, A: Layer + 'static, K: Kind> Pointer<T, A, K> {
    /// A weak pointer, which does not keep the value.
    #[inline]
    #[must_use]
    pub fn downgrade(this: &Self) -> WeakPointer<T, A, K> {
        K::retain_weak(this.words());
        // SAFETY: the count that was added.
        unsafe { WeakPointer::from_value(this.value()) }
    }
}

impl<T: ?Sized + Target, A: Layer + 'static, K: Kind> Clone for WeakPointer<T, A, K> {
    #[inline]
    fn clone(&self) -> Self {
        if !self.is_nothing() {
            // SAFETY: the weak count keeps the box.
            K::retain_weak(unsafe { words(self.value.cast()) });
        }
        Self { ..*self }
    }
}

impl<T: ?Sized + Target, A: Layer + 'static, K: Kind> Drop for WeakPointer<T, A, K> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this pointer's count, once.
        unsafe {
            if !self.is_nothing() && K::release_weak(words(self.value.cast())) {
                free_box::<T, A, K>(self.value);
            }
        }
    }
}

impl<T: Target, A: Layer + 'static, K: Kind> Default for WeakPointer<T, A, K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: ?Sized + Target, A: Layer + 'static, K: Kind> fmt::Debug for WeakPointer<T, A, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(Weak)")
    }
}

// SAFETY: a weak pointer keeps no value, so none can be part of a cycle by it: there is nothing to show.
unsafe impl<'gc, T: ?Sized + Target, A: Layer + 'static, K: Kind> Trace<'gc>
    for WeakPointer<T, A, K>
{
    const NEEDS_TRACE: bool = false;
    const HOLDS_COUNTED: bool = false;
    const MAY_CYCLE: bool = false;
    const SENDS: bool = K::SENDS;

    #[inline]
    fn trace<V: Visitor + ?Sized>(&self, _: &mut V) {}
    #[inline]
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, _: &mut V) {}
}
