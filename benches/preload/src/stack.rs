//! The stack that every symbol stands on, and the three verbs that they are made of.
//!
//! Above: the symbols, and the recorder. Below: `ThreadCache` over `SizeClassHeap` over `Arena`.
//! Here: C's view of it. C keeps no layouts, so a free and a realloc ask the stack for the layout
//! that fits (`Lookup`); an address that is not ours goes to the next library (`foreign.rs`).
//! Not here: what C says about sizes of 0, about errno, about alignments (`malloc.rs`,
//! `aligned.rs`).

use crate::{errno, foreign, gate, report};
use alloc_arena::{Arena, Os};
use alloc_core::{Allocator, AsGlobal, Layout};
use alloc_sizeclass::{
    BatchHeap, Checked, Class, ClassTable, SizeClassHeap, SizeClasses, ThreadCache, thread_cache,
};
use core::hint::assert_unchecked;
use core::ptr::{self, NonNull};
use libc::c_void;

/// What lies under the thread caches.
pub(crate) type Heap = SizeClassHeap<Arena<Os>>;
pub(crate) type Table = <Heap as BatchHeap>::Table;

thread_cache! {
    #[initial_exec = "strata_preload_thread_cache"]
    /// The stack of this process.
    pub(crate) static STACK: Heap = Heap::new(Arena::new(Os::new()));
}

/// Rust's own allocations in this library (the recorder's) come from the same stack, but past the
/// symbols: they are never recorded.
#[global_allocator]
static RUST: AsGlobal<&ThreadCache<Heap, STACK>> = AsGlobal::new(&STACK);

/// The stack as C's calls see it: frees are checked.
#[inline(always)]
fn checked() -> Checked<'static, Heap, STACK> {
    Checked::new(&STACK, |misuse| report::die(format_args!("{misuse}")))
}

/// An allocation that has room for at least this much more than is asked of it stays where it is
/// only if it is smaller than this; larger ones give their tail back.
const KEPT_BYTES: usize = 64 << 10;

/// The alignment of `malloc`: what fits every scalar type that `size` bytes can hold.
#[inline(always)]
const fn natural_align(size: usize) -> usize {
    if size >= 16 { 16 } else { 8 }
}

/// The layout of `malloc(size)`.
///
/// # Safety
///
/// `size` is at most [`gate::LARGEST_BYTES`].
#[inline(always)]
pub(crate) const unsafe fn natural(size: usize) -> Layout {
    debug_assert!(size <= gate::LARGEST_BYTES);
    // SAFETY: 8 and 16 are powers of two; the caller bounds `size`, and `LARGEST_BYTES` rounded up
    // to 16 is itself, which is at most `isize::MAX`.
    unsafe { Layout::from_size_align_unchecked(size, natural_align(size)) }
}

/// The class of an ordinary size.
///
/// # Safety
///
/// `size` is ordinary (`gate.rs`).
#[inline(always)]
pub(crate) unsafe fn class_of_ordinary(size: usize) -> Class {
    // SAFETY: the caller's promise, and every ordinary size has a class (asserted below).
    unsafe {
        assert_unchecked(gate::is_ordinary(size));
        Table::class_of_size(size).unwrap_unchecked()
    }
}

/// A slot for an ordinary size, if this thread has one.
///
/// # Safety
///
/// As for [`class_of_ordinary`].
#[inline(always)]
pub(crate) unsafe fn allocate_ordinary(size: usize) -> Option<NonNull<u8>> {
    // SAFETY: the caller's promise.
    allocate_cached(unsafe { class_of_ordinary(size) })
}

/// The class of a size of any kind, if it has one.
#[inline(always)]
pub(crate) fn class_of(size: usize) -> Option<Class> {
    Table::class_of_size(size)
}

/// A slot, if this thread has one.
#[inline(always)]
pub(crate) fn allocate_cached(class: Class) -> Option<NonNull<u8>> {
    checked().allocate_cached(class)
}

const _: () = {
    let sizes = <Table as SizeClasses>::SLOT_BYTES;
    assert!(!gate::is_ordinary(sizes[sizes.len() - 1] + 1));
};

/// Sends every call past the thread's lists, where the recorder sees it. Called while there is one
/// thread.
pub(crate) fn miss_always() {
    STACK.stop_caching();
}

/// Puts a slot on this thread's list, if `ptr` is one and the list has room. Otherwise does nothing
/// and returns `false`.
///
/// # Safety
///
/// As for [`deallocate`]; or `ptr` is null.
#[inline(always)]
pub(crate) unsafe fn deallocate_ordinary(ptr: *mut c_void) -> bool {
    // SAFETY: the caller's promise; null is not in the stack's memory.
    unsafe { checked().deallocate_cached_at(ptr.cast()) }
}

/// Allocates, or sets `ENOMEM` and returns null.
pub(crate) fn allocate(layout: Layout) -> *mut c_void {
    match checked().allocate(layout) {
        Ok(slice) => slice.as_ptr().cast(),
        Err(_) => exhausted(),
    }
}

/// Allocates zeroed bytes, or sets `ENOMEM` and returns null.
///
/// # Safety
///
/// `size` is at most [`gate::LARGEST_BYTES`].
#[inline(never)]
pub(crate) unsafe extern "C" fn allocate_zeroed(size: usize) -> *mut c_void {
    // SAFETY: the caller bounds `size`, and so is 1.
    match checked().allocate_zeroed(unsafe { natural(size.max(1)) }) {
        Ok(slice) => slice.as_ptr().cast(),
        Err(_) => exhausted(),
    }
}

/// What a failed allocation answers: `ENOMEM` and null.
#[cold]
pub(crate) fn exhausted() -> *mut c_void {
    errno::set(libc::ENOMEM);
    ptr::null_mut()
}

/// Frees what starts at `ptr`.
///
/// # Safety
///
/// `ptr` came from an allocation function of this process and has not been freed since.
pub(crate) unsafe fn deallocate(ptr: NonNull<u8>) {
    // SAFETY: the caller's promise; the stack looks for itself whether the address is its own.
    if !unsafe { checked().deallocate_at(ptr) } {
        // SAFETY: the caller's promise, and the address is not ours.
        unsafe { foreign::free(ptr) }
    }
}

/// Gives what starts at `ptr` at least `size` bytes, where it is or elsewhere; or sets `ENOMEM`,
/// returns null and leaves it alone.
///
/// # Safety
///
/// As for [`deallocate`]; `size` is not 0 and at most [`gate::LARGEST_BYTES`].
#[inline(always)]
pub(crate) unsafe fn reallocate(ptr: NonNull<u8>, size: usize) -> *mut c_void {
    let Some(old) = checked().layout_at(ptr) else {
        // SAFETY: the caller's promise, and the address is not ours.
        return unsafe { foreign::realloc(ptr, size) };
    };
    if size <= old.size() && stays(old.size(), size) {
        return ptr.as_ptr().cast();
    }
    // SAFETY: the caller's promise; `old` fits the live allocation at `ptr` (`layout_at`).
    unsafe { resize(ptr, old, size) }
}

/// The part of [`reallocate`] that changes something.
///
/// # Safety
///
/// As for [`reallocate`]; `old` fits what is at `ptr`.
#[inline(always)]
unsafe fn resize(ptr: NonNull<u8>, old: Layout, size: usize) -> *mut c_void {
    let class = Table::class_of_size(old.size());
    if class.is_none() {
        // SAFETY: the caller's promise.
        return unsafe { resize_large(ptr, old, size) };
    }
    if class == Table::class_of_size(size) {
        return ptr.as_ptr().cast();
    }
    // SAFETY: the caller bounds `size`.
    let slot = match unsafe { gate::is_ordinary(size).then(|| allocate_ordinary(size)).flatten() } {
        Some(slot) => slot,
        // SAFETY: the caller bounds `size`.
        None => match checked().allocate(unsafe { natural(size) }) {
            Ok(slice) => slice.cast(),
            Err(_) if size > old.size() => return exhausted(),
            // What was there is large enough, and still there.
            Err(_) => return ptr.as_ptr().cast(),
        },
    };
    // SAFETY: both are live and distinct, with so many bytes; the old one is the caller's to free.
    unsafe {
        slot.copy_from_nonoverlapping(ptr, old.size().min(size));
        deallocate(ptr);
    }
    slot.as_ptr().cast()
}

/// The part of [`resize`] for what has no class.
///
/// # Safety
///
/// As for [`resize`].
unsafe fn resize_large(ptr: NonNull<u8>, old: Layout, size: usize) -> *mut c_void {
    // SAFETY: the caller bounds `size`.
    let new = unsafe { natural(size) };
    if size > old.size() {
        // SAFETY: `old` fits the live allocation at `ptr` (the caller), and is the smaller one.
        return match unsafe { checked().grow(ptr, old, new) } {
            Ok(slice) => slice.as_ptr().cast(),
            Err(_) => exhausted(),
        };
    }
    // SAFETY: as above; `old` is not the smaller one.
    match unsafe { checked().shrink(ptr, old, new) } {
        Ok(slice) => slice.as_ptr().cast(),
        Err(_) => ptr.as_ptr().cast(),
    }
}

/// Whether an allocation of `old_bytes`, that is to have fewer bytes or as many, stays as it is.
#[inline(always)]
pub(crate) const fn stays(old_bytes: usize, size: usize) -> bool {
    old_bytes < KEPT_BYTES && size >= old_bytes / 2
}

/// The bytes that may be used at `ptr`.
///
/// # Safety
///
/// As for [`deallocate`].
pub(crate) unsafe fn usable_bytes(ptr: NonNull<u8>) -> usize {
    match checked().layout_at(ptr) {
        Some(layout) => layout.size(),
        // SAFETY: the caller's promise, and the address is not ours.
        None => unsafe { foreign::usable_bytes(ptr) },
    }
}
