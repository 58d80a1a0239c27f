//! What grows at the top until its length is known: values from an iterator, formatted text.
//!
//! Above: the methods that [`values!`](super::values) writes. Below: `lifo`, which grows the last object in place.
//! The promise of a caller here is the one of `put.rs`.
//! Not here: vectors and strings of the user's, which are `Vec` and [`Text`](crate::Text) by reference to the allocator.

use crate::lifo::{self, Lifo};
use alloc_core::{AllocError, Layout};
use core::fmt::{self, Write};
use core::mem::forget;
use core::ptr::NonNull;
use core::slice;

/// How many values there is room for at first, if nobody knows.
const FIRST: usize = 4;

/// Values that are there so far. They are dropped, and their memory comes back where that can be, if it stays at that.
///
/// (A `Vec` needs the `alloc` crate, and would have a stack count what it hands out: values are not counted.)
struct Grown<'m, L: Lifo, T> {
    memory: &'m L,
    ptr: NonNull<T>,
    len: usize,
    capacity: usize,
}

impl<'m, L: Lifo, T> Grown<'m, L, T> {
    fn new(memory: &'m L) -> Self {
        let capacity = if size_of::<T>() == 0 { usize::MAX } else { 0 };
        Self { memory, ptr: NonNull::dangling(), len: 0, capacity }
    }

    fn layout(capacity: usize) -> Result<Layout, AllocError> {
        if size_of::<T>() == 0 {
            return Ok(Layout::new::<T>());
        }
        Layout::array::<T>(capacity).map_err(|_| AllocError)
    }

    /// Makes room for `more` values behind those that are there: for as many again, or just for these.
    #[inline]
    fn reserve(&mut self, more: usize) -> Result<(), AllocError> {
        if more <= self.capacity - self.len {
            return Ok(());
        }
        let needed = self.len.checked_add(more).ok_or(AllocError)?;
        let doubled = self.capacity.saturating_mul(2).max(needed).max(FIRST);
        self.grow(doubled).or_else(|_| self.grow(needed))
    }

    #[cold]
    fn grow(&mut self, capacity: usize) -> Result<(), AllocError> {
        let (old, new) = (Self::layout(self.capacity)?, Self::layout(capacity)?);
        // SAFETY: the memory was allocated with the layout `old`, or that has no size; the new one is longer.
        let grown = unsafe { lifo::grow(self.memory, self.ptr.cast(), old, new, false)? };
        (self.ptr, self.capacity) = (grown.cast(), capacity);
        Ok(())
    }

    #[inline]
    fn push(&mut self, value: T) -> Result<(), AllocError> {
        self.reserve(1)?;
        // SAFETY: there is room for one more behind those that are there.
        unsafe { self.ptr.add(self.len).write(value) };
        self.len += 1;
        Ok(())
    }

    /// The values; what is left behind them comes back, if that can be.
    ///
    /// # Safety
    ///
    /// The caller's promise of `put.rs`.
    unsafe fn finish<'v>(mut self) -> &'v mut [T] {
        if let (Ok(old), Ok(new)) = (Self::layout(self.capacity), Self::layout(self.len))
            && old.size() != new.size()
            && !self.memory.lies_elsewhere(old)
            // SAFETY: the memory was allocated with the layout `old`; the new one is shorter.
            && let Ok(shrunk) = unsafe { lifo::shrink(self.memory, self.ptr.cast(), old, new) }
        {
            self.ptr = shrunk.cast();
        }
        let (ptr, len) = (self.ptr, self.len);
        forget(self);
        // SAFETY: `len` values lie there, and the memory is nobody else's until `'v` is over (the caller's promise).
        unsafe { slice::from_raw_parts_mut(ptr.as_ptr(), len) }
    }
}

impl<L: Lifo, T> Drop for Grown<'_, L, T> {
    fn drop(&mut self) {
        /// Frees when it is dropped: also when a destructor panics.
        struct Free<'m, L: Lifo>(&'m L, NonNull<u8>, Layout);
        impl<L: Lifo> Drop for Free<'_, L> {
            fn drop(&mut self) {
                // SAFETY: allocated with this layout, or that has no size; the values in it are dropped.
                unsafe { lifo::deallocate(self.0, self.1, self.2) };
            }
        }
        let _free =
            Self::layout(self.capacity).map(|whole| Free(self.memory, self.ptr.cast(), whole));
        let values = NonNull::slice_from_raw_parts(self.ptr, self.len);
        // SAFETY: so many were written, and nobody else has them.
        unsafe { values.drop_in_place() };
    }
}

/// Moves what an iterator gives in.
///
/// # Safety
///
/// The caller's promise of `put.rs`.
#[inline]
pub(crate) unsafe fn collected<'v, L: Lifo, T>(
    memory: &L,
    values: impl IntoIterator<Item = T>,
) -> Result<&'v mut [T], AllocError> {
    let values = values.into_iter();
    let mut grown = Grown::new(memory);
    if let (least @ 1.., _) = values.size_hint()
        && grown.capacity == 0
    {
        grown.grow(least)?;
    }
    for value in values {
        grown.push(value)?;
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { grown.finish() })
}

/// Text that is being formatted.
struct Formatted<'m, L: Lifo> {
    bytes: Grown<'m, L, u8>,
    exhausted: bool,
}

impl<L: Lifo> Write for Formatted<'_, L> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.bytes.reserve(text.len()).is_err() {
            self.exhausted = true;
            return Err(fmt::Error);
        }
        let from = NonNull::from(text).cast();
        // SAFETY: there is room for as many bytes behind those that are there, and it is apart from any text.
        unsafe { self.bytes.ptr.add(self.bytes.len).copy_from_nonoverlapping(from, text.len()) };
        self.bytes.len += text.len();
        Ok(())
    }
}

/// Formats text.
///
/// # Panics
///
/// When an implementation of a formatting trait fails by itself, as `format!` does.
///
/// # Safety
///
/// The caller's promise of `put.rs`.
pub(crate) unsafe fn formatted<'v, L: Lifo>(
    memory: &L,
    text: fmt::Arguments<'_>,
) -> Result<&'v mut str, AllocError> {
    let mut formatted = Formatted { bytes: Grown::new(memory), exhausted: false };
    match formatted.write_fmt(text) {
        // Also where an implementation did not pass the error on: what there is would have a hole.
        _ if formatted.exhausted => Err(AllocError),
        // SAFETY: nothing but whole strings is written to it. The caller's promise.
        Ok(()) => unsafe { Ok(core::str::from_utf8_unchecked_mut(formatted.bytes.finish())) },
        Err(_) => panic!("an implementation of a formatting trait returned an error"),
    }
}
