//! The moving end of a stack of objects: what [`Bump`](crate::Bump) and [`Stack`](crate::Stack) have in common.
//!
//! Above: both, and the values that are put into them. Below: nothing. This file knows two addresses and no memory:
//! where its range comes from, and what happens when it is full, is its owner's matter.
//!
//! ```text
//!   | objects ......... |  free ............ |
//!                       ^ at                 ^ end
//! ```
//!
//! `at` is always aligned to a [word](WORD_BYTES), so that an object that asks for no more begins right there: its
//! address is known without a calculation, and the next one's after one addition.

use alloc_core::Layout;
use core::cell::Cell;
use core::ptr::NonNull;

/// Every object begins at a multiple of this, and takes up a multiple of it.
pub(crate) const WORD_BYTES: usize = 8;

/// Where an object would lie, and where the top would be then.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub(crate) ptr: NonNull<u8>,
    pub(crate) top: NonNull<u8>,
}

/// The end of the objects in a range of memory, and the end of the range.
#[derive(Debug)]
pub struct Top {
    at: Cell<NonNull<u8>>,
    end: Cell<usize>,
}

/// How many bytes an object of `bytes` bytes takes up. It does not overflow: sizes of layouts are at most `isize::MAX`.
#[inline(always)]
const fn extent(bytes: usize) -> usize {
    (bytes + (WORD_BYTES - 1)) & !(WORD_BYTES - 1)
}

impl Top {
    /// A range without a byte.
    pub(crate) const fn new() -> Self {
        let at = NonNull::<u64>::dangling().cast();
        const { assert!(align_of::<u64>() <= WORD_BYTES && size_of::<u64>() == WORD_BYTES) };
        Self { at: Cell::new(at), end: Cell::new(align_of::<u64>()) }
    }

    /// From now on it is about the range from `at` to `end`, of which both are words' addresses.
    pub(crate) fn enter(&self, at: NonNull<u8>, end: usize) {
        self.at.set(at);
        self.end.set(end);
    }

    #[inline(always)]
    pub(crate) fn at(&self) -> NonNull<u8> {
        self.at.get()
    }

    pub(crate) fn end(&self) -> usize {
        self.end.get()
    }

    #[inline(always)]
    pub(crate) fn left_bytes(&self) -> usize {
        self.end.get().wrapping_sub(self.at.get().as_ptr().addr())
    }

    /// Where an object of this layout would lie, if there is room. Nothing is taken yet: that is for [`set`](Top::set).
    /// (Whoever writes the object in between lets the compiler keep `at` in a register, as no write through an unknown
    /// pointer stands between this one's store and the next one's load.)
    #[inline(always)]
    pub(crate) fn find(&self, layout: Layout) -> Option<Place> {
        let (at, left_bytes) = (self.at.get(), self.left_bytes());
        let extent_bytes = extent(layout.size());
        let gap_bytes = if layout.align() <= WORD_BYTES {
            0
        } else {
            at.as_ptr().addr().wrapping_neg() & (layout.align() - 1)
        };
        if gap_bytes > left_bytes || extent_bytes > left_bytes - gap_bytes {
            return None;
        }
        // SAFETY: gap and object lie before the range's end (compared above).
        let (ptr, top) = unsafe { (at.add(gap_bytes), at.add(gap_bytes + extent_bytes)) };
        Some(Place { ptr, top })
    }

    /// Moves the top: to a [`Place::top`] that was just found, or back to where it was.
    #[inline(always)]
    pub(crate) fn set(&self, at: NonNull<u8>) {
        self.at.set(at);
    }

    /// Takes the place that [`find`](Top::find) finds.
    #[inline(always)]
    pub(crate) fn take(&self, layout: Layout) -> Option<NonNull<u8>> {
        let place = self.find(layout)?;
        self.set(place.top);
        Some(place.ptr)
    }

    /// Whether `ptr` is the last object, if it is `bytes` long.
    #[inline(always)]
    pub(crate) fn is_last(&self, ptr: NonNull<u8>, bytes: usize) -> bool {
        ptr.as_ptr().addr() + extent(bytes) == self.at.get().as_ptr().addr()
    }

    /// Takes the object at `ptr` back, if it is the last one.
    #[inline(always)]
    pub(crate) fn give(&self, ptr: NonNull<u8>, bytes: usize) {
        if self.is_last(ptr, bytes) {
            self.at.set(self.whole(ptr));
        }
    }

    /// The same address, by a pointer to the whole range: a user's may be to an object alone.
    #[inline(always)]
    fn whole(&self, ptr: NonNull<u8>) -> NonNull<u8> {
        self.at.get().with_addr(ptr.addr())
    }

    /// Makes the object at `ptr` longer or shorter where it lies, if that can be. Returns where that is.
    ///
    /// # Safety
    ///
    /// `ptr` is an object of the layout `old` in this range.
    #[inline]
    pub(crate) unsafe fn resize(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<NonNull<u8>> {
        if !ptr.as_ptr().addr().is_multiple_of(new.align()) {
            return None;
        }
        let ptr = self.whole(ptr);
        let (old_bytes, new_bytes) = (extent(old.size()), extent(new.size()));
        if !self.is_last(ptr, old.size()) {
            return (new_bytes <= old_bytes).then_some(ptr);
        }
        if new_bytes > old_bytes && new_bytes - old_bytes > self.left_bytes() {
            return None;
        }
        // SAFETY: what the object takes up, old or new, lies before the range's end (compared above).
        self.at.set(unsafe { ptr.add(new_bytes) });
        Some(ptr)
    }
}
