//! Putting values into memory that grows at one end.
//!
//! Above: the methods that [`values!`](super::values) writes. Below: [`Top`](crate::lifo::Top), and what its owner
//! does when it is full.
//!
//! Every function here gives out a borrow of a length that its caller chooses. Its caller's promise: the memory is not
//! given back, rolled back or reset before `'v` is over.

use crate::lifo::{self, Lifo};
use alloc_core::{AllocError, Layout};
use core::mem::{MaybeUninit, forget};
use core::ptr::NonNull;
use core::slice;

#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn exhausted() -> ! {
    panic!("there is no more memory: the stack is full, or the layer below is exhausted")
}

/// The value, or the end of the thread's work: what the forms without `try_` do.
#[inline(always)]
#[track_caller]
pub(crate) fn or_exhausted<T>(place: Result<T, AllocError>) -> T {
    match place {
        Ok(place) => place,
        Err(AllocError) => exhausted(),
    }
}

/// Memory for a layout, of any size.
#[inline(always)]
fn place<L: Lifo>(memory: &L, layout: Layout) -> Result<NonNull<u8>, AllocError> {
    Ok(lifo::allocate(memory, layout, false)?.cast())
}

/// Moves `value` in; gives it back if there is no memory for it.
///
/// # Safety
///
/// The caller's promise of this file.
#[inline(always)]
pub(crate) unsafe fn value<'v, L: Lifo, T>(memory: &L, value: T) -> Result<&'v mut T, T> {
    let layout = Layout::new::<T>();
    if layout.size() != 0
        && !memory.lies_elsewhere(layout)
        && let Some(place) = memory.top().find(layout)
    {
        let mut ptr = place.ptr.cast::<T>();
        // Written before the top moves: see `Top::find`.
        // SAFETY: the place is free, aligned and long enough for a `T`; and nobody else's until `'v` is over, as the
        // top moves past it now.
        unsafe {
            ptr.write(value);
            memory.top().set(place.top);
            return Ok(ptr.as_mut());
        }
    }
    let Ok(ptr) = place(memory, layout) else { return Err(value) };
    let mut ptr = ptr.cast::<T>();
    // SAFETY: as above; it was taken by `place`.
    unsafe {
        ptr.write(value);
        Ok(ptr.as_mut())
    }
}

/// Memory for a `T`.
///
/// # Safety
///
/// The caller's promise of this file.
#[inline(always)]
pub(crate) unsafe fn uninit<'v, L: Lifo, T>(
    memory: &L,
) -> Result<&'v mut MaybeUninit<T>, AllocError> {
    // SAFETY: allocated for a `T`, and nobody else's until `'v` is over (the caller's promise).
    Ok(unsafe { place(memory, Layout::new::<T>())?.cast().as_mut() })
}

/// Memory for `len` of `T`.
///
/// # Safety
///
/// The caller's promise of this file.
#[inline]
pub(crate) unsafe fn uninit_slice<'v, L: Lifo, T>(
    memory: &L,
    len: usize,
) -> Result<&'v mut [MaybeUninit<T>], AllocError> {
    let layout = Layout::array::<T>(len).map_err(|_| AllocError)?;
    let ptr = place(memory, layout)?.cast::<MaybeUninit<T>>();
    // SAFETY: allocated for as many `T`s, and nobody else's until `'v` is over (the caller's promise).
    Ok(unsafe { slice::from_raw_parts_mut(ptr.as_ptr(), len) })
}

/// Copies a slice in.
///
/// # Safety
///
/// The caller's promise of this file.
#[inline]
pub(crate) unsafe fn copy<'v, L: Lifo, T: Copy>(
    memory: &L,
    values: &[T],
) -> Result<&'v mut [T], AllocError> {
    let ptr = place(memory, Layout::for_value(values))?.cast::<T>();
    // SAFETY: allocated for as many `T`s, and apart from `values`, as it is new; nobody else's until `'v` is over (the
    // caller's promise).
    unsafe {
        ptr.copy_from_nonoverlapping(NonNull::from(values).cast(), values.len());
        Ok(slice::from_raw_parts_mut(ptr.as_ptr(), values.len()))
    }
}

/// Makes one value in place. If `make` fails or panics, its memory comes back where that can be.
///
/// # Safety
///
/// The caller's promise of this file.
#[inline]
pub(crate) unsafe fn made<'v, L: Lifo, T, E>(
    memory: &L,
    make: impl FnOnce() -> Result<T, E>,
) -> Result<Result<&'v mut T, E>, AllocError> {
    let layout = Layout::new::<T>();
    let mut ptr = place(memory, layout)?.cast::<T>();
    let unfinished = Unfinished { memory, ptr, layout, made: 0 };
    Ok(make().map(|value| {
        forget(unfinished);
        // SAFETY: allocated for a `T`, and nobody else's until `'v` is over (the caller's promise).
        unsafe {
            ptr.write(value);
            ptr.as_mut()
        }
    }))
}

/// Makes `len` values, one after the other. If `make` fails or panics, those that are made are dropped, and the memory
/// comes back where that can be.
///
/// # Safety
///
/// The caller's promise of this file.
#[inline]
pub(crate) unsafe fn made_slice<'v, L: Lifo, T>(
    memory: &L,
    len: usize,
    mut make: impl FnMut(usize) -> T,
) -> Result<&'v mut [T], AllocError> {
    let layout = Layout::array::<T>(len).map_err(|_| AllocError)?;
    let ptr = place(memory, layout)?.cast::<T>();
    let mut unfinished = Unfinished { memory, ptr, layout, made: 0 };
    for at in 0..len {
        let value = make(at);
        // SAFETY: allocated for `len` of them.
        unsafe { ptr.add(at).write(value) };
        unfinished.made += 1;
    }
    forget(unfinished);
    // SAFETY: all are written; nobody else's until `'v` is over (the caller's promise).
    Ok(unsafe { slice::from_raw_parts_mut(ptr.as_ptr(), len) })
}

/// Memory in which `made` values lie already: given up if what makes them does not come back.
struct Unfinished<'m, L: Lifo, T> {
    memory: &'m L,
    ptr: NonNull<T>,
    layout: Layout,
    made: usize,
}

impl<L: Lifo, T> Drop for Unfinished<'_, L, T> {
    fn drop(&mut self) {
        let values = NonNull::slice_from_raw_parts(self.ptr, self.made);
        // SAFETY: so many were written, and nobody else has them; the memory was taken with this layout.
        unsafe {
            values.drop_in_place();
            lifo::deallocate(self.memory, self.ptr.cast(), self.layout);
        }
    }
}
