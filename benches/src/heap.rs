//! What a replay asks of an allocator, and the two kinds of allocators that can answer.
//!
//! Above: `replay`, `candidates`. Below: `GlobalAlloc` and Strata's `Layer`.

use alloc_core::Layer;
use alloc_core::report::Tree;
use serde::{Deserialize, Serialize};
use std::alloc::{GlobalAlloc, Layout};
use std::ptr::{self, NonNull};

/// An allocator under test. It is called as a value; it is not this program's own allocator.
///
/// # Safety
///
/// Memory that is handed out is unused, as large and as aligned as its layout says, and stays so
/// until it is given back. (A replay checks just that, so a broken allocator is reported as long
/// as it does not break the replay's own memory.)
pub unsafe trait Heap: Sync {
    /// Memory for `layout`, whose size is not 0; null if there is none.
    fn alloc(&self, layout: Layout) -> *mut u8;

    /// The same, all zero.
    fn alloc_zeroed(&self, layout: Layout) -> *mut u8;

    /// Takes memory back.
    ///
    /// # Safety
    ///
    /// `ptr` is live memory of this heap, handed out for `layout`.
    unsafe fn free(&self, ptr: *mut u8, layout: Layout);

    /// Moves the contents to memory for `new`, perhaps in the same place; null, and nothing has
    /// changed, if there is none.
    ///
    /// # Safety
    ///
    /// `ptr` is live memory of this heap, handed out for `old`. The size of `new` is not 0.
    unsafe fn realloc(&self, ptr: *mut u8, old: Layout, new: Layout) -> *mut u8;

    /// The runs of pages of the arena below, in the order of their addresses, if it has a map.
    fn pages(&self) -> Vec<Run> {
        Vec::new()
    }

    /// Looks for broken invariants in the allocator's own metadata.
    ///
    /// # Errors
    ///
    /// The first that is broken.
    fn verify(&self) -> Result<(), String> {
        Ok(())
    }

    /// What the allocator says of itself.
    fn report(&self) -> Option<Tree> {
        None
    }

    /// Gives back to the system all that is free. Returns the bytes, where they are known.
    fn reclaim(&self) -> usize {
        0
    }
}

/// Neighbouring pages of an arena in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Where it begins.
    pub base: usize,
    /// How long it is.
    pub bytes: usize,
    /// What it is.
    pub state: PageState,
}

/// What a run of pages is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PageState {
    /// Handed out to the layer above, and holding memory.
    Used,
    /// Handed out to the layer above, which has not touched it.
    Untouched,
    /// Free, and still holding memory.
    Dirty,
    /// Free, and holding none.
    Clean,
}

/// A `GlobalAlloc` as a heap.
#[derive(Debug)]
pub struct Flat<G>(pub G);

// SAFETY: the contract of `GlobalAlloc` is that of `Heap`.
unsafe impl<G: GlobalAlloc + Sync> Heap for Flat<G> {
    #[inline]
    fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: a replay asks for no size 0 (contract of `Heap::alloc`).
        unsafe { self.0.alloc(layout) }
    }

    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as for `alloc`.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn free(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.0.dealloc(ptr, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, old: Layout, new: Layout) -> *mut u8 {
        if old.align() == new.align() {
            // SAFETY: the caller's promise; a `Layout` never overflows when rounded up.
            return unsafe { self.0.realloc(ptr, old, new.size()) };
        }
        self.move_to(ptr, old, new)
    }
}

impl<G: GlobalAlloc + Sync> Flat<G> {
    /// `GlobalAlloc::realloc` keeps the alignment; this does not.
    #[cold]
    fn move_to(&self, ptr: *mut u8, old: Layout, new: Layout) -> *mut u8 {
        let place = self.alloc(new);
        if !place.is_null() {
            // SAFETY: `ptr` is live for `old` (contract of `realloc`, the only caller), `place` is
            // fresh, and both are at least as long as the copy.
            unsafe {
                ptr::copy_nonoverlapping(ptr, place, old.size().min(new.size()));
                self.free(ptr, old);
            }
        }
        place
    }
}

/// A stack of Strata's layers as a heap. `M` reads the map of the arena's pages.
#[derive(Debug)]
pub struct Stack<L, M = fn(&L) -> Vec<Run>> {
    layer: L,
    map: Option<M>,
}

impl<L: Layer> Stack<L> {
    /// A stack without a map of pages.
    pub const fn new(layer: L) -> Self {
        Self { layer, map: None }
    }
}

impl<L: Layer, M: Fn(&L) -> Vec<Run>> Stack<L, M> {
    /// A stack whose map of pages `map` reads.
    pub const fn with_map(layer: L, map: M) -> Self {
        Self { layer, map: Some(map) }
    }
}

fn start(answer: Result<NonNull<[u8]>, alloc_core::AllocError>) -> *mut u8 {
    answer.map_or(ptr::null_mut(), |slice| slice.cast().as_ptr())
}

// SAFETY: the contract of `Allocator`, which `Layer` extends, is that of `Heap`.
unsafe impl<L: Layer + Sync, M: Fn(&L) -> Vec<Run> + Sync> Heap for Stack<L, M> {
    // A replay has one call of it, and a stack of more layers is no reason for a call of its own.
    #[inline(always)]
    fn alloc(&self, layout: Layout) -> *mut u8 {
        start(self.layer.allocate(layout))
    }

    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        start(self.layer.allocate_zeroed(layout))
    }

    #[inline(always)]
    unsafe fn free(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise; live memory has no null address.
        unsafe { self.layer.deallocate(NonNull::new_unchecked(ptr), layout) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, old: Layout, new: Layout) -> *mut u8 {
        // SAFETY: the caller's promise; live memory has no null address.
        let place = unsafe { NonNull::new_unchecked(ptr) };
        if new.size() >= old.size() {
            // SAFETY: the caller's promise, and the size does not shrink.
            start(unsafe { self.layer.grow(place, old, new) })
        } else {
            // SAFETY: the caller's promise, and the size does not grow.
            start(unsafe { self.layer.shrink(place, old, new) })
        }
    }

    fn pages(&self) -> Vec<Run> {
        self.map.as_ref().map_or_else(Vec::new, |map| map(&self.layer))
    }

    fn verify(&self) -> Result<(), String> {
        self.layer.verify().map_err(|broken| broken.to_string())
    }

    fn report(&self) -> Option<Tree> {
        Some(Tree::of(&self.layer))
    }

    fn reclaim(&self) -> usize {
        self.layer.reclaim(usize::MAX)
    }
}
