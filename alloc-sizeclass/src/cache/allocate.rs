//! The cache as an allocator: hits, and what is not for the lists.
//!
//! Above: users. Below: hits in `mod.rs`, misses in `miss.rs`; layouts without a class go to the
//! heap. With a layout known at compile time, everything up to the hit's own instructions folds.

use super::miss::slot_layout;
use super::{Key, ThreadCache};
use crate::heap::BatchHeap;
use crate::resize::{self, Plan};
use crate::table::{Class, ClassTable};
use alloc_core::{AllocError, Layout, allocator, dangling};
use core::ptr::NonNull;

impl<H: BatchHeap, K: Key<H>> ThreadCache<H, K> {
    /// A slot of `class`.
    ///
    /// # Errors
    ///
    /// When the heap has none.
    #[inline(always)]
    pub fn allocate_class(&self, class: Class) -> Result<NonNull<u8>, AllocError> {
        match self.allocate_cached(class) {
            Some(slot) => Ok(slot),
            None => self.refill(class),
        }
    }

    /// A slot of `class`, if the calling thread's list has one: a hit alone, in constant time,
    /// without a call. For callers that want the miss in a place of their own.
    #[inline(always)]
    #[must_use]
    pub fn allocate_cached(&self, class: Class) -> Option<NonNull<u8>> {
        // SAFETY: R1; on EMPTY lists `pop` finds no slot, and writes nothing.
        self.hit(|lists| unsafe { lists.pop(class) })
    }

    /// Takes a slot of `class` back.
    ///
    /// # Safety
    ///
    /// `slot` is a live allocation of this cache, of that class; the caller gives it away.
    #[inline(always)]
    pub unsafe fn deallocate_class(&self, slot: NonNull<u8>, class: Class) {
        // SAFETY: the caller's promise; a slot is given once: to the list, or to `flush`.
        unsafe {
            if !self.deallocate_cached(slot.as_ptr(), Some(class)) {
                self.flush(class, slot);
            }
        }
    }

    /// Takes a slot back if the calling thread's list has room for it: a hit alone, like
    /// [`allocate_cached`](Self::allocate_cached). If it returns `false`, nothing has happened;
    /// without a class it always does.
    ///
    /// # Safety
    ///
    /// With a class: `slot` is a live allocation of this cache, of that class; the caller gives it
    /// away if this returns `true`.
    #[inline(always)]
    #[must_use]
    pub unsafe fn deallocate_cached(&self, slot: *mut u8, class: Option<Class>) -> bool {
        let index = class.map_or(0, Class::index);
        // SAFETY: R1; on EMPTY lists `push` finds no room, and writes nothing.
        self.hit(|lists| unsafe { lists.push(index, slot) })
    }

    /// What has no class at first sight.
    #[cold]
    #[inline(never)]
    fn allocate_uncommon(&self, layout: Layout, zeroed: bool) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout));
        }
        match (H::Table::class_by_search(layout), zeroed) {
            (Some(class), false) => self.allocate_slot(class),
            (Some(class), true) => self.allocate_zeroed_slot(class),
            (None, false) => self.directly().allocate(layout),
            (None, true) => self.directly().allocate_zeroed(layout),
        }
    }

    /// The heap, for what no list serves: the thread may never have a record.
    #[inline]
    fn directly(&self) -> &H {
        K::watch_forks(&self.home);
        self.below()
    }

    #[cold]
    #[inline(never)]
    fn allocate_zeroed_directly(&self, class: Class) -> Result<NonNull<[u8]>, AllocError> {
        self.directly().allocate_zeroed(slot_layout::<H>(class))
    }

    #[inline(always)]
    fn allocate_slot(&self, class: Class) -> Result<NonNull<[u8]>, AllocError> {
        let slot = self.allocate_class(class)?;
        Ok(NonNull::slice_from_raw_parts(slot, H::Table::info(class).slot_bytes))
    }

    #[inline(always)]
    fn allocate_zeroed_slot(&self, class: Class) -> Result<NonNull<[u8]>, AllocError> {
        let info = H::Table::info(class);
        let slot = match self.allocate_cached(class) {
            Some(slot) => slot,
            // The heap may have a medium slot that is zero already.
            None if info.is_medium() => return self.allocate_zeroed_directly(class),
            None => self.refill(class)?,
        };
        // SAFETY: the slot was just allocated, with so many bytes.
        Ok(unsafe { resize::zero_rest(slot, 0, info.slot_bytes) })
    }

    /// # Safety
    ///
    /// As for `deallocate`; the layout has no class at first sight.
    #[cold]
    #[inline(never)]
    unsafe fn deallocate_uncommon(&self, ptr: NonNull<u8>, layout: Layout) {
        match H::Table::class_by_search(layout) {
            // SAFETY: the layout fits, so this is the class that the slot came from (L2).
            Some(class) => unsafe { self.deallocate_class(ptr, class) },
            None if layout.size() == 0 => {}
            // SAFETY: the caller's promise: without a class, it came from the heap directly.
            None => unsafe { self.below().deallocate(ptr, layout) },
        }
    }
}

allocator! {
    // SAFETY: slots are handed out once until they come back: they are on one list, in the heap, or
    // with a user. They are memory of the heap, so they stay where they are when the cache moves.
    unsafe impl[H: BatchHeap, K: Key<H>] Allocator for ThreadCache<H, K> {
        #[inline(always)]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            match H::Table::class_at_sight(layout) {
                Some(class) => self.allocate_slot(class),
                None => self.allocate_uncommon(layout, false),
            }
        }

        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            match H::Table::class_at_sight(layout) {
                Some(class) => self.allocate_zeroed_slot(class),
                None => self.allocate_uncommon(layout, true),
            }
        }

        #[inline(always)]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            match H::Table::class_at_sight(layout) {
                // SAFETY: the layout fits, so this is the class that the slot came from (L2).
                Some(class) => unsafe { self.deallocate_class(ptr, class) },
                // SAFETY: the caller's promise.
                None => unsafe { self.deallocate_uncommon(ptr, layout) },
            }
        }

        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            match resize::plan::<H::Table>(ptr, old, new) {
                Plan::Stay(bytes) => Ok(NonNull::slice_from_raw_parts(ptr, bytes)),
                // SAFETY: without a class, it came from the heap directly; the caller's promise.
                Plan::Below => unsafe { self.below().grow(ptr, old, new) },
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
            match resize::plan::<H::Table>(ptr, old, new) {
                // SAFETY: the slot has `bytes` bytes, of which the caller uses `old.size()`.
                Plan::Stay(bytes) => unsafe { Ok(resize::zero_rest(ptr, old.size(), bytes)) },
                // SAFETY: as in `grow`.
                Plan::Below => unsafe { self.below().grow_zeroed(ptr, old, new) },
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
            match resize::plan::<H::Table>(ptr, old, new) {
                Plan::Stay(bytes) => Ok(NonNull::slice_from_raw_parts(ptr, bytes)),
                // SAFETY: as in `grow`.
                Plan::Below => unsafe { self.below().shrink(ptr, old, new) },
                // SAFETY: the caller's promise.
                Plan::Move => unsafe { resize::by_moving(self, ptr, old, new, false) },
            }
        }
    }
}
