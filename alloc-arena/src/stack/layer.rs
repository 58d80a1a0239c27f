//! [`Stack`] as an `Allocator`, as a [`Layer`], and as memory that grows at one end.
//!
//! Objects that the stack itself hands out are counted: when the last one is freed, nothing lies in it, in whatever order
//! they went. (Frames count nothing: they are rolled back.)

use super::Stack;
use crate::lifo::sealed::Bumped;
use crate::lifo::{self, Checkpoint, Lifo, Top, WORD_BYTES};
use alloc_core::{AllocError, Broken, Layer, Layout, Report, allocator};
use core::ptr::NonNull;

// SAFETY: `top` is about the stack's one range (`over`), which goes when the stack is dropped.
unsafe impl<A: Layer> Bumped for Stack<A> {
    #[inline(always)]
    fn top(&self) -> &Top {
        &self.top
    }

    #[inline(always)]
    fn lies_elsewhere(&self, _: Layout) -> bool {
        false
    }

    #[cold]
    fn take_elsewhere(&self, _: Layout, _: bool) -> Result<NonNull<u8>, AllocError> {
        Err(AllocError)
    }

    unsafe fn give_elsewhere(&self, _: NonNull<u8>, _: Layout) {}

    unsafe fn grow_elsewhere(&self, _: NonNull<u8>, _: Layout, _: bool) -> Option<NonNull<u8>> {
        None
    }

    fn reclaim_spare(&self, goal_bytes: usize) -> usize {
        self.below.reclaim(goal_bytes)
    }
}

impl<A: Layer> Lifo for Stack<A> {
    #[inline(always)]
    fn checkpoint(&self) -> Checkpoint {
        Checkpoint { at: self.top.at(), chunk: None, own: None, live: self.live.get() }
    }

    #[inline(always)]
    unsafe fn rollback(&self, to: Checkpoint) {
        self.live.set(to.live);
        self.top.set(to.at);
    }
}

impl<A: Layer> Stack<A> {
    /// Counts an object that was handed out, if it is one.
    #[inline(always)]
    fn counted(
        &self,
        slice: Result<NonNull<[u8]>, AllocError>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if let Ok(slice) = &slice
            && !slice.is_empty()
        {
            self.live.set(self.live.get() + 1);
        }
        slice
    }
}

allocator! {
    // SAFETY: an object lies between the base and the end of the range and before every later object in it (`Top`). The
    // top goes back below an object only when that is freed, or all are (`deallocate`), when it is rolled back, whose
    // caller vouches for it, or by methods that have `&mut`.
    unsafe impl[A: Layer] Allocator for Stack<A> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.counted(lifo::allocate(self, layout, false))
        }

        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.counted(lifo::allocate(self, layout, true))
        }

        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if layout.size() == 0 {
                return;
            }
            // SAFETY: the caller's promise.
            unsafe { lifo::deallocate(self, ptr, layout) };
            let live = self.live.get() - 1;
            self.live.set(live);
            if live == 0 {
                self.top.set(self.base);
            }
        }

        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if old.size() == 0 {
                return self.allocate(new);
            }
            // SAFETY: the caller's promise.
            unsafe { lifo::grow(self, ptr, old, new, false) }
        }

        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if old.size() == 0 {
                return self.allocate_zeroed(new);
            }
            // SAFETY: the caller's promise.
            unsafe { lifo::grow(self, ptr, old, new, true) }
        }

        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if new.size() == 0 {
                // SAFETY: the caller's promise.
                unsafe { self.deallocate(ptr, old) };
                return Ok(alloc_core::dangling(new));
            }
            // SAFETY: the caller's promise.
            unsafe { lifo::shrink(self, ptr, old, new) }
        }
    }
}

// SAFETY: L1, L2: every slice is as long as the layout asks, and L3: each method begins with it (`lifo`). L4: objects
// lie in the range. L5: nothing here panics but a subtraction from `live`, which counts what is live.
unsafe impl<A: Layer> Layer for Stack<A> {
    #[inline]
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        ptr.as_ptr().addr().wrapping_sub(self.base.as_ptr().addr()) < self.layout.size()
    }

    fn usable_size(&self, layout: Layout) -> usize {
        layout.size()
    }

    fn range(&self) -> Option<core::ops::Range<usize>> {
        let base = self.base.as_ptr().addr();
        Some(base..base + self.layout.size())
    }

    /// A stack keeps its memory; the layer below is asked.
    fn reclaim(&self, goal_bytes: usize) -> usize {
        self.below.reclaim(goal_bytes)
    }

    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        // SAFETY: the caller's promise: the bytes are part of the range, which is the layer below's.
        unsafe { self.below.discard(ptr, bytes) }
    }

    fn report(&self, report: &mut Report<'_>) {
        report.layer("Stack", |report| {
            report.bytes("capacity", self.capacity_bytes());
            report.bytes("used", self.used_bytes());
            self.below.report(report);
        });
    }

    fn verify(&self) -> Result<(), Broken> {
        let (base, at) = (self.base.as_ptr().addr(), self.top.at().as_ptr().addr());
        let inside = base <= at && at - base <= self.layout.size();
        Broken::unless(inside, "Stack", "the objects end within the range", at)?;
        Broken::unless(at.is_multiple_of(WORD_BYTES), "Stack", "the objects end at a word", at)?;
        let known = self.top.end() == base + self.layout.size();
        Broken::unless(known, "Stack", "the range's end is known", self.top.end())?;
        self.below.verify()
    }

    fn freeze(&self) {
        self.below.freeze();
    }

    unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which went to the same layer.
        unsafe { self.below.thaw() }
    }
}
