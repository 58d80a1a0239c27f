//! Allocating, freeing and resizing at the top: what the `Allocator` impls of [`Bump`](crate::Bump),
//! [`Stack`](crate::Stack) and [`Frame`](crate::Frame) do.
//!
//! Above: these impls. Below: [`Top`](super::Top), and what lies elsewhere by [`Bumped`].

use super::sealed::Bumped;
use alloc_core::{AllocError, Layout, dangling};
use core::ptr::NonNull;

/// Every slice is as long as its layout asks, no matter how much the object takes up (L1, L2).
#[inline(always)]
fn slice(ptr: NonNull<u8>, layout: Layout) -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(ptr, layout.size())
}

/// Memory for any layout.
#[inline(always)]
pub(crate) fn allocate<B: Bumped>(
    memory: &B,
    layout: Layout,
    zeroed: bool,
) -> Result<NonNull<[u8]>, AllocError> {
    if layout.size() == 0 {
        return Ok(dangling(layout));
    }
    if !memory.lies_elsewhere(layout)
        && let Some(ptr) = memory.top().take(layout)
    {
        if zeroed {
            // SAFETY: just taken, and so many bytes long.
            unsafe { ptr.write_bytes(0, layout.size()) };
        }
        return Ok(slice(ptr, layout));
    }
    Ok(slice(memory.take_elsewhere(layout, zeroed)?, layout))
}

/// Frees an object: it comes back if it was the last one, or lies elsewhere.
///
/// # Safety
///
/// As for `Allocator::deallocate`.
#[inline(always)]
pub(crate) unsafe fn deallocate<B: Bumped>(memory: &B, ptr: NonNull<u8>, layout: Layout) {
    if layout.size() == 0 {
        return;
    }
    if memory.lies_elsewhere(layout) {
        // SAFETY: its layout says that it came from there; the caller is done with it.
        unsafe { memory.give_elsewhere(ptr, layout) };
    } else {
        memory.top().give(ptr, layout.size());
    }
}

/// Grows an object: in place if it is the last one or has the room already, or elsewhere if it lies there.
///
/// # Safety
///
/// As for `Allocator::grow`.
#[inline]
pub(crate) unsafe fn grow<B: Bumped>(
    memory: &B,
    ptr: NonNull<u8>,
    old: Layout,
    new: Layout,
    zeroed: bool,
) -> Result<NonNull<[u8]>, AllocError> {
    if old.size() == 0 {
        return allocate(memory, new, zeroed);
    }
    let in_place = match (memory.lies_elsewhere(old), memory.lies_elsewhere(new)) {
        // SAFETY: both layouts lie elsewhere, so the object does.
        (true, true) => unsafe { memory.grow_elsewhere(ptr, new, zeroed) },
        (false, false) => {
            // SAFETY: an object whose layout does not lie elsewhere lies at the top, or below it.
            let grown = unsafe { memory.top().resize(ptr, old, new) };
            if zeroed && let Some(ptr) = grown {
                // SAFETY: the bytes behind the old object are part of the new one.
                unsafe { ptr.add(old.size()).write_bytes(0, new.size() - old.size()) };
            }
            grown
        }
        _ => None,
    };
    if let Some(ptr) = in_place {
        return Ok(slice(ptr, new));
    }
    // SAFETY: the caller's promise; the new object is not shorter.
    unsafe { move_object(memory, ptr, old, new, zeroed) }
}

/// Shrinks an object.
///
/// # Safety
///
/// As for `Allocator::shrink`.
#[inline]
pub(crate) unsafe fn shrink<B: Bumped>(
    memory: &B,
    ptr: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    if new.size() == 0 {
        // SAFETY: the caller's promise.
        unsafe { deallocate(memory, ptr, old) };
        return Ok(dangling(new));
    }
    // What lies elsewhere and shrinks stays where it is only if nothing changes: the layout decides where it is.
    let in_place = match (memory.lies_elsewhere(old), memory.lies_elsewhere(new)) {
        (true, true) => {
            let stays = old.size() == new.size() && ptr.as_ptr().addr().is_multiple_of(new.align());
            stays.then_some(ptr)
        }
        // SAFETY: as in `grow`.
        (false, false) => unsafe { memory.top().resize(ptr, old, new) },
        _ => None,
    };
    if let Some(ptr) = in_place {
        return Ok(slice(ptr, new));
    }
    // SAFETY: the caller's promise.
    unsafe { move_object(memory, ptr, old, new, false) }
}

/// Allocates anew, copies what both have, and frees the old object.
///
/// # Safety
///
/// As for `Allocator::grow` or `Allocator::shrink`; both have a size.
#[cold]
unsafe fn move_object<B: Bumped>(
    memory: &B,
    ptr: NonNull<u8>,
    old: Layout,
    new: Layout,
    zeroed: bool,
) -> Result<NonNull<[u8]>, AllocError> {
    let moved = allocate(memory, new, zeroed)?;
    // SAFETY: both objects are that long, live, and apart.
    unsafe { moved.cast::<u8>().copy_from_nonoverlapping(ptr, old.size().min(new.size())) };
    // SAFETY: the old object is live until here, and its contents have moved.
    unsafe { deallocate(memory, ptr, old) };
    Ok(moved)
}

/// Writes the `Allocator` impls of a type that allocates at the top of what `self`, or a field of it, is: by the
/// functions above.
macro_rules! allocates_at_top {
    (impl[$($generics:tt)*] $type:ty $(, in $field:tt)?) => {
        alloc_core::allocator! {
            // SAFETY: an object lies between the beginning and the top, and before every later one, or elsewhere, where
            // its memory vouches for it (`Bumped`). The top goes back below an object only when that is freed, or
            // when it is rolled back or reset, which nobody can do who does not vouch for that.
            unsafe impl[$($generics)*] Allocator for $type {
                #[inline]
                fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                    $crate::lifo::allocate(self $(.$field)?, layout, false)
                }

                fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                    $crate::lifo::allocate(self $(.$field)?, layout, true)
                }

                #[inline]
                unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
                    // SAFETY: the caller's promise.
                    unsafe { $crate::lifo::deallocate(self $(.$field)?, ptr, layout) };
                }

                unsafe fn grow(
                    &self,
                    ptr: NonNull<u8>,
                    old: Layout,
                    new: Layout,
                ) -> Result<NonNull<[u8]>, AllocError> {
                    // SAFETY: the caller's promise.
                    unsafe { $crate::lifo::grow(self $(.$field)?, ptr, old, new, false) }
                }

                unsafe fn grow_zeroed(
                    &self,
                    ptr: NonNull<u8>,
                    old: Layout,
                    new: Layout,
                ) -> Result<NonNull<[u8]>, AllocError> {
                    // SAFETY: the caller's promise.
                    unsafe { $crate::lifo::grow(self $(.$field)?, ptr, old, new, true) }
                }

                unsafe fn shrink(
                    &self,
                    ptr: NonNull<u8>,
                    old: Layout,
                    new: Layout,
                ) -> Result<NonNull<[u8]>, AllocError> {
                    // SAFETY: the caller's promise.
                    unsafe { $crate::lifo::shrink(self $(.$field)?, ptr, old, new) }
                }
            }
        }
    };
}
pub(crate) use allocates_at_top;
