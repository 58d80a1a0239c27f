//! The pointer: std's API on boxes of either kind.
//!
//! Above: the user, who calls it [`Cc`](crate::Cc) or [`sync::Cc`](crate::sync::Cc). Below: its box. In `weak.rs`: weak
//! pointers, and how they are made. In `slices.rs`: slices and strings. In `traits.rs`: what pointers do because their values do. In
//! `dynamic.rs`: trait objects. In `mutate.rs`: values that are cloned when they are shared.

use crate::grave;
use crate::header::{self, Free, record_of};
use crate::kind::{Admits, Kind};
use crate::target::Target;
use crate::words::{Words, words};
use alloc_core::api2::alloc::Global;
use alloc_core::gc::{Trace, Visitor, VisitorMut};
use alloc_core::{AllocError, Layer, Layout};
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, forget};
use core::ops::Deref;
use core::pin::Pin;
use core::ptr::NonNull;

/// A counted pointer to a value, as std's `Rc` or `Arc`, whose cycles are found and freed: [`Cc`](crate::Cc) and
/// `sync::Cc`.
///
/// # Cycles
///
/// A pointer that is dropped and not the last one leaves a *candidate*, if the value's type can be part of a cycle;
/// [steps](crate#when-cycles-are-freed) look whether candidates are held by each other only.
///
/// # Destructors
///
/// A value whose last pointer goes is dropped at once, as with std's pointers, in their order; what is nested more than
/// 64 deep is dropped when the outermost is done. Of a dead cycle, the values are dropped one after the other, in no
/// order that is promised. None of them can see another: a type that holds pointers cannot implement `Drop` (the derive
/// macro refuses it), what is in it may; and weak pointers to any of them upgrade no more from before the first is
/// dropped. So nothing comes back to life.
///
/// If a destructor unwinds, all other values of its cycle are dropped nonetheless.
pub struct Pointer<T: ?Sized + Target, A: Layer + 'static, K: Kind> {
    value: NonNull<T>,
    /// Invariant in `T`, whose constants say what a box looks like.
    of: PhantomData<(*mut T, A, K)>,
}

// SAFETY: a pointer that many threads count gives what `&T` gives, and may drop the value and the allocator anywhere;
// they are `Send` and `Sync` (`Admits`, for every way to make one).
#[cfg(feature = "std")]
unsafe impl<T: ?Sized + Target, A: Layer + Send + Sync + 'static> Send
    for Pointer<T, A, crate::words::Shared>
where
    T: Send + Sync,
{
}
// SAFETY: the same.
#[cfg(feature = "std")]
unsafe impl<T: ?Sized + Target, A: Layer + Send + Sync + 'static> Sync
    for Pointer<T, A, crate::words::Shared>
where
    T: Send + Sync,
{
}

impl<T: ?Sized + Target, A: Layer + 'static, K: Kind> Pointer<T, A, K> {
    /// # Safety
    ///
    /// `value` is that of a live box of these types, and one of its counts is the new pointer's.
    #[inline(always)]
    pub(crate) const unsafe fn from_value(value: NonNull<T>) -> Self {
        Self { value, of: PhantomData }
    }

    pub(crate) const fn value(&self) -> NonNull<T> {
        self.value
    }

    /// The address that leads to all of the box, and with it the pointer's count.
    pub(crate) const fn into_value(self) -> NonNull<T> {
        let value = self.value;
        forget(self);
        value
    }

    #[inline(always)]
    pub(crate) fn words(&self) -> &Words<K> {
        // SAFETY: the pointer's count keeps the box.
        unsafe { words(self.value.cast()) }
    }

    /// Has the pointer lead to another value, whose count is the pointer's then. Returns the one that it led to, and that
    /// it has no count of any more.
    ///
    /// # Safety
    ///
    /// As for [`from_value`](Self::from_value).
    pub(crate) const unsafe fn replace_value(&mut self, value: NonNull<T>) -> NonNull<T> {
        core::mem::replace(&mut self.value, value)
    }

    /// # Safety
    ///
    /// There is no other pointer, and no weak one, and no step begins at the value.
    pub(crate) unsafe fn value_mut(&mut self) -> &mut T {
        // SAFETY: the caller's.
        unsafe { self.value.as_mut() }
    }

    /// Ends the value.
    ///
    /// # Safety
    ///
    /// There is no pointer any more but this one, whose count is gone.
    #[cold]
    #[inline(never)]
    unsafe fn drop_last(&mut self) {
        // SAFETY: there is no other pointer; the box is there until its weak count is gone.
        unsafe {
            if T::MAY_CYCLE && !(T::IS_DYN && K::is_plain(self.words())) {
                return grave::bury::<K>(self.value.cast());
            }
            let _free = Free::<T, A, K>::of(self.value);
            self.value.drop_in_place();
        }
    }
}

impl<T: ?Sized + Target, A: Layer + 'static, K: Kind> Drop for Pointer<T, A, K> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this pointer's count, once; the last one ends the value.
        unsafe {
            if K::release(self.words(), self.value.cast(), T::MAY_CYCLE) {
                self.drop_last();
            }
        }
    }
}

impl<T: ?Sized + Target, A: Layer + 'static, K: Kind> Clone for Pointer<T, A, K> {
    /// Another pointer to the same value.
    ///
    /// # Aborts
    ///
    /// When there are as many as addresses (and have been forgotten).
    #[inline]
    fn clone(&self) -> Self {
        K::retain(self.words());
        Self { ..*self }
    }
}

impl<T: ?Sized + Target, A: Layer + 'static, K: Kind> Deref for Pointer<T, A, K> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the pointer's count keeps the value.
        unsafe { self.value.as_ref() }
    }
}

// SAFETY: the pointer is shown (T1) where it can be part of a cycle; its type's constants say so (T6). Nothing else is
// touched but the flag whether the box has a record, which does not change while there is a pointer of this type. There
// is no brand (T5), and dropping it does not read through pointers of heaps (T4).
unsafe impl<'gc, T: ?Sized + Target, A: Layer + 'static, K: Kind> Trace<'gc> for Pointer<T, A, K> {
    const NEEDS_TRACE: bool = T::MAY_CYCLE;
    const HOLDS_COUNTED: bool = true;
    const MAY_CYCLE: bool = T::HOLDS_COUNTED;
    const SENDS: bool = K::SENDS;

    #[inline]
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        if T::MAY_CYCLE && visitor.counts() && !(T::IS_DYN && K::is_plain(self.words())) {
            visitor.counted(K::counted(self.value.cast()));
        }
    }

    #[inline]
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, _: &mut V) {}
}

// SAFETY: as the pointer in it.
unsafe impl<'gc, T: ?Sized + Target, A: Layer + 'static, K: Kind> Trace<'gc>
    for Pin<Pointer<T, A, K>>
{
    const NEEDS_TRACE: bool = <Pointer<T, A, K> as Trace<'gc>>::NEEDS_TRACE;
    const HOLDS_COUNTED: bool = <Pointer<T, A, K> as Trace<'gc>>::HOLDS_COUNTED;
    const MAY_CYCLE: bool = <Pointer<T, A, K> as Trace<'gc>>::MAY_CYCLE;
    const SENDS: bool = K::SENDS;

    #[inline]
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        // SAFETY: the same word, which is looked at only: the type is transparent.
        unsafe { &*core::ptr::from_ref(self).cast::<Pointer<T, A, K>>() }.trace(visitor);
    }

    #[inline]
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, _: &mut V) {}
}

/// Says what std's pointers say when there is no memory.
#[cold]
pub(crate) fn no_memory(layout: Layout) -> ! {
    alloc::alloc::handle_alloc_error(layout)
}

/// A new box with this value.
#[inline]
pub(crate) fn boxed<T: Target, A: Layer + 'static, K: Kind>(
    value: T,
    allocator: A,
) -> Result<NonNull<T>, AllocError> {
    let record = if T::MAY_CYCLE { Some(record_of::<T, A>()) } else { None };
    let place = header::allocate::<T, A, K>(allocator, Layout::new::<T>(), record, 0, 1)?;
    // SAFETY: the box is for such a value.
    unsafe { place.cast::<T>().write(value) };
    if let Some(record) = record {
        K::note(place, record, true);
    }
    Ok(place.cast())
}

impl<T: Target, K: Admits<T>> Pointer<T, Global, K> {
    /// A pointer to a new value.
    ///
    /// # Aborts
    ///
    /// When there is no memory ([`handle_alloc_error`](alloc::alloc::handle_alloc_error)).
    #[inline]
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::new_in(value, Global)
    }

    /// A pointer to a new value, if there is memory.
    ///
    /// # Errors
    ///
    /// When there is none; the value is dropped.
    #[inline]
    pub fn try_new(value: T) -> Result<Self, AllocError> {
        Self::try_new_in(value, Global)
    }

    /// A pointer to a new value that does not move.
    ///
    /// # Aborts
    ///
    /// As for [`new`](Self::new).
    #[must_use]
    pub fn pin(value: T) -> Pin<Self> {
        Self::into_pin(Self::new(value))
    }
}

impl<T: Target, A: Layer + 'static, K: Admits<T, A>> Pointer<T, A, K> {
    /// A pointer to a new value in memory of `allocator`, which lives as long as the box: the pointer has one word.
    ///
    /// # Aborts
    ///
    /// When there is no memory.
    #[inline]
    #[must_use]
    pub fn new_in(value: T, allocator: A) -> Self {
        match Self::try_new_in(value, allocator) {
            Ok(pointer) => pointer,
            Err(AllocError) => no_memory(Layout::new::<T>()),
        }
    }

    /// [`new_in`](Self::new_in), if there is memory.
    ///
    /// # Errors
    ///
    /// When there is none; the value is dropped.
    #[inline]
    pub fn try_new_in(value: T, allocator: A) -> Result<Self, AllocError> {
        // SAFETY: the box is new.
        boxed::<T, A, K>(value, allocator).map(|value| unsafe { Self::from_value(value) })
    }

    /// A pointer to a new value that does not move, in memory of `allocator`.
    ///
    /// # Aborts
    ///
    /// When there is no memory.
    #[must_use]
    pub fn pin_in(value: T, allocator: A) -> Pin<Self> {
        Self::into_pin(Self::new_in(value, allocator))
    }
}

impl<T: Target, A: Layer + 'static, K: Kind> Pointer<T, A, K> {
    /// The value, if this is the only pointer; weak pointers upgrade no more then.
    ///
    /// # Errors
    ///
    /// The pointer, if there are others. (A `sync::Cc` may have another one for a moment: the
    /// collecting thread's.)
    pub fn try_unwrap(this: Self) -> Result<T, Self> {
        if !K::take(this.words()) {
            return Err(this);
        }
        let this = ManuallyDrop::new(this);
        // SAFETY: there is no pointer any more, so the value is ours; it was not dropped.
        let value = unsafe { this.value.read() };
        if T::MAY_CYCLE {
            // SAFETY: a sized value of such a type has a record.
            K::note(this.value.cast(), unsafe { header::record(this.value.cast()) }, false);
        }
        // SAFETY: it was all pointers', of which this was the last.
        drop(unsafe { Free::<T, A, K>::of(this.value) });
        Ok(value)
    }

    /// The value, if this is the only pointer; else `None`, and the pointer is dropped.
    #[must_use = "the value is dropped otherwise"]
    pub fn into_inner(this: Self) -> Option<T> {
        Self::try_unwrap(this).ok()
    }

    /// The value, or a clone of it if there are other pointers.
    #[must_use]
    pub fn unwrap_or_clone(this: Self) -> T
    where
        T: Clone,
    {
        Self::try_unwrap(this).unwrap_or_else(|this| (*this).clone())
    }
}

impl<T: ?Sized + Target, A: Layer + 'static, K: Kind> Pointer<T, A, K> {
    /// Whether both point at the same value.
    #[inline]
    #[must_use]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        core::ptr::addr_eq(this.value.as_ptr(), other.value.as_ptr())
    }

    /// The address of the value.
    #[inline]
    #[must_use]
    pub const fn as_ptr(this: &Self) -> *const T {
        this.value.as_ptr()
    }

    /// The address of the value, and with it the pointer's count.
    #[must_use = "the count leaks otherwise"]
    pub fn into_raw(this: Self) -> *const T {
        ManuallyDrop::new(this).value.as_ptr()
    }

    /// [`from_raw`](Pointer::from_raw) for any allocator, which is in the box.
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
            // SAFETY: the caller's.
            Some(value) => unsafe { Self::from_value(value) },
            None => panic!("a null pointer is nobody's"),
        }
    }

    /// [`increment_strong_count`](Pointer::increment_strong_count) for any allocator.
    ///
    /// # Safety
    ///
    /// As there.
    pub unsafe fn increment_strong_count_in(value: *const T) {
        // SAFETY: the caller's; the count that was there stays.
        let this = ManuallyDrop::new(unsafe { Self::from_raw_in(value) });
        forget(Self::clone(&this));
    }

    /// [`decrement_strong_count`](Pointer::decrement_strong_count) for any allocator.
    ///
    /// # Safety
    ///
    /// As there.
    pub unsafe fn decrement_strong_count_in(value: *const T) {
        // SAFETY: the caller's.
        drop(unsafe { Self::from_raw_in(value) });
    }

    /// The number of pointers. (Of a `sync::Cc`, it may have changed since; and the collecting
    /// thread's own are counted.)
    #[inline]
    #[must_use]
    pub fn strong_count(this: &Self) -> usize {
        K::strong(this.words())
    }

    /// The number of weak pointers.
    #[inline]
    #[must_use]
    pub fn weak_count(this: &Self) -> usize {
        K::weak(this.words()) - 1
    }

    /// The value, exclusively, if this is the only pointer, and there is no weak one.
    ///
    /// Steps do not look at the value from now on, until it was shared and a pointer dropped.
    #[inline]
    #[must_use]
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        if K::is_unique(this.words(), T::MAY_CYCLE) {
            // SAFETY: nobody else leads to the value, and no step begins at it.
            Some(unsafe { this.value.as_mut() })
        } else {
            None
        }
    }

    /// The allocator that the box's memory is from.
    #[must_use]
    pub fn allocator(this: &Self) -> &A {
        // SAFETY: it lives as long as the box.
        unsafe {
            let count = header::count_of_words::<T, K>(this.value.cast());
            header::allocator::<T, A>(this.value, count).as_ref()
        }
    }

    /// A new pointer as one to a value that does not move.
    fn into_pin(this: Self) -> Pin<Self> {
        // SAFETY: it is the only pointer, and no weak one is made of a pinned one; so nobody moves the value.
        unsafe { Pin::new_unchecked(this) }
    }
}

/// With the global allocator, as std's, so that it need not be said.
impl<T: ?Sized + Target, K: Kind> Pointer<T, Global, K> {
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

    /// Adds a count to the value that [`into_raw`](Self::into_raw) gave the address of.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw), and there is a pointer.
    pub unsafe fn increment_strong_count(value: *const T) {
        // SAFETY: the caller's.
        unsafe { Self::increment_strong_count_in(value) }
    }

    /// Takes a count from it.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw), and the count is there to be taken.
    pub unsafe fn decrement_strong_count(value: *const T) {
        // SAFETY: the caller's.
        unsafe { Self::decrement_strong_count_in(value) }
    }
}
