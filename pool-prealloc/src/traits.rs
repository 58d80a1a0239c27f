//! What boxes do because their values do.
//!
//! Above: the user. Below: the values.
#![forbid(unsafe_code)]

use crate::boxed::{Home, SlotBox};
use core::borrow::BorrowMut;

alloc_core::like_its_value! { impl[T, H: Home<T>] for SlotBox<'_, T, H>, where T is the value }

impl<T, H: Home<T>> BorrowMut<T> for SlotBox<'_, T, H> {
    fn borrow_mut(&mut self) -> &mut T {
        self
    }
}

impl<T, H: Home<T>> AsMut<T> for SlotBox<'_, T, H> {
    fn as_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: Iterator, H: Home<T>> Iterator for SlotBox<'_, T, H> {
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

// The box moves, its value does not.
impl<T, H: Home<T>> Unpin for SlotBox<'_, T, H> {}
