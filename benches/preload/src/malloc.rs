//! `malloc` and its family, as C23, POSIX and glibc's manual describe them.
//!
//! Above: the program. Below: `gate.rs`, then `stack.rs`; where another stack serves the program, `hardened.rs` or `watch/part.rs`; on the
//! cold way, `detour.rs`.
//! Each hot function is a hit of the thread's lists; what misses stands right under it.
//! Not here: alignments other than the natural one (`aligned.rs`), C++ (`cxx.rs`).

use crate::gate::Way;
use crate::hardened::{self, ALIGNED, MALLOC};
use crate::watch::part;
use crate::{detour, gate, stack};
use alloc_sizeclass::Class;
use core::ptr::NonNull;
use libc::c_void;

/// At least `size` bytes, aligned for any type of that size. `malloc(0)` is an allocation of its
/// own. Fails with null and `ENOMEM`; always for sizes above `PTRDIFF_MAX`.
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut c_void {
    allocate::<MALLOC>(size)
}

/// `malloc` for the other symbols of this library, by the family that they are of.
#[inline(always)]
pub(crate) fn allocate<const FAMILY: u8>(size: usize) -> *mut c_void {
    if gate::is_ordinary(size) {
        // SAFETY: an ordinary size.
        let class = unsafe { stack::class_of_ordinary(size) };
        return match stack::allocate_cached(class) {
            Some(slot) => slot.as_ptr().cast(),
            None => allocate_missed::<FAMILY>(size, class),
        };
    }
    allocate_other::<FAMILY>(size)
}

/// A size that is not ordinary.
#[inline(never)]
extern "C" fn allocate_other<const FAMILY: u8>(size: usize) -> *mut c_void {
    let Some(class) = stack::class_of(size) else { return allocate_classless::<FAMILY>(size) };
    match stack::allocate_cached(class) {
        Some(slot) => slot.as_ptr().cast(),
        None => allocate_missed::<FAMILY>(size, class),
    }
}

/// What the thread has no slot for; calls that make a detour, or that another stack serves. `class` is that of `size`.
#[inline(never)]
extern "C" fn allocate_missed<const FAMILY: u8>(size: usize, class: Class) -> *mut c_void {
    // Calls at the end, each: what one of them needs costs the others nothing.
    match gate::way() {
        Way::WatchedInPart => part::allocate(size, class),
        Way::Hardened => allocate_hardened::<FAMILY>(size),
        Way::Other => allocate_refilled(size),
    }
}

#[inline(never)]
extern "C" fn allocate_hardened<const FAMILY: u8>(size: usize) -> *mut c_void {
    hardened::allocate::<FAMILY>(size, false)
}

/// Sizes without a class: 0, large ones, those that nobody has.
#[cold]
#[inline(never)]
extern "C" fn allocate_classless<const FAMILY: u8>(size: usize) -> *mut c_void {
    match gate::way() {
        Way::WatchedInPart => part::allocate_any(size, false),
        Way::Hardened => allocate_hardened::<FAMILY>(size),
        Way::Other => allocate_refilled(size),
    }
}

/// The rest of `allocate_missed`.
#[cold]
#[inline(never)]
extern "C" fn allocate_refilled(size: usize) -> *mut c_void {
    if size > gate::LARGEST_BYTES {
        return stack::exhausted();
    }
    // SAFETY: `size` is at most `LARGEST_BYTES`, and so is 1.
    let layout = unsafe { stack::natural(size.max(1)) };
    if gate::is_shut() { detour::allocate(layout, false) } else { stack::allocate(layout) }
}

/// What is to be zero.
#[cold]
#[inline(never)]
extern "C" fn allocate_zeroed(size: usize) -> *mut c_void {
    if size > gate::LARGEST_BYTES {
        return stack::exhausted();
    }
    // Calls at the end, as above.
    if gate::is_shut() {
        return allocate_zeroed_elsewhere(size);
    }
    // SAFETY: as above.
    unsafe { stack::allocate_zeroed(size) }
}

#[cold]
#[inline(never)]
extern "C" fn allocate_zeroed_elsewhere(size: usize) -> *mut c_void {
    match gate::way() {
        Way::WatchedInPart => part::allocate_zeroed(size),
        Way::Hardened => allocate_zeroed_hardened(size),
        // SAFETY: `allocate_zeroed` has bounded `size`.
        Way::Other => detour::allocate(unsafe { stack::natural(size.max(1)) }, true),
    }
}

#[inline(never)]
extern "C" fn allocate_zeroed_hardened(size: usize) -> *mut c_void {
    hardened::allocate::<MALLOC>(size, true)
}

/// `count * size` zeroed bytes. Fails like `malloc`, also when the product overflows.
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        Some(bytes) => allocate_zeroed(bytes),
        None => stack::exhausted(),
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
    unsafe { deallocate::<MALLOC>(ptr) }
}

/// `free` for the other symbols of this library, by the family that they are of.
///
/// # Safety
///
/// As for [`free`].
#[inline(always)]
pub(crate) unsafe fn deallocate<const FAMILY: u8>(ptr: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe {
        if !stack::deallocate_ordinary(ptr) {
            deallocate_other::<FAMILY>(ptr);
        }
    }
}

/// `free` that is told something of the object: its bytes, its alignment.
///
/// # Safety
///
/// As for [`free`].
#[inline(always)]
pub(crate) unsafe fn deallocate_told<const FAMILY: u8>(
    ptr: *mut c_void,
    (bytes, align): (Option<usize>, Option<usize>),
) {
    // SAFETY: the caller's promise.
    unsafe {
        if stack::deallocate_ordinary(ptr) {
            return;
        }
        if gate::is_hardened() {
            return hardened::deallocate_told::<FAMILY>(ptr, bytes, align);
        }
        deallocate_other::<FAMILY>(ptr);
    }
}

/// A slot that the thread has no room for, a larger allocation, an address that is not ours, null,
/// or a call that makes a detour.
///
/// # Safety
///
/// As for [`free`].
#[inline(never)]
unsafe extern "C" fn deallocate_other<const FAMILY: u8>(ptr: *mut c_void) {
    // SAFETY: the caller's promise. Calls at the end, each: what one of them needs costs the others nothing.
    unsafe {
        match gate::way() {
            Way::WatchedInPart => part::deallocate(ptr),
            Way::Hardened => deallocate_hardened::<FAMILY>(ptr),
            Way::Other => deallocate_missed(ptr),
        }
    }
}

/// # Safety
///
/// As for [`free`].
#[inline(never)]
unsafe extern "C" fn deallocate_hardened<const FAMILY: u8>(ptr: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { hardened::deallocate::<FAMILY>(ptr) }
}

/// The rest of `deallocate_other`.
///
/// # Safety
///
/// As for [`free`].
#[inline(never)]
unsafe extern "C" fn deallocate_missed(ptr: *mut c_void) {
    let Some(ptr) = NonNull::new(ptr.cast()) else { return };
    // SAFETY: the caller's promise.
    unsafe {
        if gate::is_shut() {
            detour::deallocate(ptr);
        } else {
            stack::deallocate(ptr);
        }
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
    let Some(ptr) = NonNull::new(ptr.cast::<u8>()) else {
        // A miss looks a second time: one way out is shorter here than two.
        // SAFETY: an ordinary size.
        let slot = gate::is_ordinary(size).then(|| unsafe { stack::allocate_ordinary(size) });
        return match slot.flatten() {
            Some(slot) => slot.as_ptr().cast(),
            None => allocate_other::<MALLOC>(size),
        };
    };
    if size > gate::LARGEST_BYTES {
        return stack::exhausted();
    }
    // SAFETY: the caller's promise; `size` is at most `LARGEST_BYTES`, and not 0 in `reallocate`.
    unsafe {
        if size == 0 {
            deallocate::<MALLOC>(ptr.as_ptr().cast());
            return core::ptr::null_mut();
        }
        if gate::is_shut() { detour::reallocate(ptr, size) } else { stack::reallocate(ptr, size) }
    }
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

/// C23's `free` that is told the size. The size is not relied upon: the stack knows its own. (The hardened one compares.)
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_sized(ptr: *mut c_void, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { deallocate_told::<MALLOC>(ptr, (Some(size), None)) }
}

/// C23's `free` that is told the alignment and the size, neither of which is relied upon.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_aligned_sized(ptr: *mut c_void, alignment: usize, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { deallocate_told::<ALIGNED>(ptr, (Some(size), Some(alignment))) }
}

/// An old name of `free`.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cfree(ptr: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { deallocate::<MALLOC>(ptr) }
}
