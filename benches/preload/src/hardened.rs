//! `STRATA_HARDENED=1`: the hardened stack under the program, in the place of the default one.
//!
//! Above: the cold halves of the symbols, while the gate is shut for it. Below: `alloc_sizeclass::Hardened`, which checks
//! everything that C and C++ say about an object when they free it: the family of functions, the size, the alignment.
//! What was allocated before the start is `STACK`'s, and goes back there. An address that neither handed out ends the
//! process: in a hardened one there is no next library whose `free` it could be meant for.
//! Not here: any check (`alloc_sizeclass/src/hardened`).

use crate::stack::{self, STACK};
use crate::{errno, gate, report};
use alloc_arena::{Arena, Os};
use alloc_core::{Layer, Layout};
use alloc_sizeclass::hardened::{Claim, Family, NotOurs};
use alloc_sizeclass::{Lookup, hardened};
use core::ptr::{self, NonNull};
use libc::c_void;

hardened! {
    #[initial_exec = "strata_preload_hardened_record"]
    /// The stack of a hardened process.
    pub(crate) static HARDENED: Arena<Os> = Arena::new(Os::new());
}

/// Families as constants, which functions are made for.
pub(crate) const MALLOC: u8 = Family::Malloc as u8;
pub(crate) const ALIGNED: u8 = Family::Aligned as u8;
pub(crate) const NEW: u8 = Family::New as u8;
pub(crate) const NEW_ARRAY: u8 = Family::NewArray as u8;
pub(crate) const NEW_ALIGNED: u8 = Family::NewAligned as u8;
pub(crate) const NEW_ARRAY_ALIGNED: u8 = Family::NewArrayAligned as u8;

/// The family of one of these constants.
pub(crate) const fn family(constant: u8) -> Family {
    match constant {
        MALLOC => Family::Malloc,
        ALIGNED => Family::Aligned,
        NEW => Family::New,
        NEW_ARRAY => Family::NewArray,
        NEW_ALIGNED => Family::NewAligned,
        _ => Family::NewArrayAligned,
    }
}

/// Puts the stack under the program, if `STRATA_HARDENED` asks for it.
pub(crate) fn configure() {
    let asked = std::env::var_os("STRATA_HARDENED");
    if !asked.is_some_and(|value| !value.is_empty() && value != "0") {
        return;
    }
    // The stack registers its fork handlers at its first call: before ours (`fork.rs`).
    let Some(first) = HARDENED.allocate_for(Layout::new::<u64>(), Family::Malloc, false) else {
        report::die(format_args!("STRATA_HARDENED: the system has no addresses for it"));
    };
    // SAFETY: allocated right above.
    unsafe { HARDENED.free(first, Claim::of(Family::Malloc)) };
    if gate::is_recorded() {
        return report::say(format_args!("strata: recorded, and so not hardened\n"));
    }
    stack::miss_always();
    gate::harden();
}

/// Memory; or sets `ENOMEM` and returns null.
#[inline(always)]
pub(crate) fn allocate<const FAMILY: u8>(size: usize, wants_zeroes: bool) -> *mut c_void {
    match HARDENED.allocate_hit(size, family(FAMILY), wants_zeroes) {
        Some(object) => object.as_ptr().cast(),
        None => allocate_other(size, family(FAMILY), wants_zeroes),
    }
}

#[cold]
#[inline(never)]
fn allocate_other(size: usize, family: Family, wants_zeroes: bool) -> *mut c_void {
    if size > gate::LARGEST_BYTES {
        return stack::exhausted();
    }
    // SAFETY: `size` is bounded above.
    allocate_layout(unsafe { stack::natural(size) }, family, wants_zeroes)
}

/// Memory with an alignment; or sets `ENOMEM` and returns null.
#[inline(never)]
pub(crate) fn allocate_layout(layout: Layout, family: Family, wants_zeroes: bool) -> *mut c_void {
    match HARDENED.allocate_for(layout, family, wants_zeroes) {
        Some(object) => object.as_ptr().cast(),
        None => stack::exhausted(),
    }
}

/// Frees an object.
///
/// # Safety
///
/// As for `free`: whoever owns an object at `ptr` gives it up.
#[inline(always)]
pub(crate) unsafe fn deallocate<const FAMILY: u8>(ptr: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe {
        if HARDENED.free_hit(ptr.cast(), family(FAMILY)).is_none() {
            deallocate_missed::<FAMILY>(ptr);
        }
    }
}

/// # Safety
///
/// As for [`deallocate`].
#[inline(never)]
unsafe fn deallocate_missed<const FAMILY: u8>(ptr: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { deallocate_other(ptr, Claim::of(family(FAMILY))) }
}

/// Frees an object, of which something is said.
///
/// # Safety
///
/// As for [`deallocate`].
#[cold]
#[inline(never)]
pub(crate) unsafe fn deallocate_told<const FAMILY: u8>(
    ptr: *mut c_void,
    bytes: Option<usize>,
    align: Option<usize>,
) {
    // SAFETY: the caller's promise.
    unsafe { deallocate_other(ptr, Claim { family: family(FAMILY), bytes, align }) }
}

/// # Safety
///
/// As for [`deallocate`].
#[inline(never)]
unsafe fn deallocate_other(ptr: *mut c_void, claim: Claim) {
    let Some(ptr) = NonNull::new(ptr.cast()) else { return };
    // SAFETY: the caller's promise.
    errno::preserved(|| unsafe {
        if !HARDENED.free(ptr, claim) {
            let _ = early(ptr);
            stack::deallocate(ptr);
        }
    });
}

/// The layout of an object that was allocated before the start. Does not return if there is none.
fn early(ptr: NonNull<u8>) -> Layout {
    match STACK.layout_at(ptr) {
        Some(layout) => layout,
        None => HARDENED.refuse(ptr),
    }
}

/// Reallocates; or sets `ENOMEM`, returns null, and leaves the object as it is.
///
/// # Safety
///
/// As for `realloc`; `size` is not 0 and at most [`gate::LARGEST_BYTES`].
pub(crate) unsafe fn reallocate(ptr: NonNull<u8>, size: usize) -> *mut c_void {
    // SAFETY: the caller bounds `size`; the caller's promise.
    unsafe {
        match HARDENED.resize(ptr, Claim::of(Family::Malloc), stack::natural(size), false) {
            Ok(Some(object)) => object.as_ptr().cast(),
            Ok(None) => stack::exhausted(),
            Err(NotOurs) => {
                let old = early(ptr);
                let to = allocate_layout(stack::natural(size), Family::Malloc, false);
                if !to.is_null() {
                    ptr::copy_nonoverlapping(ptr.as_ptr(), to.cast(), old.size().min(size));
                    stack::deallocate(ptr);
                }
                to
            }
        }
    }
}

/// The bytes that were asked for.
///
/// # Safety
///
/// As for `malloc_usable_size`.
pub(crate) unsafe fn usable_bytes(ptr: NonNull<u8>) -> usize {
    // SAFETY: the caller's promise.
    match unsafe { HARDENED.object_at(ptr) } {
        Some(object) => object.bytes,
        None => early(ptr).size(),
    }
}

/// Gives back what is not in use. Returns the bytes.
pub(crate) fn reclaim() -> usize {
    HARDENED.reclaim(usize::MAX)
}
