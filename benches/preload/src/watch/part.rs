//! The calls of a program that is watched in part: with guard pages, or a profile, or both, who have nothing to do with most of them.
//!
//! Above: `malloc.rs`, by the gate; for `realloc`, `detour.rs`. Below: `count.rs`, which says what passes; `WATCHED`, which serves it from a list
//! of the thread's, as `STACK` serves a program that is not watched; the watcher, for what does not pass, and for what is its own.
//! What lies in `WATCHED` and does not start on a page is no watcher's: samples start on one, and guarded objects lie elsewhere.
//! Not here: alignments (`aligned.rs` goes by `detour.rs` to the watcher's own methods), a list of leaks, which has every call.

use super::{Due, WATCHED, Watcher, Wish, count, profile, start, watcher};
use crate::stack::{self, Table};
use crate::{errno, gate};
use alloc_core::{AllocError, Allocator, Layout, profile::PAGE_BYTES};
use alloc_sizeclass::{BatchHeap, Class, ClassTable, Lookup};
use core::ptr::NonNull;
use libc::c_void;

/// `malloc` of what has a class. What passes comes from a list of the thread's, if there is one.
#[inline(always)]
pub(crate) fn allocate(size: usize, class: Class) -> *mut c_void {
    if !count::passes(size) {
        return allocate_drawn(size, false);
    }
    match WATCHED.allocate_cached(class) {
        Some(slot) => slot.as_ptr().cast(),
        None => allocate_refilled(class),
    }
}

/// What passes, without a slot on the list.
#[inline(never)]
extern "C" fn allocate_refilled(class: Class) -> *mut c_void {
    match WATCHED.allocate_class(class) {
        Ok(slot) => slot.as_ptr().cast(),
        Err(_) => stack::exhausted(),
    }
}

/// `calloc`, of a size up to `LARGEST_BYTES`.
#[inline(always)]
pub(crate) fn allocate_zeroed(size: usize) -> *mut c_void {
    let Some(class) = Table::class_of_size(size) else { return allocate_any(size, true) };
    if !count::passes(size) {
        return allocate_drawn(size, true);
    }
    match WATCHED.allocate_cached(class) {
        Some(slot) => {
            let slot = slot.as_ptr();
            // SAFETY: the slot was just allocated, with so many bytes.
            unsafe { slot.write_bytes(0, Table::info(class).slot_bytes) };
            slot.cast()
        }
        None => allocate_zeroed_refilled(size),
    }
}

/// What passes, without a slot on the list: the heap may have a medium slot that is zero already.
#[inline(never)]
extern "C" fn allocate_zeroed_refilled(size: usize) -> *mut c_void {
    // SAFETY: it has a class.
    start(WATCHED.allocate_zeroed(unsafe { stack::natural(size) }))
}

/// Allocates any size, with or without a class; or sets `ENOMEM` and returns null.
#[inline(never)]
pub(crate) extern "C" fn allocate_any(size: usize, zeroed: bool) -> *mut c_void {
    if size > gate::LARGEST_BYTES {
        return stack::exhausted();
    }
    let size = size.max(1);
    if !count::passes(size) {
        return allocate_drawn(size, zeroed);
    }
    // SAFETY: bounded above.
    start(allocate_unseen(Wish { layout: unsafe { stack::natural(size) }, zeroed }))
}

/// What is to be no watcher's.
#[inline(always)]
fn allocate_unseen(Wish { layout, zeroed }: Wish) -> Result<NonNull<[u8]>, AllocError> {
    if zeroed { WATCHED.allocate_zeroed(layout) } else { WATCHED.allocate(layout) }
}

/// What does not pass: `size` is from 1 to `LARGEST_BYTES`, and `count::passes` has just said `false` of it.
#[cold]
#[inline(never)]
extern "C" fn allocate_drawn(size: usize, zeroed: bool) -> *mut c_void {
    let Some(watcher) = watcher() else { return stack::exhausted() };
    let due = count::settle(size, || watcher.calls_to_pass(), || watcher.bytes_to_pass());
    // SAFETY: bounded by the caller.
    let wish = Wish { layout: unsafe { stack::natural(size) }, zeroed };
    start(watcher.make(wish, due).unwrap_or_else(|| allocate_unseen(wish)))
}

/// Frees. What is no watcher's goes to a list of the thread's, if that has room for it.
///
/// # Safety
///
/// As for [`stack::deallocate`]; or `ptr` is null.
#[inline(always)]
pub(crate) unsafe fn deallocate(ptr: *mut c_void) {
    // SAFETY: the caller's promise. What lies in `WATCHED`, and not on a page's start, is no watcher's (above).
    unsafe {
        if is_on_page(ptr) || !WATCHED.deallocate_cached_at(ptr.cast()) {
            deallocate_missed(ptr);
        }
    }
}

/// Whether it starts on a page, as null does.
#[inline(always)]
fn is_on_page(ptr: *mut c_void) -> bool {
    ptr.addr().is_multiple_of(PAGE_BYTES)
}

/// What may be a watcher's, or has no place on a list; or null.
///
/// # Safety
///
/// As for [`deallocate`].
#[inline(never)]
unsafe extern "C" fn deallocate_missed(ptr: *mut c_void) {
    let Some(ptr) = NonNull::new(ptr.cast::<u8>()) else { return };
    // SAFETY: the caller's promise. What lies in `WATCHED`, and is no sample, is no watcher's (above).
    unsafe {
        if profile::is_sample(ptr) || !WATCHED.deallocate_cached_at(ptr.as_ptr()) {
            deallocate_anything(ptr);
        }
    }
}

/// What is the watcher's, or `WATCHED`'s, or `STACK`'s.
///
/// # Safety
///
/// As for [`stack::deallocate`].
#[inline(never)]
unsafe extern "C" fn deallocate_anything(ptr: NonNull<u8>) {
    // SAFETY: the caller's promise; the layouts are those of what starts there.
    unsafe {
        match known(ptr) {
            // C's `free` keeps `errno`, whatever a watcher asks of the system.
            Some((watcher, layout)) => errno::preserved(|| watcher.deallocate(ptr, layout)),
            None => match WATCHED.layout_at(ptr) {
                Some(layout) => WATCHED.deallocate(ptr, layout),
                None => stack::deallocate(ptr),
            },
        }
    }
}

/// The watcher, and the layout of what starts at `ptr`, if that is its own.
fn known(ptr: NonNull<u8>) -> Option<(&'static dyn Watcher, Layout)> {
    let watcher = watcher()?;
    Some((watcher, watcher.known(ptr)?))
}

/// Reallocates, as [`stack::reallocate`] does. To grow is to free and to allocate anew, which is counted by its bytes: of what is not
/// guarded, `Sampled` guards nothing when it grows. For what is seldom, the watcher's own way.
///
/// # Safety
///
/// As for [`stack::reallocate`].
pub(crate) unsafe fn reallocate(ptr: NonNull<u8>, size: usize) -> *mut c_void {
    let is_sample = is_on_page(ptr.as_ptr().cast()) && profile::is_sample(ptr);
    let index = if is_sample { None } else { WATCHED.start_in_table(ptr.addr().get()) };
    let Some(class) = index.map(Class::new) else {
        // SAFETY: the caller's promise.
        return unsafe { super::reallocate(ptr, size) };
    };
    let old_bytes = Table::info(class).slot_bytes;
    if size <= old_bytes && stack::stays(old_bytes, size) {
        return ptr.as_ptr().cast();
    }
    match Table::class_of_size(size) {
        // SAFETY: the caller's promise; the slot that starts at `ptr` is no watcher's, and of the class.
        Some(to) if size > old_bytes => unsafe { grow_unseen((ptr, class), size, to) },
        // SAFETY: the caller's promise.
        _ => unsafe { super::reallocate(ptr, size) },
    }
}

/// Grows a slot by moving it to another class, `to`; or sets `ENOMEM`, returns null and leaves it alone.
///
/// # Safety
///
/// `ptr` is a live slot of `class` in `WATCHED`, and no watcher's; the caller gives it away unless this fails. `size` is of the
/// class `to`, whose slots are larger.
#[inline(always)]
unsafe fn grow_unseen((ptr, class): (NonNull<u8>, Class), size: usize, to: Class) -> *mut c_void {
    let made =
        if count::passes_bytes(size) { WATCHED.allocate_class(to) } else { allocate_grown(size) };
    let Ok(made) = made else { return stack::exhausted() };
    // SAFETY: both are live and distinct, and the new one is larger; the old one is the caller's to free.
    unsafe {
        made.copy_from_nonoverlapping(ptr, Table::info(class).slot_bytes);
        WATCHED.deallocate_class(ptr, class);
    }
    made.as_ptr().cast()
}

/// What is to be grown to and does not pass.
#[cold]
#[inline(never)]
fn allocate_grown(size: usize) -> Result<NonNull<u8>, AllocError> {
    let watcher = watcher().ok_or(AllocError)?;
    let bytes = count::settle_bytes(size, || watcher.calls_to_pass(), || watcher.bytes_to_pass());
    // SAFETY: it has a class.
    let wish = Wish { layout: unsafe { stack::natural(size) }, zeroed: false };
    let made = watcher.make(wish, Due { calls: false, bytes });
    made.unwrap_or_else(|| allocate_unseen(wish)).map(NonNull::cast)
}
