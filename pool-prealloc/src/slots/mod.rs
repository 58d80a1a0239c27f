//! A row of slots and its free list: the one list of all pools whose users have pointers.
//!
//! Above: [`Pool`](crate::Pool), [`StaticPool`](crate::StaticPool), [`BlockPool`](crate::BlockPool),
//! [`Budget`](crate::Budget); [`KeyPool`](crate::KeyPool) has the row, and a list of its own. Below: memory that one of them has.
//! In `living.rs`: which slots are not free. Not here: values, who may call when.
//!
//! ```text
//!   | used | free ─┐ | used | free | fresh | fresh | fresh |
//!            ▲     └───────▶ │       ^ fresh_slots           ^ slots
//!   head ────┘               └▶ nobody
//! ```
//!
//! Rules:
//! * R1: a slot below `fresh_slots` is used, or in the list, once. A slot from there on is neither.
//! * R2: a fresh slot is taken only when the list is empty. So at that moment every slot below it is
//!   used, and `fresh_slots` is the most that were ever used at a time.
//! * R3: a link is in the slot's own first bytes, which its user has given back. It is a pointer, or
//!   an index of four bytes where slots are shorter than a pointer, or may move; it need not be aligned.
//! * R4: slots of no size are counted, not linked: `fresh_slots` of them are used.

mod living;

pub(crate) use living::{Walk, drop_living};

use alloc_core::{Broken, Layout};
use core::cell::Cell;
use core::ptr::{self, NonNull};

/// How slots lie and how they are linked. A constant, as a rule, which the compiler folds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// From a slot to the next.
    pub slot_bytes: usize,
    by_index: bool,
}

/// Where an index leads nowhere.
const NOBODY: u32 = u32::MAX;

impl Shape {
    /// Slots for values of type `T`, or bare counts if it has no size.
    pub const fn of<T>() -> Self {
        if size_of::<T>() == 0 {
            Self { slot_bytes: 0, by_index: false }
        } else {
            Self::linked::<T>()
        }
    }

    /// Slots for values of type `T` that can be told apart even if it has no size.
    pub const fn linked<T>() -> Self {
        let slot_bytes = if size_of::<T>() < size_of::<u32>() {
            // A multiple of the alignment, which is 1, 2 or 4: but for types of no size.
            let align = align_of::<T>();
            if align > size_of::<u32>() { align } else { size_of::<u32>() }
        } else {
            size_of::<T>()
        };
        Self { slot_bytes, by_index: slot_bytes < size_of::<*mut u8>() }
    }

    /// The same, with indexes for links whatever their length: for a row that may move.
    pub const fn indexed<T>() -> Self {
        Self { slot_bytes: Self::linked::<T>().slot_bytes, by_index: true }
    }

    /// Slots for any layout that fits `layout`, each as long as a pointer at least.
    pub const fn raw(layout: Layout) -> Option<Self> {
        let least = if layout.size() == 0 { 0 } else { size_of::<*mut u8>() };
        let bytes = if layout.size() < least { least } else { layout.size() };
        match bytes.checked_next_multiple_of(layout.align()) {
            Some(slot_bytes) => Some(Self::raw_of(slot_bytes)),
            None => None,
        }
    }

    /// Slots as long as some that [`raw`](Self::raw) gave.
    #[inline]
    pub const fn raw_of(slot_bytes: usize) -> Self {
        Self { slot_bytes, by_index: false }
    }

    /// The layout of `slots` slots, if there is one and all of them have an index.
    pub const fn layout(self, slots: usize, align_bytes: usize) -> Option<Layout> {
        if self.by_index && slots as u64 >= NOBODY as u64 {
            return None;
        }
        let Some(bytes) = self.slot_bytes.checked_mul(slots) else { return None };
        match Layout::from_size_align(bytes, align_bytes) {
            Ok(layout) => Some(layout),
            Err(_) => None,
        }
    }
}

/// Where a row of slots lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub base: NonNull<u8>,
    pub slots: usize,
    pub shape: Shape,
}

impl Row {
    /// The slot with an index below `slots`.
    ///
    /// # Safety
    ///
    /// `index < self.slots`, and the row's memory is there.
    #[inline]
    pub unsafe fn slot(self, index: usize) -> NonNull<u8> {
        // SAFETY: within the row (caller).
        unsafe { self.base.add(index * self.shape.slot_bytes) }
    }

    /// The index of a slot of this row.
    #[inline]
    pub fn index_of(self, slot: NonNull<u8>) -> usize {
        self.offset_of(slot) / self.shape.slot_bytes
    }

    #[inline]
    fn offset_of(self, slot: NonNull<u8>) -> usize {
        slot.as_ptr().addr().wrapping_sub(self.base.as_ptr().addr())
    }

    /// Whether `ptr` lies in this row.
    #[inline]
    #[must_use]
    pub fn contains(self, ptr: NonNull<u8>) -> bool {
        self.offset_of(ptr) < self.slots * self.shape.slot_bytes
    }

    /// Where the link in a free slot leads.
    ///
    /// # Safety
    ///
    /// The slot is free, and of this row.
    #[inline(always)]
    unsafe fn next(self, slot: NonNull<u8>) -> *mut u8 {
        if self.shape.by_index {
            // SAFETY: a free slot holds a link (R3), here an index.
            let index = unsafe { slot.cast::<u32>().read_unaligned() };
            if index == NOBODY {
                return ptr::null_mut();
            }
            // SAFETY: only indexes of slots are written there (`link`).
            return unsafe { self.slot(index as usize) }.as_ptr();
        }
        // SAFETY: as above; here a pointer.
        unsafe { slot.cast::<*mut u8>().read_unaligned() }
    }

    /// Writes the link of a slot that becomes free.
    ///
    /// # Safety
    ///
    /// The slot is of this row, and nobody uses it; `next` is a free slot of this row, or null.
    #[inline(always)]
    unsafe fn link(self, slot: NonNull<u8>, next: *mut u8) {
        if self.shape.by_index {
            let next = NonNull::new(next).map_or(NOBODY, |next| self.index_of(next) as u32);
            // SAFETY: a slot has room for an index (`Shape::linked`), and is the caller's to write to.
            unsafe { slot.cast::<u32>().write_unaligned(next) };
        } else {
            // SAFETY: as above; where links are pointers, slots are as long as one.
            unsafe { slot.cast::<*mut u8>().write_unaligned(next) };
        }
    }
}

/// Which slots of a row are free, with a few figures.
pub(crate) struct FreeList {
    head: Cell<*mut u8>,
    fresh_slots: Cell<usize>,
    /// The peak of what was before `fresh_slots` last went back.
    high_slots: Cell<usize>,
    refused: Cell<usize>,
}

// SAFETY: the links lead to slots of the row, which moves to another thread with its list only.
unsafe impl Send for FreeList {}

impl FreeList {
    pub const fn new() -> Self {
        Self {
            head: Cell::new(ptr::null_mut()),
            fresh_slots: Cell::new(0),
            high_slots: Cell::new(0),
            refused: Cell::new(0),
        }
    }

    /// Takes a free slot; nobody else has it then.
    ///
    /// # Safety
    ///
    /// The list is of `row`, whose memory is there, as in all methods here.
    #[inline(always)]
    pub unsafe fn take(&self, row: Row) -> Option<NonNull<u8>> {
        let Some(slot) = NonNull::new(self.head.get()) else {
            let index = self.take_fresh(row.slots)?;
            if row.shape.slot_bytes == 0 {
                self.high_slots.set(self.high_slots.get().max(index + 1));
            }
            // SAFETY: a fresh slot is one.
            return Some(unsafe { row.slot(index) });
        };
        // SAFETY: what `head` leads to is free (R1).
        self.head.set(unsafe { row.next(slot) });
        Some(slot)
    }

    /// Takes a slot that nobody has had yet, of `slots` (R2). Its arguments go in registers: a row would
    /// be written to the stack in front of every hit.
    #[cold]
    #[inline(never)]
    fn take_fresh(&self, slots: usize) -> Option<usize> {
        let index = self.fresh_slots.get();
        if index == slots {
            self.refuse();
            return None;
        }
        self.fresh_slots.set(index + 1);
        Some(index)
    }

    /// Makes a slot free.
    ///
    /// # Safety
    ///
    /// The slot was taken from this list of this row, and nobody uses it any more.
    #[inline(always)]
    pub unsafe fn give(&self, row: Row, slot: NonNull<u8>) {
        if row.shape.slot_bytes == 0 {
            return self.fresh_slots.set(self.fresh_slots.get() - 1);
        }
        // SAFETY: the caller's promise; `head` is free, or null (R1).
        unsafe { row.link(slot, self.head.get()) };
        self.head.set(slot.as_ptr());
    }

    /// Takes note of a request that failed for another reason.
    pub fn refuse(&self) {
        self.refused.set(self.refused.get().wrapping_add(1));
    }

    /// Whether no slot is free: the next `take` fails.
    #[must_use]
    pub fn is_full(&self, row: Row) -> bool {
        self.head.get().is_null() && self.fresh_slots.get() == row.slots
    }

    /// How many slots have ever been taken since the list was new or emptied.
    pub fn fresh_slots(&self) -> usize {
        self.fresh_slots.get()
    }

    pub fn high_slots(&self) -> usize {
        let fresh_slots = self.fresh_slots.get();
        self.high_slots.get().max(fresh_slots)
    }

    pub fn refused(&self) -> usize {
        self.refused.get()
    }

    /// How many slots are used. Walks the list.
    ///
    /// # Safety
    ///
    /// As for `take`.
    #[must_use]
    pub unsafe fn used_slots(&self, row: Row) -> usize {
        // SAFETY: the caller's promise.
        self.fresh_slots.get() - unsafe { self.free(row) }.count()
    }

    /// The free slots, in the order in which they will be taken.
    ///
    /// # Safety
    ///
    /// As for `take`; nothing is taken or given while it runs.
    unsafe fn free(&self, row: Row) -> impl Iterator<Item = NonNull<u8>> {
        let mut next = self.head.get();
        core::iter::from_fn(move || {
            let slot = NonNull::new(next)?;
            // SAFETY: in the list, so it is free (R1).
            next = unsafe { row.next(slot) };
            Some(slot)
        })
    }

    /// Makes all slots fresh again. What was in used ones is forgotten.
    pub fn empty(&self) {
        self.high_slots.set(self.high_slots());
        self.head.set(ptr::null_mut());
        self.fresh_slots.set(0);
    }

    /// Finds the first free slot again, in a row that may have moved from the address `old`, or was borrowed
    /// exclusively, so that no pointer to it from before may be used. Links that are indexes stay right.
    ///
    /// # Safety
    ///
    /// As for `take`, of the row where it is now, which has [indexes](Shape::indexed) for links.
    #[inline]
    pub unsafe fn rebase(&self, row: Row, old: usize) {
        debug_assert!(row.shape.by_index);
        let head = self.head.get();
        if !head.is_null() {
            // SAFETY: as far from the new base as it was from the old one, so within the row.
            self.head.set(unsafe { row.base.as_ptr().add(head.addr() - old) });
        }
    }

    /// The first rule that the list breaks.
    ///
    /// # Safety
    ///
    /// As for `take`.
    pub unsafe fn verify(&self, row: Row, layer: &'static str) -> Result<(), Broken> {
        let fresh_slots = self.fresh_slots.get();
        Broken::unless(fresh_slots <= row.slots, layer, "fresh slots are slots", fresh_slots)?;
        let mut left = fresh_slots;
        let mut next = self.head.get();
        while let Some(slot) = NonNull::new(next) {
            let (address, offset) = (next.addr(), row.offset_of(slot));
            let is_slot = row.contains(slot) && offset.is_multiple_of(row.shape.slot_bytes);
            Broken::unless(is_slot, layer, "R1: what is free is a slot", address)?;
            let was_taken = row.index_of(slot) < fresh_slots;
            Broken::unless(was_taken, layer, "R1: what is free was taken once", address)?;
            Broken::unless(left > 0, layer, "R1: a slot is in the list once", address)?;
            left -= 1;
            // SAFETY: a slot of the row (above) that the list says is free.
            next = unsafe { row.next(slot) };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_row<T>(check: impl Fn(Row)) {
        let mut memory = [[0_u64; 4]; 9];
        let base = NonNull::from(&mut memory).cast();
        check(Row { base, slots: 8, shape: Shape::of::<T>() });
    }

    #[test]
    fn shapes_have_room_for_links() {
        let bytes = |shape: Shape| (shape.slot_bytes, shape.by_index);
        assert_eq!(bytes(Shape::of::<()>()), (0, false));
        assert_eq!(bytes(Shape::linked::<()>()), (4, true));
        assert_eq!(bytes(Shape::linked::<[u64; 0]>()), (8, size_of::<usize>() > 8));
        assert_eq!(bytes(Shape::of::<[u8; 3]>()), (4, true));
        assert_eq!(bytes(Shape::of::<[u8; 30]>()), (30, false));
        assert_eq!(Shape::raw(Layout::new::<[u8; 3]>()).unwrap().slot_bytes, size_of::<usize>());
    }

    /// A slot that is given twice, or is none, is found; whichever way links are written.
    #[test]
    fn verify_finds_what_is_broken() {
        fn check(row: Row) {
            let list = FreeList::new();
            // SAFETY: the row's memory is there; slots are given twice, and from nowhere, on purpose:
            // nothing is taken after that.
            unsafe {
                let [a, b, c] = [(); 3].map(|()| list.take(row).unwrap());
                list.give(row, b);
                list.give(row, a);
                assert_eq!(list.verify(row, "test"), Ok(()));
                assert_eq!(list.used_slots(row), 1);
                list.give(row, a);
                assert!(list.verify(row, "test").unwrap_err().rule.contains("once"));

                list.empty();
                assert_eq!((list.verify(row, "test"), list.high_slots()), (Ok(()), 3));
                list.give(row, c);
                assert!(list.verify(row, "test").unwrap_err().rule.contains("taken once"));
                list.empty();
                list.give(row, row.base.add(row.slots * row.shape.slot_bytes));
                assert!(list.verify(row, "test").unwrap_err().rule.contains("is a slot"));
            }
        }
        with_row::<u8>(check);
        with_row::<[u64; 2]>(check);
    }

    #[test]
    fn a_sorted_list_is_the_same_list() {
        fn check(row: Row) {
            for order in
                [[0, 1, 2, 3, 4, 5, 6, 7], [7, 6, 5, 4, 3, 2, 1, 0], [3, 0, 7, 1, 6, 2, 5, 4]]
            {
                for free in 0..=8 {
                    let list = FreeList::new();
                    // SAFETY: the row's memory is there; each slot is given once.
                    unsafe {
                        let slots = [(); 8].map(|()| list.take(row).unwrap());
                        order[..free].iter().for_each(|n| list.give(row, slots[*n]));
                        let used = Walk::new(&list, row).map(|slot| row.index_of(slot));
                        assert!(used.eq((0..8).filter(|n| !order[..free].contains(n))));
                        assert_eq!(list.verify(row, "test"), Ok(()));
                        assert!(list.free(row).map(|slot| slot.addr()).is_sorted());
                        assert_eq!(list.free(row).count(), free);
                    }
                }
            }
        }
        with_row::<u16>(check);
        with_row::<[u64; 3]>(check);
    }
}
