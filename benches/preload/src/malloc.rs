//! `malloc` and its family, as C23, POSIX and glibc's manual describe them.
//!
//! Above: the program. Below: `gate.rs`, then `stack.rs`; on the cold way, `record.rs`.
//! Each hot function is one test and one verb; its cold half stands right under it.
//! Not here: alignments other than the natural one (`aligned.rs`), C++ (`cxx.rs`).

use crate::{gate, record, stack};
use core::ptr::NonNull;
use libc::c_void;

/// At least `size` bytes, aligned for any type of that size. `malloc(0)` is an allocation of its
/// own. Fails with null and `ENOMEM`; always for sizes above `PTRDIFF_MAX`.
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut c_void {
    allocate(size)
}

/// `malloc` for the other symbols of this library.
#[inline(always)]
pub(crate) fn allocate(size: usize) -> *mut c_void {
    if gate::passes(size) {
        // SAFETY: `size` has passed the gate.
        stack::allocate(unsafe { stack::natural(size) })
    } else {
        allocate_cold(size, false)
    }
}

/// A size of 0, a size that nobody has, or a recorded call.
#[cold]
#[inline(never)]
fn allocate_cold(size: usize, zeroed: bool) -> *mut c_void {
    if size > gate::LARGEST_BYTES {
        return stack::exhausted();
    }
    // SAFETY: `size` is at most `LARGEST_BYTES`, and so is 1.
    let layout = unsafe { stack::natural(size.max(1)) };
    record::allocate(layout, zeroed)
}

/// `count * size` zeroed bytes. Fails like `malloc`, also when the product overflows.
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    let Some(bytes) = count.checked_mul(size) else { return stack::exhausted() };
    if gate::passes(bytes) {
        // SAFETY: `bytes` has passed the gate.
        stack::allocate_zeroed(unsafe { stack::natural(bytes) })
    } else {
        allocate_cold(bytes, true)
    }
}

/// Frees an allocation; does nothing to null. Keeps `errno`.
///
/// # Safety
///
/// `ptr` is null, or came from an allocation function of this process and has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(ptr: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { deallocate(ptr) }
}

/// `free` for the other symbols of this library.
///
/// # Safety
///
/// As for [`free`].
#[inline(always)]
pub(crate) unsafe fn deallocate(ptr: *mut c_void) {
    if gate::passes(ptr.addr()) {
        // SAFETY: zero does not pass the gate.
        let ptr = unsafe { NonNull::new_unchecked(ptr.cast()) };
        // SAFETY: the caller's promise.
        unsafe { stack::deallocate(ptr) }
    } else {
        // SAFETY: the caller's promise.
        unsafe { deallocate_cold(ptr) }
    }
}

/// A null pointer, or a recorded call.
///
/// # Safety
///
/// As for [`free`].
#[cold]
#[inline(never)]
unsafe fn deallocate_cold(ptr: *mut c_void) {
    if let Some(ptr) = NonNull::new(ptr.cast()) {
        // SAFETY: the caller's promise.
        unsafe { record::deallocate(ptr) }
    }
}

/// Gives an allocation a new size and returns where it is now; its bytes are kept, up to the
/// smaller size. `realloc(NULL, size)` is `malloc(size)`; `realloc(ptr, 0)` frees and returns
/// null, as glibc does. Fails with null and `ENOMEM`, and then leaves the allocation alone.
///
/// # Safety
///
/// As for [`free`]. `ptr` is no longer valid, unless the call failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(ptr: *mut c_void, size: usize) -> *mut c_void {
    if gate::passes(ptr.addr()) && gate::passes(size) {
        // SAFETY: zero does not pass the gate.
        let ptr = unsafe { NonNull::new_unchecked(ptr.cast()) };
        // SAFETY: the caller's promise; `size` has passed the gate.
        unsafe { stack::reallocate(ptr, size) }
    } else {
        // SAFETY: the caller's promise.
        unsafe { reallocate_cold(ptr, size) }
    }
}

/// One of the two is 0, the size is one that nobody has, or the call is recorded.
///
/// # Safety
///
/// As for [`realloc`].
#[cold]
#[inline(never)]
unsafe fn reallocate_cold(ptr: *mut c_void, size: usize) -> *mut c_void {
    let Some(ptr) = NonNull::new(ptr.cast()) else { return allocate_cold(size, false) };
    if size > gate::LARGEST_BYTES {
        return stack::exhausted();
    }
    if size == 0 {
        // SAFETY: the caller's promise.
        unsafe { record::deallocate(ptr) }
        return core::ptr::null_mut();
    }
    // SAFETY: the caller's promise; `size` is neither 0 nor above `LARGEST_BYTES`.
    unsafe { record::reallocate(ptr, size) }
}

/// `realloc(ptr, count * size)`; fails with `ENOMEM` when the product overflows.
///
/// # Safety
///
/// As for [`realloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(ptr: *mut c_void, count: usize, size: usize) -> *mut c_void {
    let Some(bytes) = count.checked_mul(size) else { return stack::exhausted() };
    // SAFETY: the caller's promise.
    unsafe { realloc(ptr, bytes) }
}

/// C23's `free` that is told the size. The size is not relied upon: the stack knows its own.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_sized(ptr: *mut c_void, _size: usize) {
    // SAFETY: the caller's promise.
    unsafe { deallocate(ptr) }
}

/// C23's `free` that is told the alignment and the size, neither of which is relied upon.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_aligned_sized(ptr: *mut c_void, _alignment: usize, _size: usize) {
    // SAFETY: the caller's promise.
    unsafe { deallocate(ptr) }
}

/// An old name of `free`.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cfree(ptr: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { deallocate(ptr) }
}
