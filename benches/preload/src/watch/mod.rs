//! The stack of a program that is watched: `STRATA_PROFILE`, `STRATA_LEAKS`, `STRATA_SAMPLED`.
//!
//! Above: `malloc.rs` and `detour.rs`, which the gate sends here from the start of a watched program on; `life.rs`. Below: a watcher of
//! alloc-core, over a stack of its own kind: the same layers as `stack.rs`, but another static.
//! A program that is not watched pays nothing for all this: its calls hit `STACK`, and never look. In a watched one
//! `STACK` serves nobody (`stop_caching`), so that every call misses and comes here, which costs some
//! instructions; what was allocated before the start, and what this library allocates itself, is `STACK`'s.
//!
//! | file | what it owns |
//! |---|---|
//! | `profile.rs` | where the profile goes, and when |
//! | `leaks.rs` | where the list of leaks goes |
//! | `sampled.rs` | guard pages, over the profile if there is one |
//! | `part.rs` | the calls of a program with guard pages or a profile |
//! | `count.rs` | what still passes unseen in a thread |
//! | `code.rs` | where this library's own code is: nobody wants to read of it in a list of calls |
//!
//! Not here: how anything is watched.

mod code;
mod count;
mod leaks;
pub(crate) mod part;
mod profile;
mod sampled;

use crate::stack::Heap;
use crate::{errno, gate, report, stack};
use alloc_arena::{Arena, Os};
use alloc_core::{AllocError, Allocator, Layer, Layout};
use alloc_sizeclass::{Lookup, ThreadCache, thread_cache};
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
