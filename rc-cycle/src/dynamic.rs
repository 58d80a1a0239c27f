//! Trait objects: pointers to them are made from those to values of a known type, and may be turned back.
//!
//! Above: the user. Below: boxes, whose values do not change; one without a record is marked as such. In `target.rs`:
//! which trait objects there are.

use crate::kind::Kind;
use crate::pointer::Pointer;
use crate::target::Target;
use crate::weak::WeakPointer;
use crate::words::words;
use alloc_core::Layer;
use core::any::Any;
use core::ptr::NonNull;

/// What [`unsize!`](crate::unsize) calls.
#[doc(hidden)]
pub trait Unsize: Sized {
    type Value;
    type To<U: ?Sized + Target>;

    /// A pointer of an unsized type: `to` makes its address of the value's.
    ///
    /// # Safety
    ///
    /// `to` is a coercion by the compiler.
    unsafe fn unsize<U: ?Sized + Target>(
        self,
        to: impl FnOnce(*mut Self::Value) -> *mut U,
    ) -> Self::To<U>;
}

/// The address, as one of a trait object.
///
/// # Safety
///
/// `to` is a coercion by the compiler.
unsafe fn coerced<T: Target, U: ?Sized + Target>(
    value: NonNull<T>,
    to: impl FnOnce(*mut T) -> *mut U,
) -> NonNull<U> {
    const { assert!(U::IS_DYN && size_of::<*const U>() > size_of::<usize>()) };
    // SAFETY: the address stays the same.
    unsafe { NonNull::new_unchecked(to(value.as_ptr())) }
}

impl<T: Target, A: Layer + 'static, K: Kind> Unsize for Pointer<T, A, K> {
    type Value = T;
    type To<U: ?Sized + Target> = Pointer<U, A, K>;

    unsafe fn unsize<U: ?Sized + Target>(
        self,
        to: impl FnOnce(*mut T) -> *mut U,
    ) -> Pointer<U, A, K> {
        if !T::MAY_CYCLE {
            K::set_plain(self.words());
        }
        // SAFETY: the caller's; the count is that of the pointer that was given.
        unsafe { Pointer::from_value(coerced(self.into_value(), to)) }
    }
}

impl<T: Target, A: Layer + 'static, K: Kind> Unsize for WeakPointer<T, A, K> {
    type Value = T;
    type To<U: ?Sized + Target> = WeakPointer<U, A, K>;

    unsafe fn unsize<U: ?Sized + Target>(
        self,
        to: impl FnOnce(*mut T) -> *mut U,
    ) -> WeakPointer<U, A, K> {
        let value = self.value();
        if !T::MAY_CYCLE && !self.is_nothing() {
            // SAFETY: the weak count keeps the box.
            K::set_plain(unsafe { words(value.cast()) });
        }
        core::mem::forget(self);
        // SAFETY: the caller's; the count is that of the pointer that was forgotten.
        unsafe { WeakPointer::from_value(coerced(value, to)) }
    }
}

/// Makes a [`Cc`](crate::Cc) or [`Weak`](crate::Weak) of a sized type one of a trait object: `let shape: Cc<dyn Shape> =
/// unsize!(Cc::new(Square(3.0)));`. The compiler says so if it cannot be. For [`target!`](crate::target).
#[macro_export]
macro_rules! unsize {
    ($pointer:expr) => {
        match $pointer {
            // SAFETY: from an address of a sized type to one with more, a cast is a coercion.
            pointer => unsafe { $crate::__Unsize::unsize(pointer, |value| value as *mut _) },
        }
    };
}

/// A method, as std's.
macro_rules! downcast {
    ($($of:ty),+) => {$(
        impl<A: Layer + 'static, K: Kind> Pointer<$of, A, K> {
            /// The pointer as one to a `T`, if the value is one.
            ///
            /// # Errors
            ///
            /// The pointer, if not.
            pub fn downcast<T: Target>(self) -> Result<Pointer<T, A, K>, Self> {
                if (*self).is::<T>() {
                    // SAFETY: it is a `T`; a box without a record is one of a type that needs none.
                    Ok(unsafe { Pointer::from_value(self.into_value().cast()) })
                } else {
                    Err(self)
                }
            }
        }
    )+};
}
downcast!(dyn Any, dyn Any + Send, dyn Any + Send + Sync);
