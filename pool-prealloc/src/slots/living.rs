//! Which slots are not free, without a bit for any of them: the list is sorted, and walked beside
//! the row.
//!
//! Above: iteration, `clear` and `drop`, which have the pool to themselves. Below: the free list.

use super::{FreeList, Row};
use core::marker::PhantomData;
use core::ptr::{self, NonNull};

/// A walk over the used slots of a row, in the order of their addresses.
pub(crate) struct Walk {
    row: Row,
    index: usize,
    fresh_slots: usize,
    /// The next free slot, in the order of addresses.
    free: *mut u8,
}

impl Walk {
    /// Begins one. Sorts the list, so that slots are taken in the order of addresses from then on.
    ///
    /// # Safety
    ///
    /// The list is of `row`, whose memory is there. Nothing is taken or given until the walk has
    /// ended; but the list may be emptied, if nothing is taken.
    pub unsafe fn new(list: &FreeList, row: Row) -> Self {
        // SAFETY: the caller's promise.
        unsafe { list.sort(row) };
        Self { row, index: 0, fresh_slots: list.fresh_slots(), free: list.head.get() }
    }
}

impl Iterator for Walk {
    type Item = NonNull<u8>;

    fn next(&mut self) -> Option<NonNull<u8>> {
        while self.index < self.fresh_slots {
            // SAFETY: below `fresh_slots`, so a slot.
            let slot = unsafe { self.row.slot(self.index) };
            self.index += 1;
            if slot.as_ptr() != self.free || self.row.shape.slot_bytes == 0 {
                return Some(slot);
            }
            // SAFETY: in the list when the walk began, and not written to since (`new`).
            self.free = unsafe { self.row.next(slot) };
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.fresh_slots - self.index))
    }
}

/// Lists of 1, 2, 4 … slots that wait to be merged.
type Piles = [*mut u8; usize::BITS as usize];

impl FreeList {
    /// Sorts the list by address: merges lists of equal lengths, in place.
    ///
    /// # Safety
    ///
    /// As for `take`.
    unsafe fn sort(&self, row: Row) {
        let mut piles: Piles = [ptr::null_mut(); usize::BITS as usize];
        let mut at = self.head.get();
        while let Some(slot) = NonNull::new(at) {
            // SAFETY: in the list, so free; it leaves the list for a list of its own.
            unsafe {
                at = row.next(slot);
                row.link(slot, ptr::null_mut());
            }
            let mut list = slot.as_ptr();
            for pile in &mut piles {
                if pile.is_null() {
                    *pile = list;
                    break;
                }
                // SAFETY: both lists are of free slots, and sorted.
                list = unsafe { merge(row, core::mem::replace(pile, ptr::null_mut()), list) };
            }
        }
        // SAFETY: as above.
        let merged =
            piles.into_iter().fold(ptr::null_mut(), |all, pile| unsafe { merge(row, pile, all) });
        self.head.set(merged);
    }
}

/// One sorted list of two.
///
/// # Safety
///
/// Both are lists of free slots of `row`, sorted by address, which end with null.
unsafe fn merge(row: Row, mut a: *mut u8, mut b: *mut u8) -> *mut u8 {
    let mut first = ptr::null_mut();
    let mut last: Option<NonNull<u8>> = None;
    loop {
        let (slot, rest) = match (NonNull::new(a), NonNull::new(b)) {
            (None, None) => return first,
            (Some(slot), None) => (slot, &mut a),
            (None, Some(slot)) => (slot, &mut b),
            (Some(slot), Some(other)) if slot < other => (slot, &mut a),
            (Some(_), Some(slot)) => (slot, &mut b),
        };
        // SAFETY: in a list, so free (caller).
        *rest = unsafe { row.next(slot) };
        match last.replace(slot) {
            // SAFETY: as above.
            Some(last) => unsafe { row.link(last, slot.as_ptr()) },
            None => first = slot.as_ptr(),
        }
        // When one list is at its end, the other is linked as it is.
        if a.is_null() || b.is_null() {
            let rest = if a.is_null() { b } else { a };
            // SAFETY: as above.
            unsafe { row.link(slot, rest) };
            return first;
        }
    }
}

/// Makes all slots fresh, and drops the values of used ones. If one unwinds, the others are dropped
/// nonetheless.
///
/// # Safety
///
/// As for [`Walk::new`]; every used slot holds a `T`, which nobody has borrowed.
pub(crate) unsafe fn drop_living<T>(list: &FreeList, row: Row) {
    // SAFETY: the caller's promise, here and below.
    if !core::mem::needs_drop::<T>() || unsafe { list.used_slots(row) } == 0 {
        return list.empty();
    }
    // SAFETY: as above; the values' destructors cannot reach the list.
    let mut walk = unsafe { Walk::new(list, row) };
    list.empty();
    let rest = Rest::<T>(&mut walk, PhantomData);
    for slot in rest.0.by_ref() {
        // SAFETY: a used slot holds a `T` (caller), and the walk comes by it once.
        unsafe { slot.cast::<T>().drop_in_place() };
    }
}

/// Drops what is left when a destructor unwinds.
struct Rest<'w, T>(&'w mut Walk, PhantomData<T>);

impl<T> Drop for Rest<'_, T> {
    fn drop(&mut self) {
        for slot in &mut *self.0 {
            // SAFETY: as in `drop_living`: this goes on with its walk.
            unsafe { slot.cast::<T>().drop_in_place() };
        }
    }
}
