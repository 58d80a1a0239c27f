//! `Write`: the proof that the barrier was called, and how it is carried to a field.
//!
//! Above: `lock.rs`, whose cells can be set through a `&Write` only. Below: `Gc::write`, the one
//! way to get one.

use core::fmt;
use core::ops::Deref;

/// A value in an object that may be written to, until the mutation ends.
///
/// `&Write<T>` instead of `&T` says that the barrier was called for the object that contains the
/// value. [`field!`](crate::field) goes from a struct to its field; the methods here go into boxes,
/// options, slices and vectors, which an object owns: so they are part of it. There is no way
/// through a pointer that is shared.
#[repr(transparent)]
pub struct Write<T: ?Sized> {
    /// Keeps other code from making one.
    _made_here: Private,
    #[doc(hidden)]
    pub __value: T,
}

#[derive(Clone, Copy)]
struct Private;

impl<T: ?Sized> Write<T> {
    /// # Safety
    ///
    /// The barrier was called, in this mutation, for the object that `value` is part of.
    #[inline(always)]
    pub(super) const unsafe fn assume(value: &T) -> &Self {
        // SAFETY: it is transparent.
        unsafe { &*(core::ptr::from_ref(value) as *const Self) }
    }

    /// Used by [`field!`](crate::field).
    ///
    /// # Safety
    ///
    /// As for `assume`.
    #[doc(hidden)]
    #[inline(always)]
    pub const unsafe fn __assume(value: &T) -> &Self {
        // SAFETY: the caller's.
        unsafe { Self::assume(value) }
    }
}

impl<T: ?Sized> Deref for Write<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.__value
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Write<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.__value.fmt(f)
    }
}

/// Goes from a struct that may be written to, to a field of it.
///
/// ```
/// # use alloc_core::{field, gc::{Gc, Heap, Lock, Reference, Static, Trace, Visitor, VisitorMut}};
/// struct Pair<'gc> {
///     left: Lock<Option<Gc<'gc, u8>>>,
///     right: Lock<Option<Gc<'gc, u8>>>,
/// }
/// # // SAFETY: both fields are visited.
/// # unsafe impl<'gc> Trace<'gc> for Pair<'gc> {
/// #     fn trace<V: Visitor + ?Sized>(&self, v: &mut V) { self.left.trace(v); self.right.trace(v) }
/// #     fn trace_mut<V: VisitorMut + ?Sized>(&mut self, v: &mut V) { self.left.trace_mut(v); self.right.trace_mut(v) }
/// # }
/// # let mut heap = Heap::<_, Static<()>>::new(Reference::default(), |_| ());
/// heap.mutate(|mc, _| {
///     let pair = Gc::new(mc, Pair { left: Lock::new(None), right: Lock::new(None) });
///     field!(pair.write(mc), Pair, left).set(Some(Gc::new(mc, 1)));
///     assert_eq!(pair.left.get().as_deref(), Some(&1));
/// });
/// ```
///
/// Without the barrier there is no way to set a field:
///
/// ```compile_fail
/// # use alloc_core::gc::*;
/// # let mut heap = Heap::<_, Static<()>>::new(Reference::default(), |_| ());
/// heap.mutate(|mc, _| {
///     let lock = Gc::new(mc, Lock::new(1));
///     Lock::set(&lock, 2);
/// });
/// ```
#[macro_export]
macro_rules! field {
    ($write:expr, $of:path, $field:tt) => {
        match $write {
            $crate::gc::Write { __value: $of { $field: field, .. }, .. } => {
                // SAFETY: a field is part of the object that its struct is part of; `Write` is made
                // after the barrier only, and the pattern follows no pointer but the one to it.
                unsafe { $crate::gc::Write::__assume(field) }
            }
        }
    };
}

/// Goes from an enum that may be written to, to a field of one of its variants; `None` of another variant.
///
/// ```
/// # #[cfg(all(feature = "conformance", feature = "derive"))] {
/// # use alloc_core::{variant, gc::{Gc, Heap, Lock, Reference, Static, Trace}};
/// #[derive(Trace)]
/// enum Value<'gc> {
///     Number(f64),
///     Cell(Lock<Option<Gc<'gc, u8>>>),
/// }
///
/// # let mut heap = Heap::<_, Static<()>>::new(Reference::default(), |_| ());
/// heap.mutate(|mc, _| {
///     let value = Gc::new(mc, Value::Cell(Lock::new(None)));
///     let cell = variant!(value.write(mc), Value::Cell, 0).expect("it is a cell");
///     cell.set(Some(Gc::new(mc, 1)));
///     assert!(variant!(value.write(mc), Value::Number, 0).is_none());
/// });
/// # }
/// ```
#[macro_export]
macro_rules! variant {
    ($write:expr, $of:path, $field:tt) => {
        match $write {
            $crate::gc::Write { __value: $of { $field: field, .. }, .. } => {
                // SAFETY: a variant's field is part of the object that its enum is part of; `Write` is
                // made after the barrier only, and the pattern follows no pointer but the one to it.
                ::core::option::Option::Some(unsafe { $crate::gc::Write::__assume(field) })
            }
            _ => ::core::option::Option::None,
        }
    };
}

impl<T> Write<Option<T>> {
    /// The value inside.
    #[inline]
    pub fn as_write(&self) -> Option<&Write<T>> {
        // SAFETY: the value lies in the option.
        self.__value.as_ref().map(|value| unsafe { Write::assume(value) })
    }
}

impl<T> Write<[T]> {
    /// The element at `index`.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Write<T>> {
        // SAFETY: the element lies in the slice.
        self.__value.get(index).map(|value| unsafe { Write::assume(value) })
    }

    /// Every element.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Write<T>> {
        // SAFETY: as in `get`.
        self.__value.iter().map(|value| unsafe { Write::assume(value) })
    }
}

impl<T> core::ops::Index<usize> for Write<[T]> {
    type Output = Write<T>;

    #[inline]
    fn index(&self, index: usize) -> &Write<T> {
        // SAFETY: the element lies in the slice.
        unsafe { Write::assume(&self.__value[index]) }
    }
}

impl<T, const N: usize> Write<[T; N]> {
    /// The array as a slice.
    #[inline]
    pub const fn as_slice(&self) -> &Write<[T]> {
        // SAFETY: it is the same value.
        unsafe { Write::assume(&self.__value) }
    }
}

#[cfg(feature = "alloc")]
impl<T: ?Sized> Write<alloc::boxed::Box<T>> {
    /// What the box owns.
    #[inline]
    pub const fn as_deref(&self) -> &Write<T> {
        // SAFETY: a box owns its content, which so is part of the object.
        unsafe { Write::assume(&*self.__value) }
    }
}

#[cfg(feature = "alloc")]
impl<T> Write<alloc::vec::Vec<T>> {
    /// The vector's elements.
    #[inline]
    pub const fn as_slice(&self) -> &Write<[T]> {
        // SAFETY: a vector owns its elements, which so are part of the object.
        unsafe { Write::assume(self.__value.as_slice()) }
    }
}
