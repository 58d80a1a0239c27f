//! The map for spans outside the window: granule number to span, open addressing.
//!
//! Above: the index, which holds the lock around it. Below: its table is memory of the layer below.
//! Growth happens in `promise` alone, so that `insert` cannot fail half way through a span.

use super::span::Span;
use alloc_core::{AllocError, Layer, Layout};
use core::ptr::{NonNull, null_mut};

#[derive(Clone, Copy)]
struct Entry {
    granule: usize,
    span: *mut Span,
}

const FREE: Entry = Entry { granule: 0, span: null_mut() };

pub(super) struct Others {
    entries: *mut Entry,
    /// A power of two, or 0.
    capacity: usize,
    len: usize,
    promised: usize,
}

// SAFETY: the table is this map's own; span records are shared by the index's rules.
unsafe impl Send for Others {}

impl Others {
    pub const fn new() -> Self {
        Self { entries: null_mut(), capacity: 0, len: 0, promised: 0 }
    }

    pub fn find(&self, granule: usize) -> *mut Span {
        if self.capacity == 0 {
            return null_mut();
        }
        self.entry(self.place_of(granule)).span
    }

    /// The place that holds `granule`, or the free place where it would go.
    fn place_of(&self, granule: usize) -> usize {
        let mut place = self.home(granule);
        loop {
            let entry = self.entry(place);
            if entry.span.is_null() || entry.granule == granule {
                return place;
            }
            place = (place + 1) & (self.capacity - 1);
        }
    }

    /// Fibonacci hashing: the high bits of a product with 2^64 over the golden ratio.
    fn home(&self, granule: usize) -> usize {
        let product = (granule as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (product >> 32) as usize & (self.capacity - 1)
    }

    fn entry(&self, place: usize) -> Entry {
        debug_assert!(place < self.capacity);
        // SAFETY: places are masked by `capacity - 1`, and all entries are initialised (`grow`).
        unsafe { *self.entries.add(place) }
    }

    fn set(&mut self, place: usize, entry: Entry) {
        debug_assert!(place < self.capacity);
        // SAFETY: as for `entry`; `&mut self` makes it the only access.
        unsafe { *self.entries.add(place) = entry }
    }

    pub fn promise(&mut self, below: &impl Layer, more: usize) -> Result<(), AllocError> {
        let needed = self.len + self.promised + more;
        // Over a layer with a window this map stays empty, and a promise costs nothing until it
        // has to be kept: but it must be kept, so there is room for it.
        while needed * 2 > self.capacity {
            self.grow(below)?;
        }
        self.promised += more;
        Ok(())
    }

    pub fn unpromise(&mut self, granules: usize) {
        self.promised -= granules;
    }

    pub fn insert(&mut self, granule: usize, span: *mut Span) {
        self.promised -= 1;
        self.len += 1;
        self.set(self.place_of(granule), Entry { granule, span });
    }

    pub fn remove(&mut self, granule: usize) {
        if self.capacity == 0 {
            return;
        }
        let mut hole = self.place_of(granule);
        if self.entry(hole).span.is_null() {
            return;
        }
        self.len -= 1;
        // Moves later entries of the run back, so that no search stops at the hole too early.
        let mut place = hole;
        loop {
            place = (place + 1) & (self.capacity - 1);
            let entry = self.entry(place);
            if entry.span.is_null() {
                break;
            }
            let from_home = place.wrapping_sub(self.home(entry.granule)) & (self.capacity - 1);
            let from_hole = place.wrapping_sub(hole) & (self.capacity - 1);
            if from_home >= from_hole {
                self.set(hole, entry);
                hole = place;
            }
        }
        self.set(hole, FREE);
    }

    fn layout(capacity: usize) -> Result<Layout, AllocError> {
        Layout::array::<Entry>(capacity).map_err(|_| AllocError)
    }

    #[cold]
    fn grow(&mut self, below: &impl Layer) -> Result<(), AllocError> {
        let capacity = (self.capacity * 2).max(16);
        let entries = below.allocate(Self::layout(capacity)?)?.cast::<Entry>().as_ptr();
        for place in 0..capacity {
            // SAFETY: the allocation has room for `capacity` entries.
            unsafe { entries.add(place).write(FREE) };
        }
        let old = core::mem::replace(self, Self { entries, capacity, ..*self });
        for place in 0..old.capacity {
            let entry = old.entry(place);
            if !entry.span.is_null() {
                self.set(self.place_of(entry.granule), entry);
            }
        }
        // SAFETY: the old table is no longer reachable.
        unsafe { old.free_table(below) };
        Ok(())
    }

    /// # Safety
    ///
    /// `below` is the layer of every `promise`; the map is not used afterwards.
    unsafe fn free_table(&self, below: &impl Layer) {
        if let (Some(entries), Ok(layout)) =
            (NonNull::new(self.entries), Self::layout(self.capacity))
        {
            // SAFETY: `grow` took the table with this layout.
            unsafe { below.deallocate(entries.cast(), layout) };
        }
    }

    /// Gives the table back and leaves the map empty.
    ///
    /// # Safety
    ///
    /// As for `free_table`.
    pub unsafe fn close(&mut self, below: &impl Layer) {
        // SAFETY: the caller's promise.
        unsafe { self.free_table(below) };
        *self = Self::new();
    }
}
