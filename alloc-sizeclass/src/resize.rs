//! What `grow` and `shrink` do, for the heap and for the thread cache alike.
//!
//! Above: their `Allocator` impls. Here: the decision, and the move that serves when nothing better
//! does. Not here: growing a large run in place, which is the layer below's business.

use crate::table::{ClassTable, SizeClasses};
use alloc_core::{AllocError, Allocator, Layout, dangling};
use core::ptr::NonNull;

/// How an allocation gets from one layout to another.
pub(crate) enum Plan {
    /// It stays where it is; the slot has this many bytes.
    Stay(usize),
    /// It is a large run before and after, so the layer below resizes it.
    Below,
    /// It moves to an allocation of the new layout.
    Move,
}

pub(crate) fn plan<T: SizeClasses>(ptr: NonNull<u8>, old: Layout, new: Layout) -> Plan {
    let aligned = ptr.addr().get() & (new.align() - 1) == 0;
    match (T::class_of(old), T::class_of(new)) {
        (Some(from), Some(to)) if from == to && aligned => Plan::Stay(T::info(to).slot_bytes),
        (None, None) if old.size() != 0 && new.size() != 0 => Plan::Below,
        _ => Plan::Move,
    }
}

/// Allocates for `new`, copies, and frees `old`. Zeroes what the copy does not cover, if asked.
///
/// # Safety
///
/// As for `grow`, or for `shrink`, of `allocator`.
pub(crate) unsafe fn by_moving<A: Allocator>(
    allocator: &A,
    ptr: NonNull<u8>,
    old: Layout,
    new: Layout,
    zeroed: bool,
) -> Result<NonNull<[u8]>, AllocError> {
    let to = if new.size() == 0 { dangling(new) } else { allocator.allocate(new)? };
    let copied = old.size().min(new.size());
    // SAFETY: both allocations are live and distinct, and have at least `copied` bytes; the old one
    // is the caller's to free.
    unsafe {
        to.cast::<u8>().copy_from_nonoverlapping(ptr, copied);
        if zeroed {
            zero_rest(to.cast(), copied, to.len());
        }
        allocator.deallocate(ptr, old);
    }
    Ok(to)
}

/// Zeroes an allocation of `bytes` from `from` on, and returns it.
///
/// # Safety
///
/// `ptr` is an allocation of `bytes` bytes that is the caller's to write.
pub(crate) unsafe fn zero_rest(ptr: NonNull<u8>, from: usize, bytes: usize) -> NonNull<[u8]> {
    // SAFETY: `from <= bytes`, so this stays within the allocation.
    unsafe { ptr.add(from).write_bytes(0, bytes - from) };
    NonNull::slice_from_raw_parts(ptr, bytes)
}
