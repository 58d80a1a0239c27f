//! What the threads of a pool share, and hits.
//!
//! Above: pools of values and of objects (`pool.rs`, `objects.rs`), which own a slot from `take` to `give`.
//! Below: shards, the global store; `gather.rs` for what is not in the caller's shard.

use super::builder::Shape;
use super::mode::{PRIVATE, SHARED, state};
use super::shard::{SLOTS, Shard};
use super::stack::NONE;
use super::store::{Store, StorePlan};
use super::wait::Waiters;
use super::{Order, row::Row, thread};
use crate::TakeError;
use crate::run::Run;
use alloc_core::sync::{AtomicU32, AtomicUsize, Ordering, heavy_fence};
use alloc_core::{Layer, Layout};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use crossbeam_utils::CachePadded;

/// The list of a shard that allocations take from.
pub(super) const TAKES: usize = 0;

/// What a pool is, below its interface.
pub struct Shared<T, A: Layer> {
    // What hits read, and next to nobody writes.
    shards: Row<Shard>,
    pub(super) mode: AtomicUsize,
    /// The list of a shard that frees go to.
    gives: usize,
    /// The most slots of a list, and of a batch.
    bound_slots: usize,
    batch_slots: usize,
    first: NonNull<u8>,
    capacity_slots: usize,
    /// A bit per slot, for the end of the pool.
    marks: Row<AtomicU32>,
    pub(super) store: CachePadded<Store>,
    pub(super) waiters: CachePadded<Waiters>,
    pub(super) counts: CachePadded<Counts>,
    /// Threads without a shard that are, as by R1, at bundles.
    pub(super) movers: CachePadded<AtomicUsize>,
    run: Run<A>,
    // Values go in and come out by `&self`: a pool of one type cannot stand in for one of another.
    values: PhantomData<Cell<T>>,
}

impl<T, A: Layer> fmt::Debug for Shared<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Figures of what is seldom.
#[derive(Default)]
pub(super) struct Counts {
    pub refused: AtomicUsize,
    pub gatherings: AtomicUsize,
    /// Frees since the pool became shared, or somebody failed.
    pub frees: AtomicUsize,
}

// SAFETY: the run, the store and the shards are this pool's; values are moved in by one thread and out, or dropped,
// by another (`T: Send`); the layer moves along.
unsafe impl<T: Send, A: Layer + Send> Send for Shared<T, A> {}
// SAFETY: the same; a slot is one caller's between `take` and `give`. The layer is shared for reports.
unsafe impl<T: Send, A: Layer + Sync> Sync for Shared<T, A> {}

impl<T, A: Layer> Shared<T, A> {
    /// From slot to slot. Slots of zero-sized values have addresses of their own all the same: they are names.
    const STRIDE: usize = if size_of::<T>() == 0 { align_of::<T>() } else { size_of::<T>() };

    pub(super) fn new(shape: &Shape, below: A) -> Result<Self, TakeError> {
        let &Shape { capacity_slots, order, .. } = shape;
        if capacity_slots >= NONE as usize {
            return Err(TakeError::TooLarge);
        }
        let shards = shape.shard_count();
        // Without the fence there is no gathering; then shards stay out of use (R2).
        let shards = if shards > 0 && heavy_fence() { shards } else { 0 };
        // All shards together have at most half of the slots.
        let bound_slots =
            shape.bound_slots.unwrap_or(capacity_slots / (2 * shards.max(1))).clamp(1, SLOTS);
        let is_lifo = order == Order::Lifo;
        let batch_slots = if is_lifo { bound_slots.div_ceil(2) } else { bound_slots };
        let bytes = Self::STRIDE.checked_mul(capacity_slots).ok_or(TakeError::TooLarge)?;
        let mut layout = Layout::from_size_align(bytes, align_of::<T>())?;
        let store = StorePlan::add_to(&mut layout, order, capacity_slots, batch_slots)
            .ok_or(TakeError::TooLarge)?;
        let offset = Row::<Shard>::plan(&mut layout, shards).ok_or(TakeError::TooLarge)?;
        let words = capacity_slots.div_ceil(32);
        let marks = Row::<AtomicU32>::plan(&mut layout, words).ok_or(TakeError::TooLarge)?;
        let run = Run::prepared(layout, shape.preparation, below)?;
        // SAFETY: the plans are this run's, which is dropped after all others.
        let (store, row, marks) = unsafe {
            (
                store.make(run.ptr()),
                Row::make(run.ptr(), offset, shards, |_| Shard::new()),
                Row::make(run.ptr(), marks, words, |_| AtomicU32::new(0)),
            )
        };
        Ok(Self {
            shards: row,
            mode: AtomicUsize::new(if shards > 0 { PRIVATE } else { SHARED }),
            gives: if is_lifo { TAKES } else { TAKES + 1 },
            bound_slots,
            batch_slots,
            first: run.ptr(),
            capacity_slots,
            marks,
            store: CachePadded::new(store),
            waiters: CachePadded::new(Waiters::new()),
            counts: CachePadded::default(),
            run,
            movers: CachePadded::new(AtomicUsize::new(0)),
            values: PhantomData,
        })
    }

    pub(super) const fn capacity(&self) -> usize {
        self.capacity_slots
    }

    pub(super) const fn below(&self) -> &A {
        self.run.below()
    }

    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Slot number `index`.
    pub(super) fn slot(&self, index: u32) -> NonNull<T> {
        debug_assert!((index as usize) < self.capacity_slots);
        // SAFETY: the run has `capacity_slots` slots side by side, and indices are below that.
        unsafe { self.first.add(index as usize * Self::STRIDE) }.cast()
    }

    /// The number of a slot.
    pub(super) fn index_of<S>(&self, slot: NonNull<S>) -> u32 {
        ((slot.addr().get() - self.first.addr().get()) / Self::STRIDE) as u32
    }

    #[inline(always)]
    pub(super) fn is_private(&self) -> bool {
        // ORDERING: Acquire, for the Release that ended the last gathering: the lists that it left.
        state(self.mode.load(Ordering::Acquire)) == PRIVATE
    }

    /// A free slot, which is the caller's; `None` if all slots were in use at some moment of the call (R6).
    #[inline(always)]
    pub(super) fn take(&self) -> Option<NonNull<T>> {
        if let Some(shard) = self.shards.get(thread::number()) {
            shard.begin();
            if self.is_private() {
                // SAFETY: R1.
                if let Some(index) = unsafe { shard.pop(TAKES) } {
                    shard.end();
                    return Some(self.slot(index));
                }
                // SAFETY: R1; `refill` ends it.
                return unsafe { self.refill(shard) };
            }
            shard.end();
        }
        self.take_shared()
    }

    /// A miss: takes a batch from the global store.
    ///
    /// # Safety
    ///
    /// The caller owns the shard's lists; not after this.
    #[cold]
    #[inline(never)]
    unsafe fn refill(&self, shard: &Shard) -> Option<NonNull<T>> {
        let mut batch = [NONE; SLOTS];
        let batch = &mut batch[..self.batch_slots];
        let mut count = self.store.pop(batch);
        // SAFETY: R1; the list is empty.
        unsafe {
            if count == 0 && self.gives != TAKES {
                // In FIFO order, what this thread freed is next.
                count = shard.take_oldest(self.gives, batch);
            }
            shard.fill(TAKES, batch[..count].get(1..).unwrap_or_default());
        }
        shard.end();
        if count > 0 { Some(self.slot(batch[0])) } else { self.take_shared() }
    }

    /// Takes a slot back.
    ///
    /// # Safety
    ///
    /// The slot came from `take` (or by a hand-over), and is the caller's; not after this.
    #[inline(always)]
    pub(super) unsafe fn give(&self, slot: NonNull<T>) {
        if let Some(shard) = self.shards.get(thread::number()) {
            shard.begin();
            if self.is_private() {
                let (index, bound_slots) = (self.index_of(slot), self.bound_slots);
                // Each list with its own address: a length that goes through memory by an index takes longer.
                // SAFETY: R1, and the caller's; the bound is at most `SLOTS`.
                unsafe {
                    let has_room = match self.gives {
                        TAKES => shard.push(TAKES, index, bound_slots),
                        _ => shard.push(TAKES + 1, index, bound_slots),
                    };
                    if !has_room {
                        self.flush(shard, slot);
                    }
                }
                shard.end();
                return;
            }
            shard.end();
        }
        // SAFETY: the caller's.
        unsafe { self.give_shared(slot) };
    }

    /// A free that found no room: gives a batch to the global store.
    ///
    /// # Safety
    ///
    /// As for `give`; the caller owns the shard's lists.
    #[cold]
    #[inline(never)]
    unsafe fn flush(&self, shard: &Shard, slot: NonNull<T>) {
        // SAFETY: the caller's; there is room now.
        unsafe {
            let mut batch = [NONE; SLOTS];
            let batch = self.oldest(shard, self.gives, &mut batch[..self.batch_slots]);
            self.store.push(batch);
            shard.push(self.gives, self.index_of(slot), self.bound_slots);
        }
    }

    /// Takes slots from a list, the oldest ones, in the order in which the store wants them.
    ///
    /// # Safety
    ///
    /// The caller owns the shard's lists, and the slots after this.
    unsafe fn oldest<'b>(&self, shard: &Shard, list: usize, batch: &'b mut [u32]) -> &'b [u32] {
        // SAFETY: the caller's.
        let count = unsafe { shard.take_oldest(list, batch) };
        let batch = &mut batch[..count];
        if list == TAKES {
            // What is on top is to be used first.
            batch.reverse();
        }
        batch
    }

    /// Gives all slots of a shard to the global store, as singles.
    ///
    /// # Safety
    ///
    /// The caller owns the shard's lists.
    pub(super) unsafe fn empty(&self, shard: &Shard) {
        for list in [TAKES, TAKES + 1] {
            let mut batch = [NONE; SLOTS];
            // SAFETY: the caller's.
            let batch = unsafe { self.oldest(shard, list, &mut batch) };
            self.store.push_singles(batch);
        }
    }

    /// In the end of the pool: takes all free slots out and marks them. Returns how many; less, if one was there twice.
    pub(super) fn mark_free(&mut self) -> usize {
        for shard in self.shards.iter() {
            // SAFETY: `&mut self`: nobody else uses the lists.
            unsafe { self.empty(shard) };
        }
        let mut free = 0;
        let mut batch = [NONE; SLOTS];
        loop {
            let count = self.store.pop(&mut batch);
            if count == 0 {
                break;
            }
            free += batch[..count].iter().filter(|index| self.mark(**index)).count();
        }
        free
    }

    /// In the end of the pool: those that were handed over to futures that were forgotten have no value, either.
    pub(super) fn mark_served(&mut self) {
        self.waiters.queue.lock().for_each_served(|slot| {
            self.mark(self.index_of(slot));
        });
    }

    /// Puts what `mark_free` took back, in the order of their numbers.
    pub(super) fn unmark_free(&mut self) {
        let slots = self.capacity_slots as u32;
        let is_lifo = self.gives == TAKES;
        for at in 0..slots {
            let index = if is_lifo { slots - 1 - at } else { at };
            let bit = 1 << (index % 32);
            if self.marks[index as usize / 32].fetch_and(!bit, Ordering::Relaxed) & bit != 0 {
                self.store.push_singles(&[index]);
            }
        }
    }

    /// `false` if it was marked before.
    fn mark(&self, index: u32) -> bool {
        let bit = 1 << (index % 32);
        self.marks[index as usize / 32].fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// After `mark_free`: the next slot that is not free, from number `next` on, which moves on.
    pub(super) fn next_used(&self, next: &mut usize) -> Option<NonNull<T>> {
        while *next < self.capacity_slots {
            let index = *next;
            *next += 1;
            if self.marks[index / 32].load(Ordering::Relaxed) & 1 << (index % 32) == 0 {
                return Some(self.slot(index as u32));
            }
        }
        None
    }
}
