//! Values that wait to be dropped: rows of one type, whose values lie one behind the other.
//!
//! Above: [`DropBump`](crate::DropBump). Below: a [`Lifo`], in which heads and values lie.
//!
//! ```text
//!   ... | head | value | value | value | ........ | head | value |  free ...
//!          ▲                             others     │            ^ end
//!          └────────────── next ───────────────────┘ ◀─ first
//! ```
//!
//! A value that comes right behind the last one, and is of its type, costs no more than its own bytes. Rules:
//! * D1: the head of a row in the list is initialised, and lives until the list has run.
//! * D2: its `left` values from `values` on are initialised, and nobody else drops them. One is counted out before it is
//!   dropped: so each is dropped once, also when one panics.

use crate::frame::contained;
use crate::lifo::{Lifo, WORD_BYTES};
use crate::values;
use alloc_core::Layout;
use core::cell::Cell;
use core::ptr::{self, NonNull};

/// What a row begins with.
#[derive(Debug)]
struct Head {
    next: Option<NonNull<Self>>,
    /// Drops all values that are left, the last one first.
    drop: unsafe fn(&Self),
    values: NonNull<u8>,
    left: Cell<usize>,
}

/// The list, the youngest row first.
#[derive(Debug)]
pub(super) struct Rows {
    first: Cell<Option<NonNull<Head>>>,
    /// Where the next value has to lie to be one of the first row; null, if there is no such place.
    end: Cell<*mut u8>,
}

/// From one value of a row to the next: what each takes up at the top.
const fn stride_bytes<T>() -> usize {
    size_of::<T>().next_multiple_of(WORD_BYTES)
}

/// # Safety
///
/// The row is one of `T`, and in the list (D2).
unsafe fn drop_row<T>(row: &Head) {
    while let Some(left) = row.left.get().checked_sub(1) {
        row.left.set(left);
        // SAFETY: it is the last of the values that were left, and is not any more (D2).
        unsafe { row.values.add(left * stride_bytes::<T>()).cast::<T>().drop_in_place() };
    }
}

impl Rows {
    pub const fn new() -> Self {
        Self { first: Cell::new(None), end: Cell::new(ptr::null_mut()) }
    }

    /// Moves a value in, which is dropped when the list runs; gives it back if there is no memory for it.
    ///
    /// # Safety
    ///
    /// The memory stays until the list has run (D1).
    #[inline(always)]
    pub unsafe fn put<L: Lifo, T>(&self, memory: &L, value: T) -> Result<NonNull<T>, T> {
        let layout = Layout::new::<T>();
        if let Some(row) = self.first.get()
            && layout.size() != 0
            && !memory.lies_elsewhere(layout)
            && let Some(place) = memory.top().find(layout)
            && place.ptr.as_ptr() == self.end.get()
        {
            // SAFETY: it is in the list (D1).
            let row = unsafe { row.as_ref() };
            // Another type's function may have the same code, and so the same address: then it drops a `T` as well.
            if ptr::fn_addr_eq(row.drop, drop_row::<T> as unsafe fn(&Head)) {
                let ptr = place.ptr.cast::<T>();
                // SAFETY: the place is free, aligned and long enough for a `T`, and nobody else's from now on, as the top
                // moves past it.
                unsafe { ptr.write(value) };
                memory.top().set(place.top);
                self.end.set(place.top.as_ptr());
                row.left.set(row.left.get() + 1);
                return Ok(ptr);
            }
        }
        // SAFETY: the caller's promise.
        unsafe { self.begin(memory, value) }
    }

    /// Begins a row.
    ///
    /// # Safety
    ///
    /// As for [`put`](Rows::put).
    #[inline]
    unsafe fn begin<L: Lifo, T>(&self, memory: &L, value: T) -> Result<NonNull<T>, T> {
        let (next, values) = (self.first.get(), NonNull::dangling());
        let head = Head { next, drop: drop_row::<T>, values, left: Cell::new(0) };
        // SAFETY: the caller's promise. A head that is not in the list is only bytes.
        let Ok(head) = (unsafe { values::value(memory, head) }) else { return Err(value) };
        // SAFETY: as above.
        let value = NonNull::from(unsafe { values::value(memory, value) }?);
        head.values = value.cast();
        head.left.set(1);
        let top = memory.top().at();
        let is_behind =
            value.cast::<u8>().as_ptr().wrapping_add(stride_bytes::<T>()) == top.as_ptr();
        self.end.set(if is_behind && size_of::<T>() != 0 { top.as_ptr() } else { ptr::null_mut() });
        self.first.set(Some(NonNull::from(head)));
        Ok(value)
    }

    /// Drops all values, the last one first, and leaves the list empty. If one panics the others are dropped all the
    /// same, and the first panic goes on then, unless another is under way already.
    #[inline]
    pub fn run(&self) {
        let rest = Rest(self);
        while self.run_first() {}
        core::mem::forget(rest);
    }

    /// Drops what is left of the first row, and takes it off the list.
    #[inline]
    fn run_first(&self) -> bool {
        let Some(row) = self.first.get() else { return false };
        self.end.set(ptr::null_mut());
        // SAFETY: it is in the list (D1, D2).
        unsafe { (row.as_ref().drop)(row.as_ref()) };
        // SAFETY: as above.
        self.first.set(unsafe { row.as_ref() }.next);
        true
    }
}

/// What has not been dropped yet; it is when this is dropped: that is, when a destructor has panicked.
struct Rest<'r>(&'r Rows);

impl Drop for Rest<'_> {
    #[cold]
    fn drop(&mut self) {
        while contained(|| self.0.run_first()) {}
    }
}
