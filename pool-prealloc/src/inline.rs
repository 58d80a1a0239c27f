//! Slots that lie in the pool's own value: what pools without a layer below are made of.
//!
//! Above: [`StaticPool`](crate::StaticPool) and `CriticalPool`, which decide who may call. Below: the
//! free list. Not here: any protection.

use crate::slots::{FreeList, Row, Shape, Walk, drop_living};
use core::cell::{Cell, UnsafeCell};
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;

/// A slot as long as [`Shape::linked`] says.
#[repr(C)]
union Slot<T> {
    _value: ManuallyDrop<T>,
    _link: [u8; size_of::<u32>()],
}

/// `N` slots and their list.
pub(crate) struct Inline<T, const N: usize> {
    list: FreeList,
    /// The address of the slots when they were last settled: the list's head is a pointer, and this moves.
    at: Cell<usize>,
    slots: UnsafeCell<[MaybeUninit<Slot<T>>; N]>,
}

// SAFETY: values move with the slots; the list is of the slots.
unsafe impl<T: Send, const N: usize> Send for Inline<T, N> {}

impl<T, const N: usize> Inline<T, N> {
    const SHAPE: Shape = {
        // A type of no size has slots all the same: an array of nothing could not be told from one.
        let shape = Shape::indexed::<T>();
        assert!((N as u64) < u32::MAX as u64, "slots have indexes of four bytes");
        assert!(shape.slot_bytes == size_of::<Slot<T>>());
        shape
    };

    pub const fn new() -> Self {
        Self {
            list: FreeList::new(),
            at: Cell::new(0),
            slots: UnsafeCell::new([const { MaybeUninit::uninit() }; N]),
        }
    }

    #[inline(always)]
    fn row(&self) -> Row {
        // SAFETY: a cell's address is not null.
        let base = unsafe { NonNull::new_unchecked(self.slots.get().cast::<u8>()) };
        Row { base, slots: N, shape: Self::SHAPE }
    }

    /// Sees to it that the list is right where the pool is now. Boxes keep it from moving, so it is enough to
    /// call this before the first slot is taken while one is borrowed, and when a pool was borrowed exclusively.
    ///
    /// # Safety
    ///
    /// Nobody else uses the list meanwhile, as in all methods here.
    #[inline]
    pub unsafe fn settle(&self) {
        let (old, row) = (self.at.get(), self.row());
        // SAFETY: the pool was at `old` when the list was last used, and has moved as a whole if at all.
        unsafe { self.list.rebase(row, old) };
        self.at.set(row.base.as_ptr().addr());
    }

    /// Takes a slot.
    ///
    /// # Safety
    ///
    /// As for `settle`, which was called since the pool last moved.
    #[inline(always)]
    pub unsafe fn take(&self) -> Option<NonNull<T>> {
        // SAFETY: the list is of these slots, and its links are right (caller).
        unsafe { self.list.take(self.row()) }.map(NonNull::cast)
    }

    /// Makes a slot free.
    ///
    /// # Safety
    ///
    /// As for `take`; the slot was taken here, and its user is done.
    #[inline(always)]
    pub unsafe fn give(&self, slot: NonNull<T>) {
        // SAFETY: the caller's promise.
        unsafe { self.list.give(self.row(), slot.cast()) };
    }

    /// How many slots are used. Walks the free ones.
    ///
    /// # Safety
    ///
    /// As for `take`.
    #[must_use]
    pub unsafe fn used_slots(&self) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.list.used_slots(self.row()) }
    }

    /// The first rule that the list breaks.
    ///
    /// # Safety
    ///
    /// As for `take`.
    pub unsafe fn verify(&self, layer: &'static str) -> Result<(), alloc_core::Broken> {
        // SAFETY: the caller's promise.
        unsafe { self.list.verify(self.row(), layer) }
    }

    pub fn is_full(&self) -> bool {
        self.list.is_full(self.row())
    }

    pub const fn list(&self) -> &FreeList {
        &self.list
    }

    /// Drops the values of used slots, and makes all slots fresh.
    pub fn clear(&mut self) {
        // SAFETY: `&mut self`: nobody else uses the list, and there are no boxes.
        unsafe {
            self.settle();
            drop_living::<T>(&self.list, self.row());
        }
    }

    /// The used slots, by address; each holds a value.
    pub fn walk(&mut self) -> Walk {
        // SAFETY: as for `clear`; who borrows the walk borrows the pool.
        unsafe {
            self.settle();
            Walk::new(&self.list, self.row())
        }
    }
}

impl<T, const N: usize> Drop for Inline<T, N> {
    fn drop(&mut self) {
        self.clear();
    }
}
