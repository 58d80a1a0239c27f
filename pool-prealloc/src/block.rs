//! [`BlockPool`]: slots of one layout, as an `Allocator` and as a [`Layer`].
//!
//! Above: any stack. Below: [`FreeList`], over a [`Run`] of any layer.

use crate::run::Run;
use crate::slots::{FreeList, Row, Shape};
use crate::{Preparation, TakeError};
#[cfg(feature = "alloc")]
use alloc_core::api2::alloc::Global;
use alloc_core::{AllocError, Broken, Layer, Layout, Report, allocator, dangling};
use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;

macro_rules! declare_pool {
    ($($default:tt)*) => {
        /// A fixed number of slots of one layout, which serves every layout that fits into one and
        /// refuses all others: in a bounded number of steps, and without the layer below.
        ///
        /// ```
        /// use alloc_core::{Fallback, Layout, api2::{alloc::Global, boxed::Box, vec::Vec}};
        /// use pool_prealloc::BlockPool;
        ///
        /// let pool = BlockPool::with_capacity(Layout::new::<[u64; 8]>(), 100);
        /// let seven = Box::new_in(7, &pool);
        /// assert_eq!((*seven, pool.len()), (7, 1));
        ///
        /// // What the pool has no slot for, or none left, comes from elsewhere:
        /// let stack = Fallback::new(&pool, Global);
        /// let mut numbers = Vec::new_in(&stack);
        /// numbers.extend(0..1000);
        /// ```
        ///
        /// A slot is as long as a pointer at least, and grows and shrinks in place. The memory stays the
        /// pool's until it is dropped: `reclaim` and `discard` give none of it back. It is for one thread
        /// at a time; [`Locked`](alloc_core::Locked) makes one for many.
        pub struct BlockPool<A: Layer $($default)*> {
            list: FreeList,
            shape: Shape,
            align_bytes: usize,
            capacity_slots: usize,
            run: Run<A>,
        }
    };
}
#[cfg(feature = "alloc")]
declare_pool!(= Global);
#[cfg(not(feature = "alloc"))]
declare_pool!();

#[cfg(feature = "alloc")]
impl BlockPool {
    /// `capacity_slots` slots for layouts up to `slot`, from the global allocator.
    ///
    /// # Panics
    ///
    /// If the memory cannot be had.
    #[must_use]
    pub fn with_capacity(slot: Layout, capacity_slots: usize) -> Self {
        Self::with_capacity_in(slot, capacity_slots, Global)
    }

    /// `capacity_slots` slots for layouts up to `slot`, from the global allocator.
    ///
    /// # Errors
    ///
    /// If the memory cannot be had.
    pub fn try_with_capacity(slot: Layout, capacity_slots: usize) -> Result<Self, TakeError> {
        Self::try_with_capacity_in(slot, capacity_slots, Global)
    }
}

impl<A: Layer> BlockPool<A> {
    /// `capacity_slots` slots for layouts up to `slot`, from `below`.
    ///
    /// # Panics
    ///
    /// If the memory cannot be had.
    #[must_use]
    pub fn with_capacity_in(slot: Layout, capacity_slots: usize, below: A) -> Self {
        match Self::try_with_capacity_in(slot, capacity_slots, below) {
            Ok(pool) => pool,
            Err(error) => panic!("{error}"),
        }
    }

    /// `capacity_slots` slots for layouts up to `slot`, from `below`.
    ///
    /// # Errors
    ///
    /// If the memory cannot be had.
    pub fn try_with_capacity_in(
        slot: Layout,
        capacity_slots: usize,
        below: A,
    ) -> Result<Self, TakeError> {
        Self::prepared_in(slot, capacity_slots, Preparation::new(), below)
    }

    /// `capacity_slots` slots for layouts up to `slot`, from `below`, whose memory is prepared.
    ///
    /// # Errors
    ///
    /// If the memory cannot be had, or cannot be prepared so.
    pub fn prepared_in(
        slot: Layout,
        capacity_slots: usize,
        preparation: Preparation,
        below: A,
    ) -> Result<Self, TakeError> {
        let shape = Shape::raw(slot).ok_or(TakeError::TooLarge)?;
        let layout = shape.layout(capacity_slots, slot.align()).ok_or(TakeError::TooLarge)?;
        let run = Run::prepared(layout, preparation, below)?;
        let align_bytes = slot.align();
        Ok(Self { list: FreeList::new(), shape, align_bytes, capacity_slots, run })
    }

    #[inline]
    fn row(&self) -> Row {
        Row { base: self.run.ptr(), slots: self.capacity_slots, shape: self.shape }
    }

    /// Whether a layout goes into a slot.
    #[inline]
    fn fits(&self, layout: Layout) -> bool {
        layout.size() <= self.shape.slot_bytes && layout.align() <= self.align_bytes
    }

    /// A whole slot.
    #[inline]
    fn slice(&self, slot: NonNull<u8>) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(slot, self.shape.slot_bytes)
    }

    /// A slot for a layout of non-zero size.
    #[inline]
    fn take(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        if !self.fits(layout) {
            return Err(self.refuse());
        }
        // SAFETY: the list is of this row, which is the run's for as long as the pool lives.
        unsafe { self.list.take(self.row()) }.ok_or(AllocError)
    }

    #[cold]
    fn refuse(&self) -> AllocError {
        self.list.refuse();
        AllocError
    }

    /// What is in a slot stays there, if the new layout fits.
    #[inline]
    fn keep(&self, slot: NonNull<u8>, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if self.fits(new) { Ok(self.slice(slot)) } else { Err(self.refuse()) }
    }

    /// How long a slot is, in bytes.
    #[inline]
    #[must_use]
    pub const fn slot_bytes(&self) -> usize {
        self.shape.slot_bytes
    }

    /// The largest alignment that is served, in bytes.
    #[inline]
    #[must_use]
    pub const fn align_bytes(&self) -> usize {
        self.align_bytes
    }

    /// How many slots there are.
    #[inline]
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity_slots
    }

    /// How many slots are used. Walks the free ones.
    #[must_use]
    pub fn len(&self) -> usize {
        // SAFETY: as in `take`.
        unsafe { self.list.used_slots(self.row()) }
    }

    /// Whether no slot is used. Walks the free ones.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no slot is free.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.list.is_full(self.row())
    }

    /// The most slots that were ever used at a time.
    #[must_use]
    pub fn peak_slots(&self) -> usize {
        self.list.high_slots()
    }

    /// How many requests were refused: no slot was free, or the layout does not fit.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.list.refused()
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        self.run.below()
    }
}

allocator! {
    // SAFETY: a slot is handed out once until it comes back (`FreeList`), lies in the run, which is this
    // pool's until it is dropped and does not move with it, and is as long and as aligned as asked (`fits`).
    unsafe impl[A: Layer] Allocator for BlockPool<A> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            Ok(self.slice(self.take(layout)?))
        }

        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if layout.size() > 0 {
                // SAFETY: what has a size came from `take`, and its user is done (caller).
                unsafe { self.list.give(self.row(), ptr) };
            }
        }

        #[inline]
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if old.size() == 0 {
                return self.allocate(new);
            }
            self.keep(ptr, new)
        }

        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            let slice = unsafe { self.grow(ptr, old, new)? };
            // SAFETY: behind the old contents, in the slot (or nowhere, if both sizes are 0).
            unsafe { slice.cast::<u8>().add(old.size()).write_bytes(0, slice.len() - old.size()) };
            Ok(slice)
        }

        #[inline]
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if new.size() == 0 {
                // SAFETY: the caller's promise.
                unsafe { self.deallocate(ptr, old) };
                return Ok(dangling(new));
            }
            self.keep(ptr, new)
        }
    }
}

// SAFETY: L1, L2: what fits gets a whole slot (`slice`), and what is not longer than a slot fits all the
// same. L3: each method begins with it. L4: slots lie in the run's row. L5: nothing here panics: a run's
// length does not overflow (`Shape::layout`).
unsafe impl<A: Layer> Layer for BlockPool<A> {
    #[inline]
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        self.row().contains(ptr)
    }

    #[inline]
    fn usable_size(&self, layout: Layout) -> usize {
        let is_served = layout.size() > 0 && self.fits(layout);
        if is_served { self.shape.slot_bytes } else { layout.size() }
    }

    fn range(&self) -> Option<Range<usize>> {
        let start = self.run.ptr().as_ptr().addr();
        Some(start..start + self.run.bytes())
    }

    /// Passes it down: what the pool has taken stays taken.
    fn reclaim(&self, goal_bytes: usize) -> usize {
        self.below().reclaim(goal_bytes)
    }

    fn report(&self, report: &mut Report<'_>) {
        report.layer("BlockPool", |report| {
            report.bytes("slot", self.slot_bytes());
            report.slots("capacity", self.capacity_slots);
            report.slots("used", self.len());
            report.slots("peak", self.peak_slots());
            report.count("refused", self.refused() as u64);
            self.below().report(report);
        });
    }

    fn verify(&self) -> Result<(), Broken> {
        // SAFETY: as in `take`.
        unsafe { self.list.verify(self.row(), "BlockPool")? };
        self.below().verify()
    }

    fn freeze(&self) {
        self.below().freeze();
    }

    unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which went to the same layer.
        unsafe { self.below().thaw() }
    }
}

impl<A: Layer> fmt::Debug for BlockPool<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockPool")
            .field("slot_bytes", &self.slot_bytes())
            .field("capacity", &self.capacity_slots)
            .field("used", &self.len())
            .field("peak", &self.peak_slots())
            .field("refused", &self.refused())
            .finish_non_exhaustive()
    }
}
