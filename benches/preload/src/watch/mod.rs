//! The stack of a program that is watched: `STRATA_PROFILE`, `STRATA_LEAKS`, `STRATA_SAMPLED`.
//!
//! Above: `detour.rs`, which the gate sends here from the start of a watched program on; `life.rs`. Below: a watcher of
//! alloc-core, over a stack of its own kind: the same layers as `stack.rs`, but another static.
//! A program that is not watched pays nothing for all this: its calls hit `STACK`, and never look. In a watched one
//! `STACK` serves nobody (`stop_caching`), so that every call misses and makes the detour, which costs some
//! instructions; what was allocated before the start, and what this library allocates itself, is `STACK`'s.
//!
//! | file | what it owns |
//! |---|---|
//! | `profile.rs` | where the profile goes, and when |
//! | `leaks.rs` | where the list of leaks goes |
//! | `sampled.rs` | guard pages, over the profile if there is one |
//! | `count.rs` | what still passes unseen in a thread |
//! | `code.rs` | where this library's own code is: nobody wants to read of it in a list of calls |
//!
//! Not here: how anything is watched.

mod code;
mod count;
mod leaks;
mod profile;
mod sampled;

use crate::stack::{Heap, Table};
use crate::{errno, gate, report, stack};
use alloc_arena::{Arena, Os};
use alloc_core::{AllocError, Allocator, Layer, Layout, profile::PAGE_BYTES};
use alloc_sizeclass::{BatchHeap, Class, ClassTable, Lookup, ThreadCache, thread_cache};
use core::ptr::NonNull;
use count::Due;
use libc::c_void;
use std::ffi::OsString;
use std::sync::OnceLock;

thread_cache! {
    #[initial_exec = "strata_preload_watched_thread_cache"]
    /// What lies under the watcher.
    static WATCHED: Heap = Heap::new(Arena::new(Os::new()));
}

/// The stack below a watcher.
type Below = &'static ThreadCache<Heap, WATCHED>;

/// A watcher, for C: which has no layouts, so that an address is asked for its own.
trait Watcher: Layer + Sync {
    /// A layout that fits what is live at `ptr`, if that is the watcher's own: a sample, a guarded object. `None` for all else, which
    /// `WATCHED` knows.
    fn known(&self, ptr: NonNull<u8>) -> Option<Layout>;

    /// Draws how many allocations pass until one is the watcher's.
    fn calls_to_pass(&self) -> isize {
        isize::MAX
    }

    /// Draws how many bytes pass until an allocation is the watcher's.
    fn bytes_to_pass(&self) -> isize {
        isize::MAX
    }

    /// Makes an allocation at which something is due. `None`: the watcher need not know of it, and `WATCHED` may serve it. (A
    /// watcher that has every call is not asked this.)
    fn make(&self, _: Wish, _: Due) -> Option<Result<NonNull<[u8]>, AllocError>> {
        None
    }

    /// What there is to say of the program at its end.
    fn finish(&self);

    /// Takes the watcher's own lock, and none of those below: they have handlers of their own.
    fn freeze_alone(&self);

    /// Frees it.
    ///
    /// # Safety
    ///
    /// This thread, or the one that it is the copy of, called `freeze_alone`, and has not called this since.
    unsafe fn thaw_alone(&self);
}

/// What is to be allocated.
#[derive(Clone, Copy)]
struct Wish {
    layout: Layout,
    zeroed: bool,
}

/// Set at the start, for good.
static WATCHER: OnceLock<&'static dyn Watcher> = OnceLock::new();

/// An environment variable that is not empty.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Begins to watch if a variable asks for it. A recording comes first: a program is not watched beside it.
pub(crate) fn configure() {
    let Some(watcher) = wanted() else { return };
    alloc_core::leave_out_code(code::own());
    // The cache registers its fork handlers at its first miss: before ours (`fork.rs`).
    let layout = Layout::new::<u64>();
    if let Ok(slot) = WATCHED.allocate(layout) {
        // SAFETY: allocated right above, for this layout.
        unsafe { WATCHED.deallocate(slot.cast(), layout) };
    }
    if gate::is_recorded() {
        return report::say(format_args!("strata: recorded, and so not watched\n"));
    }
    if WATCHER.set(watcher).is_ok() {
        stack::miss_always();
        // A profile's samples begin on pages, and guarded objects are elsewhere: other frees are not for those watchers.
        gate::watch(leaks::is_wanted());
    }
}

/// The watcher that the environment asks for: leaks alone, or guard pages and a profile together.
fn wanted() -> Option<&'static dyn Watcher> {
    leaks::configure().or_else(|| {
        let profile = profile::configure();
        sampled::configure(profile).or(profile.map(|profile| profile as &dyn Watcher))
    })
}

/// Says what there is to say, if the program is watched.
pub(crate) fn finish() {
    if let Some(watcher) = WATCHER.get() {
        watcher.finish();
    }
}

fn watcher() -> Option<&'static dyn Watcher> {
    WATCHER.get().copied()
}

/// While it is watched in part: `malloc` of what has a class. What passes comes from a list of the thread's, if there is one.
#[inline(always)]
pub(crate) fn allocate_unless_drawn(size: usize, class: Class) -> *mut c_void {
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

/// While it is watched in part: `calloc`, of a size up to `LARGEST_BYTES`.
#[inline(always)]
pub(crate) fn allocate_zeroed_unless_drawn(size: usize) -> *mut c_void {
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

/// While it is watched in part: allocates any size, with or without a class; or sets `ENOMEM` and returns null.
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

/// What no watcher knows of.
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

/// While it is watched in part: frees. What no watcher has anything to do with goes to a list of the thread's, if that has room for
/// it.
///
/// # Safety
///
/// As for [`stack::deallocate`]; or `ptr` is null.
#[inline(always)]
pub(crate) unsafe fn deallocate_in_part(ptr: *mut c_void) {
    // SAFETY: the caller's promise. Of what lies in `WATCHED`, a watcher knows only what starts on a page: samples do.
    unsafe {
        if is_on_page(ptr) || !WATCHED.deallocate_cached_at(ptr.cast()) {
            deallocate_missed(ptr);
        }
    }
}

/// Whether it starts on a page, as null does.
#[inline(always)]
fn is_on_page(ptr: *mut c_void) -> bool {
    // The lowest bits alone: the compiler finds a shorter test for them than for a whole address.
    ptr.addr() as u16 & (PAGE_BYTES as u16 - 1) == 0
}

/// What may be a watcher's, or has no place on a list; or null.
///
/// # Safety
///
/// As for [`deallocate_in_part`].
#[inline(never)]
unsafe extern "C" fn deallocate_missed(ptr: *mut c_void) {
    let Some(ptr) = NonNull::new(ptr.cast::<u8>()) else { return };
    // SAFETY: the caller's promise. Of what lies in `WATCHED`, a watcher knows only samples.
    unsafe {
        if profile::is_sample(ptr) || !WATCHED.deallocate_cached_at(ptr.as_ptr()) {
            deallocate_anything(ptr);
        }
    }
}

/// What the watcher knows of, or is `WATCHED`'s, or `STACK`'s.
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

/// The watcher, and the layout of what starts at `ptr`, if it knows of it.
fn known(ptr: NonNull<u8>) -> Option<(&'static dyn Watcher, Layout)> {
    let watcher = watcher()?;
    Some((watcher, watcher.known(ptr)?))
}

/// While it is watched in part: reallocates, as [`stack::reallocate`] does. To grow is to free and to allocate anew, which is counted
/// by its bytes. What is not here is the watcher's own [`reallocate`].
///
/// # Safety
///
/// As for [`stack::reallocate`].
pub(crate) unsafe fn reallocate_in_part(ptr: NonNull<u8>, size: usize) -> *mut c_void {
    let is_sample = is_on_page(ptr.as_ptr().cast()) && profile::is_sample(ptr);
    let index = if is_sample { None } else { WATCHED.start_in_table(ptr.addr().get()) };
    let Some(class) = index.map(Class::new) else {
        // SAFETY: the caller's promise.
        return unsafe { reallocate(ptr, size) };
    };
    let old_bytes = Table::info(class).slot_bytes;
    if size <= old_bytes && stack::stays(old_bytes, size) {
        return ptr.as_ptr().cast();
    }
    match Table::class_of_size(size) {
        // SAFETY: the caller's promise; no watcher knows of the slot that starts at `ptr`, which is of the class.
        Some(to) if size > old_bytes => unsafe { grow_unseen((ptr, class), size, to) },
        // SAFETY: the caller's promise.
        _ => unsafe { reallocate(ptr, size) },
    }
}

/// Grows a slot by moving it to another class, `to`; or sets `ENOMEM`, returns null and leaves it alone.
///
/// # Safety
///
/// `ptr` is a live slot of `class` in `WATCHED`, of which no watcher knows; the caller gives it away unless this fails. `size` is of the
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

/// Allocates; or sets `ENOMEM` and returns null.
pub(crate) fn allocate(layout: Layout, zeroed: bool) -> *mut c_void {
    let Some(watcher) = watcher() else { return stack::exhausted() };
    start(if zeroed { watcher.allocate_zeroed(layout) } else { watcher.allocate(layout) })
}

fn start(answer: Result<NonNull<[u8]>, AllocError>) -> *mut c_void {
    match answer {
        Ok(slice) => slice.as_ptr().cast(),
        Err(_) => stack::exhausted(),
    }
}

/// The watcher, and the layout of what starts at `ptr`, if that is its own.
fn own(ptr: NonNull<u8>) -> Option<(&'static dyn Watcher, Layout)> {
    let watcher = watcher()?;
    Some((watcher, watcher.known(ptr).or_else(|| WATCHED.layout_at(ptr))?))
}

/// Frees.
///
/// # Safety
///
/// As for [`stack::deallocate`].
pub(crate) unsafe fn deallocate(ptr: NonNull<u8>) {
    // SAFETY: the caller's promise; `own` says whose it is, and by which layout.
    unsafe {
        match own(ptr) {
            // C's `free` keeps `errno`, whatever a watcher asks of the system.
            Some((watcher, layout)) => errno::preserved(|| watcher.deallocate(ptr, layout)),
            None => stack::deallocate(ptr),
        }
    }
}

/// Reallocates, as [`stack::reallocate`] does.
///
/// # Safety
///
/// As for [`stack::reallocate`].
pub(crate) unsafe fn reallocate(ptr: NonNull<u8>, size: usize) -> *mut c_void {
    let Some((watcher, old)) = own(ptr) else {
        // SAFETY: the caller's promise, and the address is not the watcher's.
        return unsafe { stack::reallocate(ptr, size) };
    };
    // SAFETY: the caller bounds `size`.
    let new = unsafe { stack::natural(size) };
    // SAFETY: `old` fits the live allocation at `ptr`, and is the smaller or the larger one.
    unsafe {
        if size > old.size() {
            return start(watcher.grow(ptr, old, new));
        }
        if stack::stays(old.size(), size) {
            return ptr.as_ptr().cast();
        }
        // If it stays, what was there is large enough.
        let shrunk = watcher.shrink(ptr, old, new);
        shrunk.map_or(ptr.as_ptr().cast(), |slice| slice.as_ptr().cast())
    }
}

/// The bytes that may be used at `ptr`.
///
/// # Safety
///
/// As for [`stack::deallocate`].
pub(crate) unsafe fn usable_bytes(ptr: NonNull<u8>) -> usize {
    match own(ptr) {
        Some((_, layout)) => layout.size(),
        // SAFETY: the caller's promise, and the address is not the watcher's.
        None => unsafe { stack::usable_bytes(ptr) },
    }
}

/// Takes the watcher's lock for a `fork`. Those of the cache below it are taken by its own handlers, later.
pub(crate) fn freeze() {
    if let Some(watcher) = watcher() {
        watcher.freeze_alone();
    }
}

/// Frees the locks, in the parent or in the child.
///
/// # Safety
///
/// This thread, or the one that it is the copy of, called [`freeze`], and has not called this since.
pub(crate) unsafe fn thaw() {
    if let Some(watcher) = watcher() {
        // SAFETY: the caller's promise.
        unsafe { watcher.thaw_alone() }
    }
}
