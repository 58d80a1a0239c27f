//! Frees that are checked: for C's `free`, whose callers make mistakes.
//!
//! Above: whoever frees by address. Below: hits (`mod.rs`); the heap's table says where slots start, and of which class.
//!
//! A slot that was freed here is *stamped*: its second word is a number that is made of its address. Rules:
//! * S1: a slot that was allocated here bears no stamp: its second word was cleared when it was handed out, and no program
//!   comes by the number otherwise (`stamp_of`).
//! * S2: who frees a slot here finds no stamp on it, and leaves one. So the second of two frees finds one, unless the slot
//!   was handed out again meanwhile, its owner wrote to the word after the first, or its page went back to the system.
//!
//! Slots may also come from, and go to, the cache itself, which neither stamps nor looks: a stamp that is left on a slot of
//! somebody else's does nothing. Not here: large allocations, which the heap finds by their records.

use super::{Key, ThreadCache};
use crate::heap::{BatchHeap, Lookup, Slot};
use crate::resize::{self, Plan};
use crate::table::{Class, ClassTable};
use alloc_core::{AllocError, Layout, allocator};
use core::fmt;
use core::ptr::NonNull;

/// What is wrong with a free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// The slot is free already.
    DoubleFree {
        /// The address that was freed.
        address: usize,
        /// The bytes of the slot.
        slot_bytes: usize,
    },
    /// No slot starts at the address: it lies within one, or behind the last.
    NoStart {
        /// The address that was freed.
        address: usize,
        /// The bytes of the slots there.
        slot_bytes: usize,
    },
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoubleFree { address, slot_bytes } => {
                write!(f, "double free of {address:#x}, a slot of {slot_bytes} bytes")
            }
            Self::NoStart { address, slot_bytes } => {
                write!(
                    f,
                    "invalid free of {address:#x}, where no slot starts (slots of {slot_bytes} bytes)"
                )
            }
        }
    }
}

impl core::error::Error for Misuse {}

/// A [`ThreadCache`] whose frees are checked: of a slot that is free already, of an address at which none starts.
///
/// What is freed here has to be allocated here too. The checks cost some instructions, and no memory.
///
/// ```
/// use alloc_core::api2::alloc::System;
/// use alloc_sizeclass::{Checked, SizeClassHeap, ThreadCache};
///
/// let stack = ThreadCache::new(SizeClassHeap::<System>::new(System));
/// let checked = Checked::new(&stack, |misuse| panic!("{misuse}"));
/// let vec = alloc_core::api2::vec::Vec::<u32, _>::with_capacity_in(10, checked);
/// # drop(vec);
/// ```
pub struct Checked<'a, H: BatchHeap, K: Key<H>> {
    cache: &'a ThreadCache<H, K>,
    on_misuse: fn(Misuse) -> !,
}

impl<H: BatchHeap, K: Key<H>> Clone for Checked<'_, H, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: BatchHeap, K: Key<H>> Copy for Checked<'_, H, K> {}

impl<H: BatchHeap, K: Key<H>> fmt::Debug for Checked<'_, H, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").finish_non_exhaustive()
    }
}

impl<'a, H: BatchHeap, K: Key<H>> Checked<'a, H, K> {
    /// The cache, with checks. `on_misuse` is called by the thread that made the mistake, and does not return: nothing has
    /// happened to the slot. If it panics, that leaves [`deallocate_at`](Self::deallocate_at), but not the methods of
    /// `Allocator`, which may not unwind: there it ends the process.
    #[inline(always)]
    #[must_use]
    pub const fn new(cache: &'a ThreadCache<H, K>, on_misuse: fn(Misuse) -> !) -> Self {
        Self { cache, on_misuse }
    }

    /// [`ThreadCache::allocate_cached`].
    #[inline(always)]
    #[must_use]
    pub fn allocate_cached(&self, class: Class) -> Option<NonNull<u8>> {
        let slot = self.cache.allocate_cached(class)?;
        // SAFETY: just allocated, and of a class.
        unsafe { clear(slot) };
        Some(slot)
    }

    /// [`ThreadCache::deallocate_cached_at`], where neither check finds anything. Otherwise `false`, and nothing has
    /// happened.
    ///
    /// # Safety
    ///
    /// `ptr` is null, no address in memory of this cache, or one that was allocated here and may have been freed.
    #[inline(always)]
    #[must_use]
    pub unsafe fn deallocate_cached_at(&self, ptr: *mut u8) -> bool {
        let Some(index) = self.cache.start_in_table(ptr.addr()) else { return false };
        // SAFETY: a slot of that class starts there.
        unsafe { self.deallocate_cached(ptr, index) }
    }

    /// Takes a slot without a stamp, if the list has room, and stamps it.
    ///
    /// # Safety
    ///
    /// `slot` is a slot of the class of this index, allocated here.
    #[inline(always)]
    unsafe fn deallocate_cached(&self, slot: *mut u8, index: usize) -> bool {
        let word = slot.cast::<Slot>();
        let stamp = stamp_of(slot);
        // SAFETY: slots have room for two words (`heap/slot.rs`); without a stamp it is the caller's, who gives it away. R1.
        unsafe {
            (*word).stamp != stamp
                && self.cache.hit(|lists| {
                    let taken = lists.push(index, slot);
                    if taken {
                        (*word).stamp = stamp;
                    }
                    taken
                })
        }
    }

    /// # Safety
    ///
    /// As for `deallocate_cached`.
    #[cold]
    #[inline(never)]
    unsafe fn deallocate_missed(&self, slot: NonNull<u8>, class: Class) {
        let word = slot.as_ptr().cast::<Slot>();
        let stamp = stamp_of(slot.as_ptr());
        // SAFETY: as in `deallocate_cached`; without a stamp it is given away, once.
        unsafe {
            if (*word).stamp == stamp {
                let slot_bytes = H::Table::info(class).slot_bytes;
                (self.on_misuse)(Misuse::DoubleFree { address: slot.addr().get(), slot_bytes });
            }
            (*word).stamp = stamp;
            self.cache.deallocate_class(slot, class);
        }
    }
}

impl<H: BatchHeap + Lookup, K: Key<H>> Checked<'_, H, K> {
    /// [`Lookup::layout_at`].
    pub fn layout_at(&self, ptr: NonNull<u8>) -> Option<Layout> {
        self.cache.layout_at(ptr)
    }

    /// [`Lookup::deallocate_at`], checked.
    ///
    /// # Safety
    ///
    /// As for [`deallocate_cached_at`](Self::deallocate_cached_at).
    #[inline(always)]
    pub unsafe fn deallocate_at(&self, ptr: NonNull<u8>) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.deallocate_cached_at(ptr.as_ptr()) || self.deallocate_at_missed(ptr) }
    }

    /// # Safety
    ///
    /// As for `deallocate_at`.
    #[cold]
    #[inline(never)]
    unsafe fn deallocate_at_missed(&self, ptr: NonNull<u8>) -> bool {
        let heap = self.cache.below();
        let Some(class) = heap.class_at(ptr) else {
            // SAFETY: the caller's promise; the heap looks for itself whether a large allocation starts there.
            return unsafe { heap.deallocate_at(ptr) };
        };
        if heap.layout_at(ptr).is_none() {
            let slot_bytes = H::Table::info(class).slot_bytes;
            (self.on_misuse)(Misuse::NoStart { address: ptr.addr().get(), slot_bytes });
        }
        // SAFETY: the caller's promise; a slot of the class starts there.
        unsafe { self.deallocate_missed(ptr, class) };
        true
    }
}

/// Ends the process if it is dropped.
struct EndOnUnwind;

impl Drop for EndOnUnwind {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// # Safety
///
/// It is a slot of a class, and the caller's.
#[inline(always)]
unsafe fn clear(slot: NonNull<u8>) {
    // SAFETY: slots have room for two words (`heap/slot.rs`).
    unsafe { (*slot.as_ptr().cast::<Slot>()).stamp = 0 };
}

/// One instruction where addresses may be scaled. Eight times an address of 44 bits or more is none, and no small number;
/// and what is odd is no pointer to a word.
#[inline(always)]
fn stamp_of(slot: *mut u8) -> usize {
    slot.addr().wrapping_mul(8).wrapping_add(0x5BD1_E995)
}

allocator! {
    // SAFETY: the cache's, which keeps the contract; the second word of a free slot is nobody's.
    unsafe impl['a, H: BatchHeap, K: Key<H>] Allocator for Checked<'a, H, K> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let slice = self.cache.allocate(layout)?;
            if H::Table::class_of(layout).is_some() {
                // SAFETY: just allocated, and of a class.
                unsafe { clear(slice.cast()) };
            }
            Ok(slice)
        }

        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.cache.allocate_zeroed(layout)
        }

        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the layout fits, so this is the class that the slot came from (L2); the caller's promise.
            unsafe {
                match H::Table::class_of(layout) {
                    Some(class) => {
                        if !self.deallocate_cached(ptr.as_ptr(), class.index()) {
                            // `Allocator`'s contract: nothing unwinds out of here.
                            let end = EndOnUnwind;
                            self.deallocate_missed(ptr, class);
                            core::mem::forget(end);
                        }
                    }
                    None => self.cache.deallocate(ptr, layout),
                }
            }
        }

        #[inline]
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            match resize::plan::<H::Table>(ptr, old, new) {
                // SAFETY: the caller's promise.
                Plan::Move => unsafe { resize::by_moving(self, ptr, old, new, false) },
                // SAFETY: the caller's promise; nothing is freed.
                Plan::Stay(_) | Plan::Below => unsafe { self.cache.grow(ptr, old, new) },
            }
        }

        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            match resize::plan::<H::Table>(ptr, old, new) {
                // SAFETY: the caller's promise.
                Plan::Move => unsafe { resize::by_moving(self, ptr, old, new, true) },
                // SAFETY: the caller's promise; nothing is freed.
                Plan::Stay(_) | Plan::Below => unsafe { self.cache.grow_zeroed(ptr, old, new) },
            }
        }

        #[inline]
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            match resize::plan::<H::Table>(ptr, old, new) {
                // SAFETY: the caller's promise.
                Plan::Move => unsafe { resize::by_moving(self, ptr, old, new, false) },
                // SAFETY: the caller's promise; nothing is freed.
                Plan::Stay(_) | Plan::Below => unsafe { self.cache.shrink(ptr, old, new) },
            }
        }
    }
}
