//! Allocations with an alignment: C11's, POSIX's and the old ones.
//!
//! Above: the program. Below: `stack.rs`, or `detour.rs`.
//! These are rare calls, so they share one way down, [`allocate`].

use crate::hardened::{self, ALIGNED};
use crate::{detour, errno, gate, malloc, stack};
use alloc_core::Layout;
use core::ptr;
use libc::{c_int, c_void};

/// `size` bytes aligned to `align`, a power of two; null and `ENOMEM` if that cannot be had.
pub(crate) fn allocate<const FAMILY: u8>(align: usize, size: usize) -> *mut c_void {
    debug_assert!(align.is_power_of_two());
    // The natural alignment of a size is at most the size, except below 8 bytes.
    if align <= 8 || (align <= 16 && size >= 16) {
        return malloc::allocate::<FAMILY>(size);
    }
    match Layout::from_size_align(size.max(1), align) {
        Ok(_) if gate::is_hardened() => {
            // SAFETY: `align` is a power of two; the layout above has as many bytes or one more.
            let layout = unsafe { Layout::from_size_align_unchecked(size, align) };
            hardened::allocate_layout(layout, hardened::family(FAMILY), false)
        }
        Ok(layout) if gate::is_shut() => detour::allocate(layout, false),
        Ok(layout) => stack::allocate(layout),
        Err(_) => stack::exhausted(),
    }
}

/// C11 and later: fails with `EINVAL` unless `alignment` is a power of two. `size` may be any.
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    if alignment.is_power_of_two() { allocate::<ALIGNED>(alignment, size) } else { invalid() }
}

/// The old form: glibc rounds an `alignment` that is no power of two up to one, and so do we.
/// Fails with `EINVAL` when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    match alignment.checked_next_power_of_two() {
        Some(alignment) => allocate::<ALIGNED>(alignment, size),
        None => invalid(),
    }
}

/// POSIX: stores the allocation in `*memptr` and returns 0; or returns `EINVAL` (`alignment` is
/// not a power of two times the size of a pointer) or `ENOMEM`, and leaves `*memptr` and `errno`
/// as they are.
///
/// # Safety
///
/// `memptr` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(
    memptr: *mut *mut c_void,
    alignment: usize,
    size: usize,
) -> c_int {
    if !alignment.is_power_of_two() || alignment < size_of::<*mut c_void>() {
        return libc::EINVAL;
    }
    let ptr = errno::preserved(|| allocate::<ALIGNED>(alignment, size));
    if ptr.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller's promise.
    unsafe { memptr.write(ptr) }
    0
}

/// `size` bytes that start on a page.
#[unsafe(no_mangle)]
pub extern "C" fn valloc(size: usize) -> *mut c_void {
    allocate::<ALIGNED>(page_bytes(), size)
}

/// Whole pages, at least `size` bytes and at least one page.
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(size: usize) -> *mut c_void {
    let page = page_bytes();
    match size.max(1).checked_next_multiple_of(page) {
        Some(size) => allocate::<ALIGNED>(page, size),
        None => stack::exhausted(),
    }
}

#[cold]
fn invalid() -> *mut c_void {
    errno::set(libc::EINVAL);
    ptr::null_mut()
}

fn page_bytes() -> usize {
    // SAFETY: `sysconf` with a constant argument; it has no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    // It cannot fail on Linux. 64 KiB is a multiple of every page size in use.
    usize::try_from(bytes).unwrap_or(64 << 10)
}
