//! [`Bump`] as an `Allocator` and as a [`Layer`].

use super::Bump;
use alloc_core::{AllocError, Allocator, Broken, Layer, Layout, Report, allocator, dangling};
use core::ptr::NonNull;

fn slice(ptr: NonNull<u8>, layout: Layout) -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(ptr, layout.size())
}

impl<A: Layer> Bump<A> {
    /// Grows an object of non-zero size; what is new is zeroed if `zeroed`.
    ///
    /// # Safety
    ///
    /// As for `Allocator::grow`.
    unsafe fn grow_object(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
        zeroed: bool,
    ) -> Result<NonNull<u8>, AllocError> {
        let aligned = ptr.as_ptr().addr().is_multiple_of(new.align());
        let added_bytes = new.size() - old.size();
        if self.is_own(old) && self.is_own(new) {
            // SAFETY: an object of an own layout came from `take_own`.
            if let Some(ptr) = unsafe { self.grow_own(ptr, new, zeroed) } {
                return Ok(ptr);
            }
        } else if aligned
            && !self.is_own(new)
            && self.is_last(ptr, old.size())
            && added_bytes <= self.left_bytes()
        {
            // SAFETY: compared above: the chunk has so many bytes behind the object.
            self.at.set(unsafe { self.at.get().add(added_bytes) });
            if zeroed {
                // SAFETY: the bytes behind the old object are part of the new one.
                unsafe { ptr.add(old.size()).write_bytes(0, added_bytes) };
            }
            return Ok(ptr);
        }
        let moved = if zeroed { self.allocate_zeroed(new)? } else { self.allocate(new)? };
        let moved = moved.cast::<u8>();
        // SAFETY: both objects are that long, live, and apart.
        unsafe { moved.copy_from_nonoverlapping(ptr, old.size()) };
        // SAFETY: the old object is live until here, and its contents have moved.
        unsafe { self.deallocate(ptr, old) };
        Ok(moved)
    }
}

allocator! {
    // SAFETY: an object lies between the start and the end of its chunk and before every later
    // object in it (`take_here`), or is a chunk of its own; chunks go when the bump is dropped or
    // reset (which takes `&mut`, as dropping does), or when they hold no object (`free_unused`).
    unsafe impl[A: Layer] Allocator for Bump<A> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            Ok(slice(self.take(layout)?, layout))
        }

        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            let Some(ptr) = self.take_here(layout) else {
                return Ok(slice(self.take_elsewhere(layout, true)?, layout));
            };
            // SAFETY: just allocated, and so many bytes long.
            unsafe { ptr.write_bytes(0, layout.size()) };
            Ok(slice(ptr, layout))
        }

        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if layout.size() == 0 {
                return;
            }
            if self.is_own(layout) {
                // SAFETY: an object of an own layout came from `take_own`; the caller is done.
                unsafe { self.give_own(ptr) };
            } else if self.is_last(ptr, layout.size()) {
                self.at.set(ptr);
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
            Ok(slice(unsafe { self.grow_object(ptr, old, new, false)? }, new))
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
            Ok(slice(unsafe { self.grow_object(ptr, old, new, true)? }, new))
        }

        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            let aligned = ptr.as_ptr().addr().is_multiple_of(new.align());
            if new.size() == 0 {
                // SAFETY: the caller's promise.
                unsafe { self.deallocate(ptr, old) };
                return Ok(dangling(new));
            }
            // An own object that shrinks stays one only if nothing changes: the layout decides.
            let same = old.size() == new.size() && self.is_own(old) == self.is_own(new);
            if aligned && (same || !self.is_own(old) && !self.is_own(new)) {
                if self.is_last(ptr, old.size()) && !self.is_own(old) {
                    // SAFETY: `new.size()` is at most the object's length.
                    self.at.set(unsafe { ptr.add(new.size()) });
                }
                return Ok(slice(ptr, new));
            }
            let moved = self.allocate(new)?.cast::<u8>();
            // SAFETY: both objects are that long, live, and apart.
            unsafe { moved.copy_from_nonoverlapping(ptr, new.size()) };
            // SAFETY: the old object is live until here, and its contents have moved.
            unsafe { self.deallocate(ptr, old) };
            Ok(slice(moved, new))
        }
    }
}

// SAFETY: L1, L2: every slice is as long as the layout asks (`slice`). L3: each method begins with
// it. L4: objects lie in chunks, and `owns` asks all. L5: arithmetic is checked or bounded by a
// chunk's length; the layer below keeps L5.
unsafe impl<A: Layer> Layer for Bump<A> {
    /// Walks the chunks, which are few as they double, and the large objects.
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        let address = ptr.as_ptr().addr();
        self.chunks().any(|chunk| chunk.contains(address)) || self.owns_own(address)
    }

    fn usable_size(&self, layout: Layout) -> usize {
        layout.size()
    }

    fn range(&self) -> Option<core::ops::Range<usize>> {
        self.below.range()
    }

    /// Gives the youngest chunks back so long as nothing is in them.
    fn reclaim(&self, goal_bytes: usize) -> usize {
        let given_bytes = self.free_unused();
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
            report.count("chunks", self.chunks().count() as u64);
            self.below.report(report);
        });
    }

    fn verify(&self) -> Result<(), Broken> {
        self.verify_chunks()?;
        self.verify_own()?;
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
