//! Values in memory that grows at one end: what [`Bump`](crate::Bump), [`DropBump`](crate::DropBump),
//! [`Frame`](crate::Frame) and a herd's [`Member`](crate::Member) offer alike.
//!
//! [`values!`] writes the methods, once for all of them; [`Put`] says what differs. In `put.rs` and `grown.rs`: how it
//! is done. In `text.rs`: a string that grows.
//! Not here: whether values are dropped, and how long they live. That is for the type that offers the methods.

mod grown;
mod put;
#[cfg(feature = "alloc")]
mod text;

pub(crate) use grown::{collected, formatted};
pub(crate) use put::{
    copy, exhausted, made, made_slice, or_exhausted, uninit, uninit_slice, value,
};
#[cfg(feature = "alloc")]
pub use text::Text;

use crate::lifo::Lifo;
use alloc_core::AllocError;

/// Where values go, and what becomes of them. A value is borrowed for `'v`.
///
/// # Safety
///
/// What is allocated in `memory` stays there at least until `'v` is over.
pub(crate) unsafe trait Put<'v> {
    /// What they lie in.
    type Memory: Lifo;

    /// What they lie in.
    fn memory(&self) -> &Self::Memory;

    /// Moves a value in.
    #[inline(always)]
    fn put<T>(&self, value: T) -> Result<&'v mut T, AllocError> {
        // SAFETY: the memory outlives `'v` (the trait's promise).
        unsafe { self::value(self.memory(), value) }.map_err(|_| AllocError)
    }

    /// Makes a value in place.
    #[inline(always)]
    fn make<T, E>(
        &self,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Result<&'v mut T, E>, AllocError> {
        // SAFETY: as above.
        unsafe { made(self.memory(), make) }
    }

    /// Takes note of values that have just been put in.
    ///
    /// # Errors
    ///
    /// When there is no memory for the note; the values are dropped then.
    #[inline(always)]
    fn note<T>(&self, values: &'v mut [T]) -> Result<&'v mut [T], AllocError> {
        Ok(values)
    }
}

/// Writes the methods that put values into a type that is [`Put`]: values that live at least for `'bound`, borrowed for
/// `'v`, by methods that have that lifetime `of self` where it is the length of the call's own borrow.
macro_rules! values {
    (impl[$($generics:tt)*] $type:ty, values: $bound:lifetime, borrowed: $v:lifetime $(of self: $m:lifetime)?) => {
        #[allow(clippy::mut_from_ref)] // each call borrows memory that no other call ever does
        #[allow(clippy::needless_lifetimes)]
        impl<$($generics)*> $type {
            /// Moves `value` in.
            ///
            /// # Panics
            ///
            /// When there is no more memory; `value` is dropped then.
            #[inline(always)]
            #[track_caller]
            pub fn alloc<$($m,)? T: $bound>(
                &$($m)? self,
                value: T,
            ) -> &$v mut T {
                $crate::values::or_exhausted(self.try_alloc(value))
            }

            /// Moves `value` in.
            ///
            /// # Errors
            ///
            /// When there is no more memory; `value` is dropped then.
            #[inline(always)]
            pub fn try_alloc<$($m,)? T: $bound>(
                &$($m)? self,
                value: T,
            ) -> Result<&$v mut T, AllocError> {
                self.put(value)
            }

            /// Makes a value in place, without a detour over the stack where the compiler can help it. It may allocate
            /// here, too.
            ///
            /// # Panics
            ///
            /// When there is no more memory.
            #[inline(always)]
            #[track_caller]
            pub fn alloc_with<$($m,)? T: $bound>(
                &$($m)? self,
                make: impl FnOnce() -> T,
            ) -> &$v mut T {
                $crate::values::or_exhausted(self.try_alloc_with(make))
            }

            /// Makes a value in place, without a detour over the stack where the compiler can help it. It may allocate
            /// here, too.
            ///
            /// # Errors
            ///
            /// When there is no more memory.
            #[inline(always)]
            pub fn try_alloc_with<$($m,)? T: $bound>(
                &$($m)? self,
                make: impl FnOnce() -> T,
            ) -> Result<&$v mut T, AllocError> {
                let Ok(value) = self.make(|| Ok::<T, Infallible>(make()))?;
                Ok(value)
            }

            /// Makes a value in place, if it can be made. Else its memory comes back, unless `make` allocated here.
            ///
            /// # Errors
            ///
            /// What `make` returns.
            ///
            /// # Panics
            ///
            /// When there is no more memory.
            #[inline(always)]
            #[track_caller]
            pub fn alloc_try_with<$($m,)? T: $bound, E>(
                &$($m)? self,
                make: impl FnOnce() -> Result<T, E>,
            ) -> Result<&$v mut T, E> {
                $crate::values::or_exhausted(self.make(make))
            }

            /// Copies a slice in.
            ///
            /// # Panics
            ///
            /// When there is no more memory.
            #[inline]
            #[track_caller]
            pub fn alloc_slice_copy<$($m,)? T: Copy + $bound>(
                &$($m)? self,
                values: &[T],
            ) -> &$v mut [T] {
                $crate::values::or_exhausted(self.try_alloc_slice_copy(values))
            }

            /// Copies a slice in.
            ///
            /// # Errors
            ///
            /// When there is no more memory.
            #[inline]
            pub fn try_alloc_slice_copy<$($m,)? T: Copy + $bound>(
                &$($m)? self,
                values: &[T],
            ) -> Result<&$v mut [T], AllocError> {
                // SAFETY: the memory outlives `$v` (`Put`).
                unsafe { $crate::values::copy(self.memory(), values) }
            }

            /// Clones the values of a slice.
            ///
            /// # Panics
            ///
            /// When there is no more memory.
            #[inline]
            #[track_caller]
            pub fn alloc_slice_clone<$($m,)? T: Clone + $bound>(
                &$($m)? self,
                values: &[T],
            ) -> &$v mut [T] {
                $crate::values::or_exhausted(self.try_alloc_slice_clone(values))
            }

            /// Clones the values of a slice.
            ///
            /// # Errors
            ///
            /// When there is no more memory.
            #[inline]
            pub fn try_alloc_slice_clone<$($m,)? T: Clone + $bound>(
                &$($m)? self,
                values: &[T],
            ) -> Result<&$v mut [T], AllocError> {
                self.try_alloc_slice_with(values.len(), |at| values[at].clone())
            }

            /// Fills a slice with clones of `value`.
            ///
            /// # Panics
            ///
            /// When there is no more memory.
            #[inline]
            #[track_caller]
            pub fn alloc_slice_fill<$($m,)? T: Clone + $bound>(
                &$($m)? self,
                len: usize,
                value: &T,
            ) -> &$v mut [T] {
                $crate::values::or_exhausted(self.try_alloc_slice_fill(len, value))
            }

            /// Fills a slice with clones of `value`.
            ///
            /// # Errors
            ///
            /// When there is no more memory.
            #[inline]
            pub fn try_alloc_slice_fill<$($m,)? T: Clone + $bound>(
                &$($m)? self,
                len: usize,
                value: &T,
            ) -> Result<&$v mut [T], AllocError> {
                self.try_alloc_slice_with(len, |_| value.clone())
            }

            /// Fills a slice with default values.
            ///
            /// # Panics
            ///
            /// When there is no more memory.
            #[inline]
            #[track_caller]
            pub fn alloc_slice_default<$($m,)? T: Default + $bound>(
                &$($m)? self,
                len: usize,
            ) -> &$v mut [T] {
                $crate::values::or_exhausted(self.try_alloc_slice_default(len))
            }

            /// Fills a slice with default values.
            ///
            /// # Errors
            ///
            /// When there is no more memory.
            #[inline]
            pub fn try_alloc_slice_default<$($m,)? T: Default + $bound>(
                &$($m)? self,
                len: usize,
            ) -> Result<&$v mut [T], AllocError> {
                self.try_alloc_slice_with(len, |_| T::default())
            }

            /// Fills a slice with what `make` returns for each index, in order.
            ///
            /// If `make` panics, the values so far are dropped.
            ///
            /// # Panics
            ///
            /// When there is no more memory.
            #[inline]
            #[track_caller]
            pub fn alloc_slice_with<$($m,)? T: $bound>(
                &$($m)? self,
                len: usize,
                make: impl FnMut(usize) -> T,
            ) -> &$v mut [T] {
                $crate::values::or_exhausted(self.try_alloc_slice_with(len, make))
            }

            /// Fills a slice with what `make` returns for each index, in order.
            ///
            /// # Errors
            ///
            /// When there is no more memory.
            #[inline]
            pub fn try_alloc_slice_with<$($m,)? T: $bound>(
                &$($m)? self,
                len: usize,
                make: impl FnMut(usize) -> T,
            ) -> Result<&$v mut [T], AllocError> {
                // SAFETY: the memory outlives `$v` (`Put`).
                let values = unsafe { $crate::values::made_slice(self.memory(), len, make)? };
                self.note(values)
            }

            /// Moves what an iterator gives in. It may be of unknown length: the slice grows in place, if the iterator
            /// allocates nothing here meanwhile.
            ///
            /// # Panics
            ///
            /// When there is no more memory.
            #[inline]
            #[track_caller]
            pub fn alloc_iter<$($m,)? T: $bound>(
                &$($m)? self,
                values: impl IntoIterator<Item = T>,
            ) -> &$v mut [T] {
                $crate::values::or_exhausted(self.try_alloc_iter(values))
            }

            /// Moves what an iterator gives in. It may be of unknown length: the slice grows in place, if the iterator
            /// allocates nothing here meanwhile.
            ///
            /// # Errors
            ///
            /// When there is no more memory; the values so far are dropped then.
            #[inline]
            pub fn try_alloc_iter<$($m,)? T: $bound>(
                &$($m)? self,
                values: impl IntoIterator<Item = T>,
            ) -> Result<&$v mut [T], AllocError> {
                // SAFETY: the memory outlives `$v` (`Put`).
                let values = unsafe { $crate::values::collected(self.memory(), values)? };
                self.note(values)
            }

            /// Copies a string in.
            ///
            /// # Panics
            ///
            /// When there is no more memory.
            #[inline]
            #[track_caller]
            pub fn alloc_str<$($m)?>(
                &$($m)? self,
                text: &str,
            ) -> &$v mut str {
                $crate::values::or_exhausted(self.try_alloc_str(text))
            }

            /// Copies a string in.
            ///
            /// # Errors
            ///
            /// When there is no more memory.
            #[inline]
            pub fn try_alloc_str<$($m)?>(
                &$($m)? self,
                text: &str,
            ) -> Result<&$v mut str, AllocError> {
                let bytes = self.try_alloc_slice_copy(text.as_bytes())?;
                // SAFETY: the bytes are a copy of a string's.
                Ok(unsafe { core::str::from_utf8_unchecked_mut(bytes) })
            }

            /// Formats text: `alloc_fmt(format_args!("{a} and {b}"))`.
            ///
            /// # Panics
            ///
            /// When there is no more memory, or an implementation of a formatting trait fails, as in `format!`.
            #[inline]
            #[track_caller]
            pub fn alloc_fmt<$($m)?>(
                &$($m)? self,
                text: core::fmt::Arguments<'_>,
            ) -> &$v mut str {
                $crate::values::or_exhausted(self.try_alloc_fmt(text))
            }

            /// Formats text: `alloc_fmt(format_args!("{a} and {b}"))`.
            ///
            /// # Errors
            ///
            /// When there is no more memory.
            #[inline]
            pub fn try_alloc_fmt<$($m)?>(
                &$($m)? self,
                text: core::fmt::Arguments<'_>,
            ) -> Result<&$v mut str, AllocError> {
                // SAFETY: the memory outlives `$v` (`Put`).
                unsafe { $crate::values::formatted(self.memory(), text) }
            }

            /// Memory for a value that is written later. It is not dropped.
            ///
            /// # Panics
            ///
            /// When there is no more memory.
            #[inline]
            #[track_caller]
            pub fn alloc_uninit<$($m,)? T: $bound>(&$($m)? self) -> &$v mut MaybeUninit<T> {
                $crate::values::or_exhausted(self.try_alloc_uninit())
            }

            /// Memory for a value that is written later. It is not dropped.
            ///
            /// # Errors
            ///
            /// When there is no more memory.
            #[inline]
            pub fn try_alloc_uninit<$($m,)? T: $bound>(&$($m)? self) -> Result<&$v mut MaybeUninit<T>, AllocError> {
                // SAFETY: the memory outlives `$v` (`Put`).
                unsafe { $crate::values::uninit(self.memory()) }
            }

            /// Memory for `len` values that are written later. They are not dropped.
            ///
            /// # Panics
            ///
            /// When there is no more memory.
            #[inline]
            #[track_caller]
            pub fn alloc_slice_uninit<$($m,)? T: $bound>(
                &$($m)? self,
                len: usize,
            ) -> &$v mut [MaybeUninit<T>] {
                $crate::values::or_exhausted(self.try_alloc_slice_uninit(len))
            }

            /// Memory for `len` values that are written later. They are not dropped.
            ///
            /// # Errors
            ///
            /// When there is no more memory.
            #[inline]
            pub fn try_alloc_slice_uninit<$($m,)? T: $bound>(
                &$($m)? self,
                len: usize,
            ) -> Result<&$v mut [MaybeUninit<T>], AllocError> {
                // SAFETY: the memory outlives `$v` (`Put`).
                unsafe { $crate::values::uninit_slice(self.memory(), len) }
            }
        }
    };
}
pub(crate) use values;

/// Writes the methods that begin a collection by reference to a type that is an allocator.
macro_rules! collections {
    (impl[$($generics:tt)*] $type:ty, of $name:literal) => {
        #[cfg(any(feature = "alloc", feature = "hashbrown"))]
        impl<$($generics)*> $type {
            #[doc = concat!("An empty vector in the ", $name, ". It grows in place so long as it is the last object. \
                Where there is no more memory it ends as other vectors do, unless it is asked by `try_reserve`.")]
            #[cfg(feature = "alloc")]
            #[must_use]
            pub const fn vec<T>(&self) -> alloc_core::api2::vec::Vec<T, &Self> {
                alloc_core::api2::vec::Vec::new_in(self)
            }

            #[doc = concat!("An empty vector in the ", $name, ", with room for so many values.")]
            #[cfg(feature = "alloc")]
            #[must_use]
            pub fn vec_with_capacity<T>(
                &self,
                values: usize,
            ) -> alloc_core::api2::vec::Vec<T, &Self> {
                alloc_core::api2::vec::Vec::with_capacity_in(values, self)
            }

            #[doc = concat!("A value in the ", $name, ", which is dropped with its box.")]
            #[cfg(feature = "alloc")]
            #[must_use]
            pub fn boxed<T>(&self, value: T) -> alloc_core::api2::boxed::Box<T, &Self> {
                alloc_core::api2::boxed::Box::new_in(value, self)
            }

            #[doc = concat!("An empty string in the ", $name, ". It grows in place so long as it is the last object. \
                [`Text::new_in`](crate::Text::new_in) makes one over any allocator.")]
            #[cfg(feature = "alloc")]
            #[must_use]
            pub const fn text(&self) -> $crate::Text<&Self> {
                $crate::Text::new_in(self)
            }

            #[doc = concat!("An empty hash map in the ", $name, ", with hashbrown's own hasher.")]
            #[cfg(feature = "hashbrown")]
            #[must_use]
            pub fn map<K, V>(
                &self,
            ) -> hashbrown::HashMap<K, V, hashbrown::DefaultHashBuilder, &Self> {
                hashbrown::HashMap::new_in(self)
            }

            #[doc = concat!("An empty hash set in the ", $name, ", with hashbrown's own hasher.")]
            #[cfg(feature = "hashbrown")]
            #[must_use]
            pub fn set<T: core::hash::Hash + Eq>(&self) -> hashbrown::HashSet<T, hashbrown::DefaultHashBuilder, &Self> {
                hashbrown::HashSet::new_in(self)
            }
        }
    };
}
pub(crate) use collections;
