//! `Gc`, a pointer to a collected object.
//!
//! Above: the user. Below: `object.rs`, and the collector's `allocate`.
//! Not here: slices and tails (`build.rs`), writing (`write.rs`), weak pointers (`weak.rs`).

use super::heap::Brand;
use super::object::{InfoOf, write_header};
use super::{Collector, Mutation, Object, Stored, Trace, Visitor, VisitorMut, Write};
use crate::AllocError;
use core::marker::PhantomData;
use core::ops::{Deref, Range};
use core::ptr::NonNull;

/// A pointer to an object of the heap whose brand is `'gc`.
///
/// It is copied freely, is as large as a reference, and dereferences without a test. What it points
/// at is alive as long as the mutation lasts; and as long as the root leads to it.
///
/// Comparing, hashing and printing look at the value, as with `Rc`. [`Gc::ptr_eq`] and [`Gc::id`]
/// look at the object.
#[repr(transparent)]
pub struct Gc<'gc, T: ?Sized> {
    value: NonNull<T>,
    _brand: Brand<'gc>,
}

impl<T: ?Sized> Clone for Gc<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Gc<'_, T> {}

// SAFETY: no mutation's brand is 'static (`Heap::mutate`), so no such pointer is ever followed. It
// stands for pointers between mutations, when they lie in their heap, and go where it goes.
unsafe impl<T: ?Sized> Send for Gc<'static, T> {}

impl<T: ?Sized> Deref for Gc<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: as in `as_ref`, for a time that is part of the mutation.
        unsafe { self.value.as_ref() }
    }
}

impl<'gc, T: Trace<'gc>> Gc<'gc, T> {
    /// Moves `value` into the heap.
    ///
    /// # Panics
    ///
    /// When there is no memory; see [`try_new`](Gc::try_new).
    #[inline]
    pub fn new<C: Collector>(mc: &Mutation<'gc, C>, value: T) -> Self {
        match Self::try_new(mc, value) {
            Ok(gc) => gc,
            Err(AllocError) => no_memory(),
        }
    }

    /// Moves `value` into the heap.
    ///
    /// # Errors
    ///
    /// When there is no memory. The value is dropped then.
    #[inline]
    pub fn try_new<C: Collector>(mc: &Mutation<'gc, C>, value: T) -> Result<Self, AllocError> {
        mc.admit::<T>();
        let shape = InfoOf::<T, C>::SHAPE;
        // SAFETY: the header is written right below.
        let start = unsafe { mc.shared.collector.allocate(shape) }?;
        // SAFETY: the slot is new and fits the shape of `T` (rule C1); the value lies in it.
        unsafe {
            let object = write_header(start, shape, 0, mc.header(InfoOf::<T, C>::INFO));
            let at = object.value_of::<T>();
            at.write(value);
            Ok(Self::from_value(at))
        }
    }
}

#[cold]
#[inline(never)]
pub(super) fn no_memory() -> ! {
    panic!("the collected heap has no memory for an object");
}

#[cold]
#[inline(never)]
fn no_identity() -> ! {
    panic!("the collected heap has no memory for an identity");
}

impl<'gc, T: ?Sized> Gc<'gc, T> {
    /// # Safety
    ///
    /// `value` points at the value of an object of the brand's heap that is alive, and may be used
    /// to reach all of its slot.
    #[inline(always)]
    pub(super) const unsafe fn from_value(value: NonNull<T>) -> Self {
        Self { value, _brand: PhantomData }
    }

    /// A reference that lasts as long as the mutation.
    #[inline(always)]
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a longer lifetime than AsRef's")]
    pub fn as_ref(self) -> &'gc T
    where
        T: 'gc,
    {
        // SAFETY: the object is alive to the end of the mutation (rule C2), for which the brand
        // stands; changes of what is traced go through cells, after the barrier.
        unsafe { self.value.as_ref() }
    }

    /// The address of the value, now. It may move when the mutation has ended.
    #[inline]
    #[must_use]
    pub fn as_ptr(self) -> *const T {
        self.value.as_ptr()
    }

    /// Whether both point at the same object.
    #[inline]
    #[must_use]
    pub fn ptr_eq(self, other: Self) -> bool {
        self.object() == other.object()
    }

    /// A number that the object keeps as long as it lives, wherever it moves to, and that no other
    /// object of the heap has meanwhile.
    ///
    /// # Panics
    ///
    /// When there is no memory, which a collector that moves objects may need for it; see [`try_id`](Gc::try_id).
    #[inline]
    #[must_use]
    pub fn id<C: Collector>(self, mc: &Mutation<'gc, C>) -> Id {
        match self.try_id(mc) {
            Ok(id) => id,
            Err(AllocError) => no_identity(),
        }
    }

    /// As [`id`](Gc::id).
    ///
    /// ```
    /// # #[cfg(feature = "conformance")] {
    /// # use alloc_core::{gc::{Gc, Heap, Reference, Static}, AllocError};
    /// # let mut heap = Heap::<_, Static<()>>::new(Reference::default(), |_| ());
    /// heap.mutate(|mc, _| {
    ///     let one = Gc::try_new(mc, 1)?;
    ///     assert_ne!(one.try_id(mc)?, Gc::try_new(mc, 1)?.try_id(mc)?);
    ///     Ok::<(), AllocError>(())
    /// })
    /// # .unwrap();
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When there is no memory, which a collector that moves objects may need for an object's first identity.
    #[inline]
    pub fn try_id<C: Collector>(self, mc: &Mutation<'gc, C>) -> Result<Id, AllocError> {
        mc.shared.collector.identity(self.object()).map(Id)
    }

    /// Tells the collector that the object is about to be written to. What is behind [`Write`] may
    /// be changed while the mutation lasts.
    #[inline]
    pub fn write<C: Collector>(self, mc: &Mutation<'gc, C>) -> &'gc Write<T>
    where
        T: 'gc,
    {
        // SAFETY: the object is of this heap (the brand) and alive.
        unsafe { mc.shared.collector.barrier(self.object()) };
        // SAFETY: the barrier was called for the whole object.
        unsafe { Write::assume(self.as_ref()) }
    }

    #[inline(always)]
    pub(super) fn object(self) -> Object {
        // SAFETY: every `Gc` points at an object's value (`from_value`).
        unsafe { Object::of_value(self.value) }
    }

    /// The same kind of pointer to another object, whose value is at `to`.
    ///
    /// # Safety
    ///
    /// The object is of the brand's heap, alive, and its value has this pointer's type and metadata.
    #[inline(always)]
    pub(super) unsafe fn at(mut value: NonNull<T>, to: NonNull<u8>) -> Self {
        // A pointer to an unsized type has its address in its first word: asserted below, for a
        // type that is known the assertion is gone.
        // SAFETY: any pointer is at least one word.
        unsafe { (&raw mut value).cast::<NonNull<u8>>().write(to) };
        assert!(value.cast::<u8>() == to, "a pointer does not begin with its address");
        // SAFETY: the caller's.
        unsafe { Self::from_value(value) }
    }

    pub(super) const fn value(self) -> NonNull<T> {
        self.value
    }

    /// Used by [`unsize!`](crate::unsize).
    ///
    /// # Safety
    ///
    /// `coerce` does nothing but an unsizing coercion.
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn __unsize<U: ?Sized>(self, coerce: impl FnOnce(*mut T) -> *mut U) -> Gc<'gc, U> {
        let value = coerce(self.value.as_ptr());
        // SAFETY: a coercion keeps the address, which is not null, and the object.
        unsafe { Gc::from_value(NonNull::new_unchecked(value)) }
    }
}

impl<'gc, T: ?Sized + Stored> Gc<'gc, T> {
    /// # Safety
    ///
    /// The object is of the brand's heap, of type `T`, and alive.
    #[inline(always)]
    pub(super) unsafe fn from_object(object: Object) -> Self {
        // SAFETY: the caller's.
        unsafe { Self::from_value(T::from_object(object)) }
    }
}

impl<'gc, T> Gc<'gc, [T]> {
    /// [`write`](Gc::write) for one element. Where collections go on beside mutations, the first write to a
    /// whole slice in each collection takes time linear in its length, and this does not.
    ///
    /// ```
    /// # #[cfg(feature = "conformance")] {
    /// # use alloc_core::gc::{Gc, Heap, Lock, Reference, Static};
    /// # let mut heap = Heap::<_, Static<()>>::new(Reference::default(), |_| ());
    /// heap.mutate(|mc, _| {
    ///     let table = Gc::slice(mc, 1_000_000, |_| Lock::new(None));
    ///     table.write_at(mc, 17).set(Some(Gc::new(mc, 4)));
    ///     assert_eq!(table[17].get().as_deref(), Some(&4));
    /// });
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// When there is no such element.
    #[inline]
    #[track_caller]
    pub fn write_at<C: Collector>(self, mc: &Mutation<'gc, C>, index: usize) -> &'gc Write<T>
    where
        T: 'gc,
    {
        let element = &self.as_ref()[index];
        // SAFETY: the object is of this heap (the brand) and alive.
        unsafe { mc.shared.collector.barrier_part(self.object(), index..index + 1) };
        // SAFETY: the barrier was called for this element.
        unsafe { Write::assume(element) }
    }

    /// [`write`](Gc::write) for some elements: see [`write_at`](Gc::write_at).
    ///
    /// # Panics
    ///
    /// When not all of them are there.
    #[inline]
    #[track_caller]
    pub fn write_range<C: Collector>(
        self,
        mc: &Mutation<'gc, C>,
        range: Range<usize>,
    ) -> &'gc Write<[T]>
    where
        T: 'gc,
    {
        let elements = &self.as_ref()[range.clone()];
        // SAFETY: the object is of this heap (the brand) and alive.
        unsafe { mc.shared.collector.barrier_part(self.object(), range) };
        // SAFETY: the barrier was called for these elements.
        unsafe { Write::assume(elements) }
    }
}

/// An object's identity: see [`Gc::id`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id(pub(super) usize);

impl Id {
    /// The identity as a number.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

// SAFETY: the one traced pointer is visited; nothing else is touched; the brand is the trait's.
unsafe impl<'gc, T: ?Sized> Trace<'gc> for Gc<'gc, T> {
    const NEEDS_TRACE: bool = true;
    const HOLDS_COUNTED: bool = false;
    const MAY_CYCLE: bool = false;
    const SENDS: bool = true;

    #[inline(always)]
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        visitor.object(self.object());
    }

    #[inline(always)]
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, visitor: &mut V) {
        let from = self.object();
        let to = visitor.object(from).header();
        let offset = self.value.addr().get() - from.address();
        // SAFETY: the visitor vouches for the object (`VisitorMut`); its value lies as far behind the
        // header as this one's.
        *self = unsafe { Self::at(self.value, to.add(offset)) };
    }
}

/// Turns a `Gc` of a sized type into one of a trait object, on a stable compiler.
///
/// ```
/// # use alloc_core::{gc::{Gc, Heap, Reference, Static}, unsize};
/// # use core::fmt::Display;
/// # let mut heap = Heap::<_, Static<()>>::new(Reference::default(), |_| ());
/// heap.mutate(|mc, _| {
///     let shown: Gc<'_, dyn Display> = unsize!(Gc::new(mc, 7) => dyn Display);
///     assert_eq!(shown.to_string(), "7");
/// });
/// ```
#[macro_export]
macro_rules! unsize {
    ($gc:expr => $to:ty) => {
        match $gc {
            // SAFETY: the closure is nothing but a coercion.
            gc => unsafe { $crate::gc::Gc::__unsize(gc, |value: *mut _| -> *mut $to { value }) },
        }
    };
}

crate::like_its_value! { impl[T: ?Sized] for Gc<'_, T>, where T is the value }
