//! What boxes do because their values do.
//!
//! Above: the user. Below: the values.
#![forbid(unsafe_code)]

use crate::boxed::{Home, SlotBox};
use core::borrow::{Borrow, BorrowMut};
use core::cmp::Ordering;
use core::error::Error;
use core::fmt;
use core::hash::{Hash, Hasher};

macro_rules! for_boxes {
    ($(impl [$($bound:tt)*] $($what:ident)::+ $(<$of:ident>)? { $($body:tt)* })*) => {$(
        impl<T: $($bound)*, H: Home<T>> $($what)::+ $(<$of>)? for SlotBox<'_, T, H> {
            $($body)*
        }
    )*};
}

for_boxes! {
    impl [fmt::Debug] fmt::Debug {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (**self).fmt(f)
        }
    }
    impl [fmt::Display] fmt::Display {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (**self).fmt(f)
        }
    }
    impl [] fmt::Pointer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt::Pointer::fmt(&Self::as_ptr(self), f)
        }
    }
    impl [PartialEq] PartialEq {
        #[inline]
        fn eq(&self, other: &Self) -> bool {
            **self == **other
        }
    }
    impl [Eq] Eq {}
    impl [PartialOrd] PartialOrd {
        #[inline]
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            (**self).partial_cmp(&**other)
        }
    }
    impl [Ord] Ord {
        #[inline]
        fn cmp(&self, other: &Self) -> Ordering {
            (**self).cmp(&**other)
        }
    }
    impl [Hash] Hash {
        #[inline]
        fn hash<S: Hasher>(&self, state: &mut S) {
            (**self).hash(state);
        }
    }
    impl [] Borrow<T> {
        fn borrow(&self) -> &T {
            self
        }
    }
    impl [] BorrowMut<T> {
        fn borrow_mut(&mut self) -> &mut T {
            self
        }
    }
    impl [] AsRef<T> {
        fn as_ref(&self) -> &T {
            self
        }
    }
    impl [] AsMut<T> {
        fn as_mut(&mut self) -> &mut T {
            self
        }
    }
    impl [Error] Error {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            (**self).source()
        }
    }
    impl [Iterator] Iterator {
        type Item = T::Item;

        #[inline]
        fn next(&mut self) -> Option<T::Item> {
            (**self).next()
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (**self).size_hint()
        }
        fn nth(&mut self, n: usize) -> Option<T::Item> {
            (**self).nth(n)
        }
    }
}

// The box moves, its value does not.
impl<T, H: Home<T>> Unpin for SlotBox<'_, T, H> {}
