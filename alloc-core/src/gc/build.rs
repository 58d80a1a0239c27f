//! Objects with a length: slices, strings, and headers with a tail.
//!
//! Above: the user. Below: `object.rs`. The slot is taken first and filled in place. Until it is
//! full its header says that there is nothing in it, and only then there is a `Gc` to it.

use super::object::{InfoOf, WithTail, write_header};
use super::{Collector, Gc, Mutation, Object, Shape, Stored, Trace, Visitor, VisitorMut};
use crate::AllocError;
use core::ptr::NonNull;

/// Takes a slot for `length` elements; if it is `PINNED`, in a place where the object stays.
fn take<'gc, T: ?Sized + Stored + Trace<'gc>, C: Collector, const PINNED: bool>(
    mc: &Mutation<'gc, C>,
    length: usize,
) -> Result<Object, AllocError> {
    let fixed: Shape = InfoOf::<T, C>::SHAPE;
    let shape = fixed.with_elements(length, T::ELEMENT_BYTES).ok_or(AllocError)?;
    mc.admit::<T>();
    // SAFETY: the header is written at once; the slot is new and fits the shape (rule C1).
    unsafe {
        let collector = &mc.shared.collector;
        let start =
            if PINNED { collector.allocate_pinned(shape) } else { collector.allocate(shape) };
        Ok(write_header(start?, shape, length, mc.header(InfoOf::<T, C>::UNFINISHED)))
    }
}

/// Says that an object's value is there now.
///
/// # Safety
///
/// It is, and `take` gave the object for the same type, `PINNED` or not.
unsafe fn finish<'gc, T: ?Sized + Stored + Trace<'gc>, C: Collector, const PINNED: bool>(
    mc: &Mutation<'gc, C>,
    object: Object,
) -> Gc<'gc, T> {
    // SAFETY: nobody else has seen the object yet.
    unsafe {
        object.header().cast().write(mc.header(InfoOf::<T, C>::INFO));
        if PINNED {
            mc.shared.collector.pin(object);
        }
        Gc::from_object(object)
    }
}

/// Elements that were written already, and are dropped if the next one panics.
struct Filled<T> {
    first: NonNull<T>,
    length: usize,
}

impl<T> Filled<T> {
    /// # Safety
    ///
    /// There is room for `length` elements at `first`.
    unsafe fn fill(first: NonNull<T>, length: usize, mut element: impl FnMut(usize) -> T) -> Self {
        let mut filled = Self { first, length: 0 };
        for index in 0..length {
            let element = element(index);
            // SAFETY: the caller vouches for the room.
            unsafe { first.add(index).write(element) };
            filled.length += 1;
        }
        filled
    }
}

impl<T> Drop for Filled<T> {
    fn drop(&mut self) {
        // SAFETY: that many were written.
        unsafe { NonNull::slice_from_raw_parts(self.first, self.length).drop_in_place() }
    }
}

/// A slice of `length` elements; `element` makes each from its index.
pub(super) fn slice<'gc, T: Trace<'gc>, C: Collector, const PINNED: bool>(
    mc: &Mutation<'gc, C>,
    length: usize,
    element: impl FnMut(usize) -> T,
) -> Result<Gc<'gc, [T]>, AllocError> {
    let object = take::<[T], C, PINNED>(mc, length)?;
    // SAFETY: the slot has room for the elements, and then they are there.
    unsafe {
        let filled = Filled::<T>::fill(object.value_of(), length, element);
        core::mem::forget(filled);
        Ok(finish::<[T], C, PINNED>(mc, object))
    }
}

/// A copy of a string.
pub(super) fn text<'gc, C: Collector, const PINNED: bool>(
    mc: &Mutation<'gc, C>,
    text: &str,
) -> Result<Gc<'gc, str>, AllocError> {
    let object = take::<str, C, PINNED>(mc, text.len())?;
    // SAFETY: the slot has room for the text, and then it is there.
    unsafe {
        object.value_of::<u8>().copy_from_nonoverlapping(NonNull::from(text).cast(), text.len());
        Ok(finish::<str, C, PINNED>(mc, object))
    }
}

impl<'gc, T: Trace<'gc>> Gc<'gc, [T]> {
    /// A slice of `length` elements; `element` makes each from its index.
    ///
    /// # Panics
    ///
    /// When there is no memory; see [`try_slice`](Gc::try_slice). When `element` does: the elements
    /// that are there already are dropped then.
    pub fn slice<C: Collector>(
        mc: &Mutation<'gc, C>,
        length: usize,
        element: impl FnMut(usize) -> T,
    ) -> Self {
        match Self::try_slice(mc, length, element) {
            Ok(slice) => slice,
            Err(AllocError) => super::gc::no_memory(),
        }
    }

    /// A slice of `length` elements; `element` makes each from its index.
    ///
    /// # Errors
    ///
    /// When there is no memory, before any element is made.
    pub fn try_slice<C: Collector>(
        mc: &Mutation<'gc, C>,
        length: usize,
        element: impl FnMut(usize) -> T,
    ) -> Result<Self, AllocError> {
        slice::<T, C, false>(mc, length, element)
    }

    /// A copy of a slice.
    ///
    /// # Panics
    ///
    /// When there is no memory.
    pub fn slice_of<C: Collector>(mc: &Mutation<'gc, C>, of: &[T]) -> Self
    where
        T: Copy,
    {
        Self::slice(mc, of.len(), |index| of[index])
    }
}

impl<'gc> Gc<'gc, str> {
    /// A copy of a string.
    ///
    /// # Panics
    ///
    /// When there is no memory; see [`try_str`](Gc::try_str).
    pub fn str<C: Collector>(mc: &Mutation<'gc, C>, text: &str) -> Self {
        match Self::try_str(mc, text) {
            Ok(text) => text,
            Err(AllocError) => super::gc::no_memory(),
        }
    }

    /// A copy of a string.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn try_str<C: Collector>(mc: &Mutation<'gc, C>, text: &str) -> Result<Self, AllocError> {
        self::text::<C, false>(mc, text)
    }
}

impl<'gc, H: Trace<'gc>, T: Trace<'gc>> Gc<'gc, WithTail<H, [T]>> {
    /// A header, and a tail of `length` elements behind it in the same object; `element` makes each
    /// from its index.
    ///
    /// # Panics
    ///
    /// When there is no memory. When `element` does: the elements that are there already, and the
    /// header, are dropped then.
    pub fn with_tail<C: Collector>(
        mc: &Mutation<'gc, C>,
        head: H,
        length: usize,
        element: impl FnMut(usize) -> T,
    ) -> Self {
        match Self::try_with_tail(mc, head, length, element) {
            Ok(object) => object,
            Err(AllocError) => super::gc::no_memory(),
        }
    }

    /// As [`with_tail`](Gc::with_tail).
    ///
    /// # Errors
    ///
    /// When there is no memory, before any element is made. The header is dropped then.
    pub fn try_with_tail<C: Collector>(
        mc: &Mutation<'gc, C>,
        head: H,
        length: usize,
        element: impl FnMut(usize) -> T,
    ) -> Result<Self, AllocError> {
        let object = take::<WithTail<H, [T]>, C, false>(mc, length)?;
        // SAFETY: the slot has room for head and tail; the head is moved in last, so it is dropped as
        // this function's own if an element panics.
        unsafe {
            let value = WithTail::<H, [T]>::from_object(object).as_ptr();
            let tail = NonNull::new_unchecked((&raw mut (*value).tail).cast::<T>());
            let filled = Filled::fill(tail, length, element);
            (&raw mut (*value).head).write(head);
            core::mem::forget(filled);
            Ok(finish::<WithTail<H, [T]>, C, false>(mc, object))
        }
    }
}

// SAFETY: head and tail are visited.
unsafe impl<'gc, H: Trace<'gc>, T: ?Sized + Trace<'gc>> Trace<'gc> for WithTail<H, T> {
    const NEEDS_TRACE: bool = H::NEEDS_TRACE || T::NEEDS_TRACE;
    const HOLDS_COUNTED: bool = H::HOLDS_COUNTED || T::HOLDS_COUNTED;
    const MAY_CYCLE: bool = H::MAY_CYCLE || T::MAY_CYCLE;
    const SENDS: bool = H::SENDS && T::SENDS;

    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        self.head.trace(visitor);
        self.tail.trace(visitor);
    }

    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, visitor: &mut V) {
        self.head.trace_mut(visitor);
        self.tail.trace_mut(visitor);
    }
}
