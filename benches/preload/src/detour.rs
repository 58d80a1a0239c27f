//! The way of a call while the gate is shut: it is recorded, or watched, or another stack serves it.
//!
//! Above: the cold halves of the symbols. Below: `record`, `watch`, `hardened`. Not here: who shuts the gate.

use crate::gate::Way;
use crate::{gate, hardened, record, stack, watch};
use alloc_core::Layout;
use core::ptr::NonNull;
use libc::c_void;

/// Allocates; or sets `ENOMEM` and returns null.
#[inline(never)]
pub(crate) fn allocate(layout: Layout, zeroed: bool) -> *mut c_void {
    match gate::is_watched() {
        true => watch::allocate(layout, zeroed),
        false => record::allocate(layout, zeroed),
    }
}

/// Frees.
///
/// # Safety
///
/// As for [`stack::deallocate`].
#[inline(never)]
pub(crate) unsafe fn deallocate(ptr: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe {
        match gate::is_watched() {
            true => watch::deallocate(ptr),
            false => record::deallocate(ptr),
        }
    }
}

/// Reallocates.
///
/// # Safety
///
/// As for [`stack::reallocate`].
#[cold]
#[inline(never)]
pub(crate) unsafe fn reallocate(ptr: NonNull<u8>, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe {
        match gate::way() {
            Way::WatchedInPart => watch::part::reallocate(ptr, size),
            Way::Hardened => hardened::reallocate(ptr, size),
            Way::Other if gate::is_watched() => watch::reallocate(ptr, size),
            Way::Other => record::reallocate(ptr, size),
        }
    }
}

/// The bytes that may be used at `ptr`, whether or not the gate is shut.
///
/// # Safety
///
/// As for [`stack::deallocate`].
pub(crate) unsafe fn usable_bytes(ptr: NonNull<u8>) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        if gate::is_hardened() {
            return hardened::usable_bytes(ptr);
        }
        match gate::is_watched() {
            true => watch::usable_bytes(ptr),
            false => stack::usable_bytes(ptr),
        }
    }
}
