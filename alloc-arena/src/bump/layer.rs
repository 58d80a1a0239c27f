//! [`Bump`] as an `Allocator`, as a [`Layer`], and as memory that grows at one end.

use super::{Bump, Chunk, Own};
use crate::lifo::sealed::Bumped;
use crate::lifo::{Checkpoint, Lifo, Top, allocates_at_top};
use alloc_core::{AllocError, Broken, Layer, Layout, Report};
use core::ptr::NonNull;

/// Shorter objects never are chunks of their own: for layouts that the compiler knows there is nothing to ask then.
const LEAST_OWN_BYTES: usize = 1 << 10;

// SAFETY: `top` is about the current chunk from its objects' end on (`push`, `retreat`), and chunks go only when they
// are empty, or when the bump is dropped or reset.
unsafe impl<A: Layer> Bumped for Bump<A> {
    #[inline(always)]
    fn top(&self) -> &Top {
        &self.top
    }

    /// Whether it is a chunk of its own: the layout alone decides.
    #[inline(always)]
    fn lies_elsewhere(&self, layout: Layout) -> bool {
        let bytes = layout.size().max(layout.align());
        bytes >= LEAST_OWN_BYTES && bytes >= self.most_bytes / 4
    }

    #[cold]
    fn take_elsewhere(&self, layout: Layout, zeroed: bool) -> Result<NonNull<u8>, AllocError> {
        if self.lies_elsewhere(layout) {
            return self.take_own(layout, zeroed);
        }
        self.next_chunk(layout)?;
        let ptr = self.top.take(layout).ok_or(AllocError)?;
        if zeroed {
            // SAFETY: just allocated, and so many bytes long.
            unsafe { ptr.write_bytes(0, layout.size()) };
        }
        Ok(ptr)
    }

    unsafe fn give_elsewhere(&self, ptr: NonNull<u8>, _: Layout) {
        // SAFETY: the caller's promise: what lies elsewhere came from `take_own` or `grow_own`.
        unsafe { self.give_own(ptr) };
    }

    unsafe fn grow_elsewhere(
        &self,
        ptr: NonNull<u8>,
        new: Layout,
        zeroed: bool,
    ) -> Option<NonNull<u8>> {
        // SAFETY: as above.
        unsafe { self.grow_own(ptr, new, zeroed) }
    }

    fn reclaim_spare(&self, goal_bytes: usize) -> usize {
        let given_bytes = if goal_bytes == 0 { 0 } else { self.free_spare() };
        given_bytes.max(self.below.reclaim(goal_bytes))
    }
}

impl<A: Layer> Lifo for Bump<A> {
    #[inline(always)]
    fn checkpoint(&self) -> Checkpoint {
        let (chunk, own) = (self.current.get(), self.own.get());
        Checkpoint { at: self.top.at(), chunk, own, live: 0 }
    }

    #[inline(always)]
    unsafe fn rollback(&self, to: Checkpoint) {
        if self.current.get() != to.chunk || self.own.get() != to.own {
            // SAFETY: the caller's promise.
            unsafe { self.rollback_far(to.chunk, to.own) };
        }
        self.top.set(to.at);
    }
}

impl<A: Layer> Bump<A> {
    /// The part of a rollback that leaves chunks or large objects. (By words: the checkpoint itself has no address, so
    /// that it can stay in registers.)
    ///
    /// # Safety
    ///
    /// As for [`Lifo::rollback`].
    #[cold]
    #[inline(never)]
    unsafe fn rollback_far(&self, chunk: Option<NonNull<Chunk>>, own: Option<NonNull<Own>>) {
        // SAFETY: the caller's promise: `own` was the first then, and what is younger is not used any more.
        unsafe { self.free_own(own) };
        self.retreat(chunk);
    }
}

// Chunks go when the bump is dropped or reset (which takes `&mut`, as dropping does), or when they hold no object.
allocates_at_top!(impl[A: Layer] Bump<A>);

// SAFETY: L1, L2: every slice is as long as the layout asks, and L3: each method begins with it (`lifo`). L4: objects
// lie in chunks, and `owns` asks all. L5: arithmetic is checked or bounded by a chunk's length; the layer below keeps
// L5.
unsafe impl<A: Layer> Layer for Bump<A> {
    /// Walks the chunks, which are few as they double, and the large objects.
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        let address = ptr.as_ptr().addr();
        // SAFETY: chunks in use have an initialised head.
        self.chunks().any(|chunk| unsafe { chunk.as_ref() }.contains(address))
            || self.owns_own(address)
    }

    fn usable_size(&self, layout: Layout) -> usize {
        layout.size()
    }

    fn range(&self) -> Option<core::ops::Range<usize>> {
        self.below.range()
    }

    /// Gives back the chunks that a [`reset`](Bump::reset) or a frame has left, and the youngest ones so long as
    /// nothing is in them.
    fn reclaim(&self, goal_bytes: usize) -> usize {
        let given_bytes = if goal_bytes == 0 { 0 } else { self.free_unused() };
        given_bytes.max(self.below.reclaim(goal_bytes))
    }

    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        // SAFETY: the caller's promise: the bytes are part of a chunk, or of a run of their own, of
        // the layer below.
        unsafe { self.below.discard(ptr, bytes) }
    }

    fn report(&self, report: &mut Report<'_>) {
        report.layer("Bump", |report| {
            report.bytes("allocated", self.allocated_bytes());
            report.bytes("left in the current chunk", self.left_bytes());
            report.bytes("taken from below", self.chunk_bytes());
            report.count("chunks", self.count_chunks().0 as u64);
            self.below.report(report);
        });
    }

    fn verify(&self) -> Result<(), Broken> {
        self.verify_chunks()?;
        self.verify_own()?;
        self.verify_count()?;
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
