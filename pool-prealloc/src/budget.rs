//! [`Budget`]: the memory of a [`Plan`], as one [`Layer`].
//!
//! Above: pools, collections. Below: one [`Run`], cut into shares, each with a free list of its own.
//!
//! Rules:
//! * R1: a layout is of the share with the shortest slots that it fits into; shares whose slots are equally
//!   long count as one. An exact share's layout is of that share first, and no other layout is; its usable bytes
//!   are its own, and those of shorter layouts end before it. So all layouts that fit a slot's usable bytes lead to the same shares.
//! * R2: a share whose slots are all used takes one of a lender, and no other. Its user sees no more of it
//!   than a slot of the borrower's.
//! * R3: a slot goes back to the share in which it lies, whoever it was lent to.

use crate::run::Run;
use crate::slots::{FreeList, Row, Shape};
use crate::{Buffer, Plan, Preparation, TakeError};
use alloc_core::{AllocError, Allocator, Broken, Layer, Layout, Report, allocator, dangling};
use core::cell::Cell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ops::Range;
use core::ptr::NonNull;

/// The memory of a [`Plan`], taken at once: a layer that serves each layout from the share that is for it.
///
/// It is for one thread at a time; [`Locked`](alloc_core::Locked) makes one for many.
pub struct Budget<A: Layer, const SHARES: usize> {
    plan: Plan<SHARES>,
    lists: [FreeList; SHARES],
    borrowed: [Cell<usize>; SHARES],
    /// Requests that fit no share.
    unplanned: Cell<usize>,
    run: Run<A>,
}

impl<'b, const SHARES: usize> Budget<Buffer<'b>, SHARES> {
    /// The memory of `plan` in a buffer: [`bytes`](Plan::bytes) of them are enough if it is aligned to
    /// [`align_bytes`](Plan::align_bytes). A [`Ground`](crate::Ground) is a buffer in a `static`, and takes a word more:
    ///
    /// ```
    /// use pool_prealloc::{Budget, Ground, Plan, Pool, Share};
    ///
    /// const PACKETS: usize = 8;
    /// const PLAN: Plan<1> = Plan::new([Share::pool::<[u8; 128]>(PACKETS)]);
    /// static MEMORY: Ground<{ PLAN.bytes() }, u64> = Ground::new();
    /// const _: () = assert!(PLAN.align_bytes() <= align_of::<u64>());
    ///
    /// let budget = Budget::over(PLAN, MEMORY.take().expect("taken once"))?;
    /// let packets = Pool::<[u8; 128], _>::try_with_capacity_in(PACKETS, &budget)?;
    /// assert!(packets.alloc([0; 128]).is_ok());
    /// # Ok::<(), pool_prealloc::TakeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the buffer is too short.
    pub fn over(plan: Plan<SHARES>, buffer: &'b mut [MaybeUninit<u8>]) -> Result<Self, TakeError> {
        Self::new_in(plan, Buffer::new(buffer))
    }
}

impl<A: Layer, const SHARES: usize> Budget<A, SHARES> {
    /// The memory of `plan`, from `below`.
    ///
    /// # Errors
    ///
    /// If the memory cannot be had.
    pub fn new_in(plan: Plan<SHARES>, below: A) -> Result<Self, TakeError> {
        Self::prepared_in(plan, Preparation::new(), below)
    }

    /// The memory of `plan`, from `below`, prepared.
    ///
    /// # Errors
    ///
    /// If the memory cannot be had, or cannot be prepared so.
    pub fn prepared_in(
        plan: Plan<SHARES>,
        preparation: Preparation,
        below: A,
    ) -> Result<Self, TakeError> {
        let run = Run::prepared(plan.layout(), preparation, below)?;
        let lists = [const { FreeList::new() }; SHARES];
        let borrowed = [const { Cell::new(0) }; SHARES];
        Ok(Self { plan, lists, borrowed, unplanned: Cell::new(0), run })
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan<SHARES> {
        &self.plan
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        self.run.below()
    }

    /// How many slots of share `index` are used, by whoever. Walks its free ones.
    ///
    /// # Panics
    ///
    /// If there is no such share; as in all methods that take an index.
    #[must_use]
    pub fn used_slots(&self, index: usize) -> usize {
        // SAFETY: a share's list is of its row, which is the run's for as long as the budget lives.
        unsafe { self.lists[index].used_slots(self.row(index)) }
    }

    /// The most slots of share `index` that were ever used at a time.
    #[must_use]
    pub fn peak_slots(&self, index: usize) -> usize {
        self.lists[index].high_slots()
    }

    /// How many times share `index` had no free slot when one was asked of it. What fits no share is counted by
    /// [`refused_unplanned`](Self::refused_unplanned).
    #[must_use]
    pub fn refused(&self, index: usize) -> usize {
        self.lists[index].refused()
    }

    /// How many requests fit no share of the plan: longer than all slots, more aligned than those that are long enough, or a pool's
    /// with another number of values than its share was planned for.
    #[must_use]
    pub fn refused_unplanned(&self) -> usize {
        self.unplanned.get()
    }

    /// How many times share `index` took a slot of another.
    #[must_use]
    pub fn borrowed(&self, index: usize) -> usize {
        self.borrowed[index].get()
    }

    #[inline]
    fn row(&self, index: usize) -> Row {
        let (slots, offset) = (self.plan.shares[index].slots, self.plan.offsets[index]);
        // SAFETY: the run is as long as the plan, in which the share begins there.
        let base = unsafe { self.run.ptr().add(offset) };
        Row { base, slots, shape: Shape::raw_of(self.plan.slot_bytes[index]) }
    }

    /// Whether share `index` is for this layout alone.
    #[inline]
    fn is_for(&self, index: usize, layout: Layout) -> bool {
        self.plan.shares[index].is_exact && self.plan.shares[index].layout == layout
    }

    #[inline]
    fn fits(&self, index: usize, layout: Layout) -> bool {
        !self.plan.shares[index].is_exact
            && layout.size() <= self.plan.slot_bytes(index)
            && layout.align() <= self.plan.align_of(index)
    }

    /// The exact shares of a layout.
    fn exact_shares_for(&self, layout: Layout) -> impl Iterator<Item = usize> + Clone {
        (0..SHARES).filter(move |&index| self.is_for(index, layout))
    }

    /// The other shares that a layout of non-zero size is of.
    fn common_shares_for(&self, layout: Layout) -> impl Iterator<Item = usize> + Clone {
        let by_length = self.plan.order.iter().map(|&index| usize::from(index));
        let mut fitting = by_length.filter(move |&index| self.fits(index, layout)).peekable();
        let slot_bytes = fitting.peek().map(|&index| self.plan.slot_bytes(index));
        fitting.take_while(move |&index| Some(self.plan.slot_bytes(index)) == slot_bytes)
    }

    /// All shares that a layout of non-zero size is of, in the order in which they are asked (R1).
    fn shares_for(&self, layout: Layout) -> impl Iterator<Item = usize> + Clone {
        self.exact_shares_for(layout).chain(self.common_shares_for(layout))
    }

    /// How much of a slot a layout of non-zero size gets, if there is a share for it (R1).
    fn usable_bytes_for(&self, layout: Layout) -> Option<usize> {
        if self.exact_shares_for(layout).next().is_some() {
            return Some(layout.size());
        }
        let slot_bytes = self.plan.slot_bytes(self.common_shares_for(layout).next()?);
        let exact = self.plan.shares.iter().filter(|share| share.is_exact);
        let alike = exact.map(|share| share.layout).filter(|own| own.align() == layout.align());
        let longer = alike.map(|own| own.size()).filter(|&bytes| bytes > layout.size());
        Some(longer.map(|bytes| bytes - 1).fold(slot_bytes, usize::min))
    }

    /// A slot for a layout of non-zero size.
    fn take_slot(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let Some(bytes) = self.usable_bytes_for(layout) else {
            self.unplanned.set(self.unplanned.get().wrapping_add(1));
            return Err(AllocError);
        };
        let mut shares = self.shares_for(layout);
        // SAFETY: as in `used_slots`.
        let own = |index: usize| unsafe { self.lists[index].take(self.row(index)) };
        let slot = shares.clone().find_map(own);
        let slot = slot.or_else(|| shares.find_map(|index| self.borrow(index)));
        Ok(NonNull::slice_from_raw_parts(slot.ok_or(AllocError)?, bytes))
    }

    /// A slot of one of a share's lenders (R2).
    #[cold]
    fn borrow(&self, borrower: usize) -> Option<NonNull<u8>> {
        let lenders = self.plan.shares[borrower].lenders;
        let may = |index: &usize| lenders >> index & 1 != 0;
        let has = |index: &usize| !self.lists[*index].is_full(self.row(*index));
        let lender = (0..SHARES).filter(may).find(has)?;
        self.borrowed[borrower].set(self.borrowed[borrower].get().wrapping_add(1));
        // SAFETY: as in `used_slots`.
        unsafe { self.lists[lender].take(self.row(lender)) }
    }

    /// Where a slot lies (R3).
    fn owner(&self, slot: NonNull<u8>, layout: Layout) -> Option<usize> {
        let is_in = |index: &usize| self.row(*index).contains(slot);
        self.shares_for(layout).find(is_in).or_else(|| (0..SHARES).find(is_in))
    }

    /// Whether what is in a slot may stay there with another layout: one of the same shares. An exact share's slot is for no other.
    fn stays(&self, ptr: NonNull<u8>, old: Layout, new: Layout) -> bool {
        let is_exact = |layout| self.exact_shares_for(layout).next().is_some();
        if old == new || is_exact(old) || is_exact(new) {
            return old == new;
        }
        let slot_bytes =
            |layout| self.common_shares_for(layout).next().map(|index| self.plan.slot_bytes(index));
        slot_bytes(new).is_some()
            && slot_bytes(old) == slot_bytes(new)
            && ptr.as_ptr().addr().is_multiple_of(new.align())
    }

    /// Moves what is in a slot to one for another layout.
    ///
    /// # Safety
    ///
    /// As for `Allocator::grow` and `shrink`; both layouts have a size.
    unsafe fn resize(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if self.stays(ptr, old, new) {
            let bytes = self.usable_bytes_for(new).ok_or(AllocError)?;
            return Ok(NonNull::slice_from_raw_parts(ptr, bytes));
        }
        let moved = self.take_slot(new)?;
        let kept_bytes = old.size().min(new.size());
        // SAFETY: both slots are that long, and apart; the old one is live until here (caller).
        unsafe {
            moved.cast::<u8>().copy_from_nonoverlapping(ptr, kept_bytes);
            self.deallocate(ptr, old);
        }
        Ok(moved)
    }
}

allocator! {
    // SAFETY: a slot is handed out once until it comes back (`FreeList`, R3), lies in the run, which is the
    // budget's until it is dropped and does not move with it, and is as long and as aligned as asked: a
    // share's own by `is_for` or `fits`, a lender's by `Plan::check_lenders`.
    unsafe impl[A: Layer, const SHARES: usize] Allocator for Budget<A, SHARES> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            self.take_slot(layout)
        }

        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if layout.size() == 0 {
                return;
            }
            let owner = self.owner(ptr, layout);
            debug_assert!(owner.is_some(), "a slot of no share");
            if let Some(index) = owner {
                // SAFETY: what has a size came from this share (R3), and its user is done (caller).
                unsafe { self.lists[index].give(self.row(index), ptr) };
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
            unsafe { self.resize(ptr, old, new) }
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
            // SAFETY: the caller's promise.
            unsafe { self.resize(ptr, old, new) }
        }
    }
}

// SAFETY: L1, L2: by R1 and R2. L3: each method begins with it. L4: slots lie in the run. L5: what is indexed
// is a share; the plan's arithmetic was checked when it was made.
unsafe impl<A: Layer, const SHARES: usize> Layer for Budget<A, SHARES> {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        let base = self.run.ptr().as_ptr().addr();
        ptr.as_ptr().addr().wrapping_sub(base) < self.plan.bytes()
    }

    fn usable_size(&self, layout: Layout) -> usize {
        if layout.size() == 0 {
            return 0;
        }
        self.usable_bytes_for(layout).unwrap_or(layout.size())
    }

    fn range(&self) -> Option<Range<usize>> {
        let start = self.run.ptr().as_ptr().addr();
        Some(start..start + self.plan.bytes())
    }

    /// Passes it down: what the plan has taken stays taken.
    fn reclaim(&self, goal_bytes: usize) -> usize {
        self.below().reclaim(goal_bytes)
    }

    fn report(&self, report: &mut Report<'_>) {
        report.layer("Budget", |report| {
            report.bytes("planned", self.plan.bytes());
            report.count("refused unplanned", self.refused_unplanned() as u64);
            for (index, share) in self.plan.shares.iter().enumerate() {
                report.layer("share", |report| {
                    report.bytes("slot", self.plan.slot_bytes(index));
                    report.slots("capacity", share.slots);
                    report.slots("used", self.used_slots(index));
                    report.slots("peak", self.peak_slots(index));
                    report.count("refused", self.refused(index) as u64);
                    report.count("borrowed", self.borrowed(index) as u64);
                });
            }
            self.below().report(report);
        });
    }

    fn verify(&self) -> Result<(), Broken> {
        for (index, list) in self.lists.iter().enumerate() {
            // SAFETY: as in `used_slots`.
            unsafe { list.verify(self.row(index), "Budget")? };
        }
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

impl<A: Layer, const SHARES: usize> fmt::Debug for Budget<A, SHARES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("plan", &self.plan).finish_non_exhaustive()
    }
}
