//! What belongs to the next library: addresses that this stack did not hand out, and the symbols
//! that stand behind ours.
//!
//! Above: `stack.rs`, for addresses; `cxx.rs`, for C++'s own way to fail.
//! A program can get hold of libc's allocator in spite of the preload (a library opened with
//! `RTLD_DEEPBIND`, `dlsym` on libc itself), and then frees through our symbol. Such an address
//! goes to whom it came from. An address of our own range that is not live is a bug of the
//! program, and ends it with a message.

use crate::stack::STACK;
use crate::{errno, report};
use alloc_core::Layer;
use core::ffi::CStr;
use core::ptr::{self, NonNull};
use libc::c_void;

/// The C++ runtimes whose symbols are looked up even where the program loaded them privately.
const RUNTIMES: [&CStr; 2] = [c"libstdc++.so.6", c"libc++.so.1"];

/// The symbol `name` of the libraries that come after this one, or null.
pub(crate) fn next(name: &CStr) -> *mut c_void {
    // SAFETY: `name` is a C string; `RTLD_NEXT` is a handle that is always open.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

/// The symbol `name` of the C++ runtime, or null.
pub(crate) fn next_in_runtime(name: &CStr) -> *mut c_void {
    let mut found = next(name);
    for runtime in RUNTIMES {
        if !found.is_null() {
            break;
        }
        // SAFETY: a C string; `RTLD_NOLOAD` opens only what is there already, and the handle is
        // kept, so that the symbol stays valid.
        found = unsafe {
            let handle = libc::dlopen(runtime.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
            if handle.is_null() { handle } else { libc::dlsym(handle, name.as_ptr()) }
        };
    }
    found
}

/// `free` of an address that is not ours.
///
/// # Safety
///
/// As for `free`; the stack says that no live allocation of its own starts at `ptr`.
#[cold]
pub(crate) unsafe fn free(ptr: NonNull<u8>) {
    type Free = unsafe extern "C" fn(*mut c_void);
    let next = require("free()", c"free", ptr);
    // SAFETY: the symbol is C's `free`, whose type this is.
    let next = unsafe { core::mem::transmute::<*mut c_void, Free>(next) };
    // SAFETY: the caller's promise; not ours, so it is that of the next library.
    errno::preserved(|| unsafe { next(ptr.as_ptr().cast()) });
}

/// `realloc` of an address that is not ours, to a size that is not 0.
///
/// # Safety
///
/// As for [`free`].
#[cold]
pub(crate) unsafe fn realloc(ptr: NonNull<u8>, size: usize) -> *mut c_void {
    type Realloc = unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void;
    let next = require("realloc()", c"realloc", ptr);
    // SAFETY: the symbol is C's `realloc`, whose type this is.
    let next = unsafe { core::mem::transmute::<*mut c_void, Realloc>(next) };
    // SAFETY: the caller's promise; not ours, so it is that of the next library.
    unsafe { next(ptr.as_ptr().cast(), size) }
}

/// `malloc_usable_size` of an address that is not ours.
///
/// # Safety
///
/// As for [`free`].
#[cold]
pub(crate) unsafe fn usable_bytes(ptr: NonNull<u8>) -> usize {
    type Usable = unsafe extern "C" fn(*mut c_void) -> usize;
    let next = require("malloc_usable_size()", c"malloc_usable_size", ptr);
    // SAFETY: the symbol is glibc's `malloc_usable_size`, whose type this is.
    let next = unsafe { core::mem::transmute::<*mut c_void, Usable>(next) };
    // SAFETY: the caller's promise; not ours, so it is that of the next library.
    unsafe { next(ptr.as_ptr().cast()) }
}

/// The next library's `name`, for an address that may be its own; ends the process otherwise.
fn require(call: &str, name: &CStr, ptr: NonNull<u8>) -> *mut c_void {
    let next = if STACK.owns(ptr) { ptr::null_mut() } else { next(name) };
    if next.is_null() {
        report::die(format_args!("{call}: no allocation starts at {ptr:p} (freed twice?)"));
    }
    next
}
