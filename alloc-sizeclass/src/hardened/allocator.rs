//! The hardened stack as Rust's allocator: everything is of the family [`Rust`](Family::Rust), and frees are sized.
//!
//! Above: users. Below: hits (`hit.rs`), everything else (`other.rs`). A layout that does not fit the object ends the
//! process, and so does an address that is not this stack's.

use super::ledger::Family;
use super::mistake::{Kind, Mistake, stop};
use super::other::{Claim, NotOurs};
use super::{Hardened, Key, Policy};
use alloc_core::{AllocError, Allocator, Layer, Layout, allocator, dangling};
use core::ptr::NonNull;

impl<A: Layer, K: Key, P: Policy> Hardened<A, K, P> {
    /// Whether the size that a free is told is compared with the object's.
    const KNOWS_SIZES: bool = P::PARTS.frees && P::PARTS.canaries;

    #[inline(always)]
    fn allocate_rust(
        &self,
        layout: Layout,
        wants_zeroes: bool,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout));
        }
        let hit = if layout.align() <= 16 {
            self.allocate_hit(layout.size(), Family::Rust, wants_zeroes)
        } else {
            None
        };
        let object = hit
            .or_else(|| self.allocate_for(layout, Family::Rust, wants_zeroes))
            .ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(object, layout.size()))
    }

    /// # Safety
    ///
    /// As for `Allocator::grow` or `shrink`.
    unsafe fn resize_rust(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
        wants_zeroes: bool,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 || new.size() == 0 {
            let slice = self.allocate_rust(new, wants_zeroes)?;
            // SAFETY: the caller's promise. One of the two has no bytes, so that there is nothing to copy.
            unsafe { self.deallocate(ptr, old) };
            return Ok(slice);
        }
        // SAFETY: the caller's promise.
        match unsafe { self.resize(ptr, claim(old), new, wants_zeroes) } {
            Ok(Some(object)) => Ok(NonNull::slice_from_raw_parts(object, new.size())),
            Ok(None) => Err(AllocError),
            Err(NotOurs) => stop(Mistake::at(Kind::InvalidFree, ptr.addr().get())),
        }
    }
}

const fn claim(layout: Layout) -> Claim {
    Claim { family: Family::Rust, bytes: Some(layout.size()), align: Some(layout.align()) }
}

allocator! {
    // SAFETY: an object is a slot or a run that was free, and is nobody else's until it is freed (the ledger's R1 and R2,
    // the lock of runs); all of them are mapped for as long as they live, and stay where they are, because the stack
    // is a static. Nothing unwinds.
    unsafe impl[A: Layer, K: Key, P: Policy] Allocator for Hardened<A, K, P> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.allocate_rust(layout, false)
        }

        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.allocate_rust(layout, true)
        }

        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if layout.size() == 0 {
                return;
            }
            // SAFETY: the caller's promise, as far as it is kept.
            unsafe {
                match self.free_hit(ptr.as_ptr(), Family::Rust) {
                    Some(bytes) if bytes == layout.size() || !Self::KNOWS_SIZES => {}
                    Some(bytes) => stop(Mistake {
                        bytes,
                        ..Mistake::at(Kind::WrongSize, ptr.addr().get())
                    }),
                    None => {
                        if !self.free(ptr, claim(layout)) {
                            stop(Mistake::at(Kind::InvalidFree, ptr.addr().get()));
                        }
                    }
                }
            }
        }

        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.resize_rust(ptr, old, new, false) }
        }

        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.resize_rust(ptr, old, new, true) }
        }

        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.resize_rust(ptr, old, new, false) }
        }
    }
}
