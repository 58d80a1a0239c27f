//! The heap as an allocator: a refill or a flush of a single slot, or a large run.
//!
//! Above: users without a thread cache. Below: `mod.rs` for slots, `large.rs` for runs.

use super::SizeClassHeap;
use super::slot::{Batch, Slot};
use crate::resize::{self, Plan};
use crate::table::{Class, ClassTable, SizeClasses};
use alloc_core::{AllocError, Layer, Layout, allocator, dangling};
use core::ptr::NonNull;

impl<A: Layer, T: SizeClasses> SizeClassHeap<A, T> {
    fn allocate_uncommon(&self, layout: Layout, zeroed: bool) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout));
        }
        self.allocate_large(layout, zeroed)
    }

    /// A medium slot, zeroed: the first of a new span is so from below, where that costs least.
    fn allocate_zeroed_medium(&self, class: Class) -> Result<NonNull<u8>, AllocError> {
        let info = T::info(class);
        let mut batch = Batch::EMPTY;
        let fresh = self.class(class).spans.lock().take(info, 1, &mut batch);
        fresh.link(&mut batch);
        // SAFETY: the batch is of this heap, which is alive.
        if let Some(slot) = unsafe { batch.pop() } {
            // SAFETY: the slot was just allocated, with so many bytes.
            return Ok(unsafe { resize::zero_rest(slot, 0, info.slot_bytes) }.cast());
        }
        let mut span = self.acquire(class, true)?;
        // SAFETY: the span is new, and on no list.
        unsafe {
            span.as_mut().take_fresh(info, 1).link(&mut batch);
            self.class(class).spans.lock().add(span);
            let slot = batch.pop().ok_or(AllocError)?;
            // A slot in a batch has a link.
            slot.cast::<Slot>().write_bytes(0, 1);
            Ok(slot)
        }
    }
}

allocator! {
    // SAFETY: slots and runs are handed out once until they come back (`BatchHeap`, `large.rs`);
    // they stay where they are when the heap moves, because they are memory of `A`.
    unsafe impl[A: Layer, T: SizeClasses] Allocator for SizeClassHeap<A, T> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let Some(class) = T::class_of(layout) else {
                return self.allocate_uncommon(layout, false);
            };
            // SAFETY: the batch is of this heap, which is alive.
            let slot = unsafe { self.refill_from_spans(class, 1)?.pop() }.ok_or(AllocError)?;
            Ok(NonNull::slice_from_raw_parts(slot, T::info(class).slot_bytes))
        }

        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let Some(class) = T::class_of(layout) else {
                return self.allocate_uncommon(layout, true);
            };
            let info = T::info(class);
            if info.is_medium() {
                let slot = self.allocate_zeroed_medium(class)?;
                return Ok(NonNull::slice_from_raw_parts(slot, info.slot_bytes));
            }
            let slot = self.allocate(layout)?;
            // SAFETY: the slot was just allocated, and its slice is exactly its memory.
            unsafe { slot.cast::<u8>().write_bytes(0, slot.len()) };
            Ok(slot)
        }

        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            match T::class_of(layout) {
                // SAFETY: the layout fits, so this is the class that the slot came from (L2).
                Some(class) => unsafe { self.flush_to_spans(class, Batch::of_one(ptr)) },
                None if layout.size() == 0 => {}
                // SAFETY: no class and not of size 0: it came from `allocate_large`.
                None => unsafe { self.deallocate_large(ptr) },
            }
        }

        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            match resize::plan::<T>(ptr, old, new) {
                Plan::Stay(bytes) => Ok(NonNull::slice_from_raw_parts(ptr, bytes)),
                // SAFETY: both layouts are of large runs (`plan`); the caller's promise for the rest.
                Plan::Below => unsafe {
                    self.resize_large(ptr, old, new, |below, old, new| below.grow(ptr, old, new))
                },
                // SAFETY: the caller's promise.
                Plan::Move => unsafe { resize::by_moving(self, ptr, old, new, false) },
            }
        }

        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            match resize::plan::<T>(ptr, old, new) {
                // SAFETY: the slot has `bytes` bytes, of which the caller uses `old.size()`.
                Plan::Stay(bytes) => unsafe { Ok(resize::zero_rest(ptr, old.size(), bytes)) },
                // SAFETY: as in `grow`.
                Plan::Below => unsafe {
                    self.resize_large(ptr, old, new, |below, old, new| {
                        below.grow_zeroed(ptr, old, new)
                    })
                },
                // SAFETY: the caller's promise.
                Plan::Move => unsafe { resize::by_moving(self, ptr, old, new, true) },
            }
        }

        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            match resize::plan::<T>(ptr, old, new) {
                Plan::Stay(bytes) => Ok(NonNull::slice_from_raw_parts(ptr, bytes)),
                // SAFETY: as in `grow`.
                Plan::Below => unsafe {
                    self.resize_large(ptr, old, new, |below, old, new| below.shrink(ptr, old, new))
                },
                // SAFETY: the caller's promise.
                Plan::Move => unsafe { resize::by_moving(self, ptr, old, new, false) },
            }
        }
    }
}
