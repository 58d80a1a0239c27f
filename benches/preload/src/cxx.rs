//! C++'s `operator new` and `operator delete`, in all their forms.
//!
//! Above: the program. Below: `malloc.rs` and `aligned.rs`. The names are those of the Itanium
//! C++ ABI, with `m` (`unsigned long`) for `std::size_t`: 64-bit Linux.
//! Not here: the loop over the new-handler and `std::bad_alloc`. When memory is short, `new` calls
//! the C++ runtime's own operator of the same name: it tries again, loops, and throws in its own
//! way. (The runtime's nothrow operator catches what a handler throws, which only C++ can do.)
//! A deletion's size and alignment are not relied upon: the stack knows its own. (The hardened one compares.)

use crate::hardened::{NEW, NEW_ALIGNED, NEW_ARRAY, NEW_ARRAY_ALIGNED};
use crate::{aligned, foreign, malloc, report, stack};
use core::ffi::CStr;
use core::mem::transmute;
use libc::c_void;

/// A reference to `std::nothrow`: an empty object whose address means nothing.
type NoThrow = *const c_void;
type New = extern "C-unwind" fn(usize) -> *mut c_void;
type NewAligned = extern "C-unwind" fn(usize, usize) -> *mut c_void;
type NewNoThrow = extern "C-unwind" fn(usize, NoThrow) -> *mut c_void;
type NewAlignedNoThrow = extern "C-unwind" fn(usize, usize, NoThrow) -> *mut c_void;

const NAME: &CStr = c"_Znwm";
const NAME_ALIGNED: &CStr = c"_ZnwmSt11align_val_t";
const NAME_NOTHROW: &CStr = c"_ZnwmRKSt9nothrow_t";
const NAME_ALIGNED_NOTHROW: &CStr = c"_ZnwmSt11align_val_tRKSt9nothrow_t";

/// libstdc++'s aligned operators round a size up to the alignment without a look at overflow, so that a larger one may wrap
/// around to a small object; up to this one, no alignment makes it do so. The operators without an alignment fail in the same way, and do not round.
const LARGEST_ROUNDED_BYTES: usize = usize::MAX / 2;

#[inline(always)]
fn new<const FAMILY: u8>(size: usize) -> *mut c_void {
    let ptr = malloc::allocate::<FAMILY>(size);
    if ptr.is_null() { new_failed(size) } else { ptr }
}

#[cold]
fn new_failed(size: usize) -> *mut c_void {
    let runtime = required(NAME, size);
    // SAFETY: this is the type of the symbol of that name.
    let runtime = unsafe { transmute::<*mut c_void, New>(runtime) };
    runtime(size)
}

#[inline(always)]
fn new_nothrow<const FAMILY: u8>(size: usize, nothrow: NoThrow) -> *mut c_void {
    let ptr = malloc::allocate::<FAMILY>(size);
    if ptr.is_null() { new_nothrow_failed(size, nothrow) } else { ptr }
}

#[cold]
fn new_nothrow_failed(size: usize, nothrow: NoThrow) -> *mut c_void {
    let runtime = foreign::next_in_runtime(NAME_NOTHROW);
    if runtime.is_null() {
        return runtime;
    }
    // SAFETY: this is the type of the symbol of that name.
    let runtime = unsafe { transmute::<*mut c_void, NewNoThrow>(runtime) };
    runtime(size, nothrow)
}

fn new_aligned<const FAMILY: u8>(size: usize, align: usize) -> *mut c_void {
    let ptr = try_aligned::<FAMILY>(size, align);
    if !ptr.is_null() {
        return ptr;
    }
    if size > LARGEST_ROUNDED_BYTES {
        return new_failed(size);
    }
    let runtime = required(NAME_ALIGNED, size);
    // SAFETY: this is the type of the symbol of that name.
    let runtime = unsafe { transmute::<*mut c_void, NewAligned>(runtime) };
    runtime(size, align)
}

fn new_aligned_nothrow<const FAMILY: u8>(
    size: usize,
    align: usize,
    nothrow: NoThrow,
) -> *mut c_void {
    let ptr = try_aligned::<FAMILY>(size, align);
    if !ptr.is_null() {
        return ptr;
    }
    if size > LARGEST_ROUNDED_BYTES {
        return new_nothrow_failed(size, nothrow);
    }
    let runtime = foreign::next_in_runtime(NAME_ALIGNED_NOTHROW);
    if runtime.is_null() {
        return runtime;
    }
    // SAFETY: this is the type of the symbol of that name.
    let runtime = unsafe { transmute::<*mut c_void, NewAlignedNoThrow>(runtime) };
    runtime(size, align, nothrow)
}

fn try_aligned<const FAMILY: u8>(size: usize, align: usize) -> *mut c_void {
    if align.is_power_of_two() {
        aligned::allocate::<FAMILY>(align, size)
    } else {
        stack::exhausted()
    }
}

/// The runtime's operator `name`; without a C++ runtime nobody could catch `std::bad_alloc`.
fn required(name: &CStr, size: usize) -> *mut c_void {
    let runtime = foreign::next_in_runtime(name);
    if runtime.is_null() {
        report::die(format_args!("operator new: out of memory for {size} bytes"));
    }
    runtime
}

macro_rules! operators_new {
    ($($name:literal $rust:ident($($arg:ident: $type:ty),*) = $body:ident of $family:ident;)*) => { $(
        #[doc = concat!("The C++ operator `", $name, "`.")]
        #[unsafe(export_name = $name)]
        pub extern "C-unwind" fn $rust(size: usize $(, $arg: $type)*) -> *mut c_void {
            $body::<$family>(size $(, $arg)*)
        }
    )* };
}

operators_new! {
    "_Znwm" op_new() = new of NEW;
    "_Znam" op_new_array() = new of NEW_ARRAY;
    "_ZnwmRKSt9nothrow_t" op_new_nothrow(nothrow: NoThrow) = new_nothrow of NEW;
    "_ZnamRKSt9nothrow_t" op_new_array_nothrow(nothrow: NoThrow) = new_nothrow of NEW_ARRAY;
    "_ZnwmSt11align_val_t" op_new_aligned(align: usize) = new_aligned of NEW_ALIGNED;
    "_ZnamSt11align_val_t" op_new_array_aligned(align: usize) = new_aligned of NEW_ARRAY_ALIGNED;
    "_ZnwmSt11align_val_tRKSt9nothrow_t"
        op_new_aligned_nothrow(align: usize, nothrow: NoThrow) = new_aligned_nothrow of NEW_ALIGNED;
    "_ZnamSt11align_val_tRKSt9nothrow_t"
        op_new_array_aligned_nothrow(align: usize, nothrow: NoThrow)
            = new_aligned_nothrow of NEW_ARRAY_ALIGNED;
}

macro_rules! operators_delete {
    ($($name:literal $rust:ident($($arg:ident: $type:ty),*) of $family:ident $says:expr;)*) => { $(
        #[doc = concat!("The C++ operator `", $name, "`.")]
        ///
        /// # Safety
        ///
        /// `ptr` is null, or came from a `new` and has not been deleted.
        #[unsafe(export_name = $name)]
        pub unsafe extern "C" fn $rust(ptr: *mut c_void $(, $arg: $type)*) {
            // SAFETY: the caller's promise.
            unsafe { malloc::deallocate_told::<$family>(ptr, $says) }
        }
    )* };
}

/// Nothing is said of an object.
const NOTHING: (Option<usize>, Option<usize>) = (None, None);

operators_delete! {
    "_ZdlPv" op_delete() of NEW NOTHING;
    "_ZdaPv" op_delete_array() of NEW_ARRAY NOTHING;
    "_ZdlPvRKSt9nothrow_t" op_delete_nothrow(_nothrow: NoThrow) of NEW NOTHING;
    "_ZdaPvRKSt9nothrow_t" op_delete_array_nothrow(_nothrow: NoThrow) of NEW_ARRAY NOTHING;
    "_ZdlPvm" op_delete_sized(bytes: usize) of NEW (Some(bytes), None);
    "_ZdaPvm" op_delete_array_sized(bytes: usize) of NEW_ARRAY (Some(bytes), None);
    "_ZdlPvSt11align_val_t" op_delete_aligned(align: usize) of NEW_ALIGNED (None, Some(align));
    "_ZdaPvSt11align_val_t" op_delete_array_aligned(align: usize)
        of NEW_ARRAY_ALIGNED (None, Some(align));
    "_ZdlPvmSt11align_val_t" op_delete_sized_aligned(bytes: usize, align: usize)
        of NEW_ALIGNED (Some(bytes), Some(align));
    "_ZdaPvmSt11align_val_t" op_delete_array_sized_aligned(bytes: usize, align: usize)
        of NEW_ARRAY_ALIGNED (Some(bytes), Some(align));
    "_ZdlPvSt11align_val_tRKSt9nothrow_t"
        op_delete_aligned_nothrow(align: usize, _nothrow: NoThrow)
        of NEW_ALIGNED (None, Some(align));
    "_ZdaPvSt11align_val_tRKSt9nothrow_t"
        op_delete_array_aligned_nothrow(align: usize, _nothrow: NoThrow)
        of NEW_ARRAY_ALIGNED (None, Some(align));
}

// The names above write `std::size_t` as `m`, which is 64 bits wide.
const _: () = assert!(size_of::<usize>() == 8);
