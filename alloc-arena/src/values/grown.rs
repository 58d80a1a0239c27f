//! What grows at the top until its length is known: values from an iterator, formatted text.
//!
//! Above: the methods that [`values!`](super::values) writes. Below: `Vec` over the memory itself, which grows in place so
//! long as it is the last object. The promise of a caller here is the one of `put.rs`.

use crate::lifo::{self, Lifo, allocates_at_top};
use alloc_core::api2::vec::Vec;
use alloc_core::{AllocError, Layout};
use core::fmt::{self, Write};
use core::ptr::NonNull;
use core::slice;

/// The memory as an allocator, for as long as something grows. It is not the memory's own impl: a stack counts what it
/// hands out, and is empty for it when all that is freed; values are not counted.
#[derive(Clone, Copy)]
struct AtTop<'m, L: Lifo>(&'m L);

allocates_at_top!(impl['m, L: Lifo] AtTop<'m, L>, in 0);

/// Makes room for `more` values behind those that are there: for as many again, or just for these.
fn reserve<L: Lifo, T>(values: &mut Vec<T, AtTop<'_, L>>, more: usize) -> Result<(), AllocError> {
    values.try_reserve(more).or_else(|_| values.try_reserve_exact(more)).map_err(|_| AllocError)
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
    let mut grown = Vec::new_in(AtTop(memory));
    grown.try_reserve_exact(values.size_hint().0).map_err(|_| AllocError)?;
    for value in values {
        if grown.len() == grown.capacity() {
            reserve(&mut grown, 1)?;
        }
        grown.push(value);
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { finished(grown) })
}

/// Gives what is left behind the values back, if that can be, and the values out.
///
/// # Safety
///
/// The caller's promise of `put.rs`.
unsafe fn finished<'v, L: Lifo, T>(values: Vec<T, AtTop<'_, L>>) -> &'v mut [T] {
    let (ptr, len, capacity, AtTop(memory)) = values.into_raw_parts_with_alloc();
    // SAFETY: a vector's pointer is not null.
    let mut ptr = unsafe { NonNull::new_unchecked(ptr) };
    if let (Ok(old), Ok(new)) = (Layout::array::<T>(capacity), Layout::array::<T>(len))
        && old.size() != 0
        && !memory.lies_elsewhere(old)
    {
        // SAFETY: the vector's memory came from `memory` with the layout `old`, and its user asks for this.
        if let Ok(shrunk) = unsafe { lifo::shrink(memory, ptr.cast(), old, new) } {
            ptr = shrunk.cast();
        }
    }
    // SAFETY: `len` values lie there, and the memory is nobody else's until `'v` is over (the caller's promise).
    unsafe { slice::from_raw_parts_mut(ptr.as_ptr(), len) }
}

/// Text that is being formatted.
struct Formatted<'m, L: Lifo> {
    bytes: Vec<u8, AtTop<'m, L>>,
    exhausted: bool,
}

impl<L: Lifo> Write for Formatted<'_, L> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if reserve(&mut self.bytes, text.len()).is_err() {
            self.exhausted = true;
            return Err(fmt::Error);
        }
        self.bytes.extend_from_slice(text.as_bytes());
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
    let mut formatted = Formatted { bytes: Vec::new_in(AtTop(memory)), exhausted: false };
    match formatted.write_fmt(text) {
        // SAFETY: nothing but whole strings is written to it. The caller's promise.
        Ok(()) => unsafe { Ok(core::str::from_utf8_unchecked_mut(finished(formatted.bytes))) },
        Err(_) if formatted.exhausted => Err(AllocError),
        Err(_) => panic!("an implementation of a formatting trait returned an error"),
    }
}
