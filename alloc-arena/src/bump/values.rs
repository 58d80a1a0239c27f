//! Values in a [`Bump`], borrowed for as long as the bump is.
//!
//! Nobody drops them: a value that owns something outside of the bump leaks that.

use super::Bump;
use alloc_core::{AllocError, Allocator, Layer, Layout};
use core::ptr::NonNull;

#[cold]
#[inline(never)]
fn exhausted() -> ! {
    panic!("the layer below the bump has no more memory")
}

#[allow(clippy::mut_from_ref)] // each call borrows memory that no other call ever does
impl<A: Layer> Bump<A> {
    /// Moves `value` into the bump. It is not dropped.
    ///
    /// # Panics
    ///
    /// When the layer below is exhausted.
    #[inline]
    pub fn alloc<T>(&self, value: T) -> &mut T {
        match self.try_alloc(value) {
            Ok(place) => place,
            Err(_) => exhausted(),
        }
    }

    /// Moves `value` into the bump. It is not dropped.
    ///
    /// # Errors
    ///
    /// When the layer below is exhausted; `value` is dropped then.
    #[inline]
    pub fn try_alloc<T>(&self, value: T) -> Result<&mut T, AllocError> {
        let place = self.allocate(Layout::new::<T>())?.cast::<T>();
        // SAFETY: allocated for a `T`, and nobody else's until `self` is reset or dropped, which
        // the borrow prevents.
        unsafe {
            place.write(value);
            Ok(&mut *place.as_ptr())
        }
    }

    /// Copies a slice into the bump.
    ///
    /// # Panics
    ///
    /// When the layer below is exhausted.
    pub fn alloc_slice_copy<T: Copy>(&self, values: &[T]) -> &mut [T] {
        match self.try_alloc_slice_copy(values) {
            Ok(place) => place,
            Err(_) => exhausted(),
        }
    }

    /// Copies a slice into the bump.
    ///
    /// # Errors
    ///
    /// When the layer below is exhausted.
    pub fn try_alloc_slice_copy<T: Copy>(&self, values: &[T]) -> Result<&mut [T], AllocError> {
        let place = self.allocate(Layout::for_value(values))?.cast::<T>();
        // SAFETY: allocated for as many `T`s; apart from `values`, as it is new; nobody else's until
        // `self` is reset or dropped, which the borrow prevents.
        unsafe {
            place.copy_from_nonoverlapping(NonNull::from(values).cast(), values.len());
            Ok(core::slice::from_raw_parts_mut(place.as_ptr(), values.len()))
        }
    }

    /// Copies a string into the bump.
    ///
    /// # Panics
    ///
    /// When the layer below is exhausted.
    pub fn alloc_str(&self, text: &str) -> &mut str {
        let bytes = self.alloc_slice_copy(text.as_bytes());
        // SAFETY: the bytes are a copy of a string's.
        unsafe { core::str::from_utf8_unchecked_mut(bytes) }
    }
}
