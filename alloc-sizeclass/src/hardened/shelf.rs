//! A class's shelf: its spans, and slots that wait between threads.
//!
//! Above: misses of threads' bags (`miss.rs`). Below: spans (`span.rs`). Everything here runs under the class's lock,
//! and calls nothing outside of this module but the vault.
//! Slots that a thread has too many of wait in a row first, so that they reach another thread without a walk over their
//! spans. All that is here is free, and zero.

use super::span::Span;
use super::vault::Vault;
use core::ptr::{NonNull, null_mut};

/// Slots that may wait in the row, and the bytes of them.
const WAITING_SLOTS: usize = 512;
const WAITING_BYTES: usize = 128 << 10;

/// A shelf.
#[derive(Debug)]
pub(super) struct Shelf {
    /// Spans with a free slot, and those without.
    partial: *mut Span,
    full: *mut Span,
    pub spans: usize,
    /// The span without a slot in use that is kept.
    spare: *mut Span,
    /// Records without a span, by their links.
    records: *mut Span,
    waiting: *mut *mut u8,
    pub waiting_slots: usize,
}

// SAFETY: what the pointers lead to is the shelf's own, under its lock.
unsafe impl Send for Shelf {}

impl Shelf {
    pub(super) const fn new() -> Self {
        Self {
            partial: null_mut(),
            full: null_mut(),
            spans: 0,
            spare: null_mut(),
            records: null_mut(),
            waiting: null_mut(),
            waiting_slots: 0,
        }
    }

    /// Takes a slot, if there is one.
    pub(super) fn take(&mut self) -> Option<NonNull<u8>> {
        if self.waiting_slots > 0 {
            self.waiting_slots -= 1;
            // SAFETY: below the count stand slots (`wait`).
            return NonNull::new(unsafe { *self.waiting.add(self.waiting_slots) });
        }
        // SAFETY: spans on the list are this shelf's.
        let span = unsafe { self.partial.as_mut() }?;
        let slot = span.take();
        if core::ptr::eq(self.spare, span) {
            self.spare = null_mut();
        }
        if span.free_slots == 0 {
            let span = NonNull::from(span);
            // SAFETY: it stands on `partial`.
            unsafe {
                unlink(&mut self.partial, span);
                link(&mut self.full, span);
            }
        }
        slot
    }

    /// Makes the row, if there is memory for it. Returns how many more slots of so many bytes may wait.
    pub(super) fn room(
        &mut self,
        slot_bytes: usize,
        vault: impl FnOnce(usize) -> Option<NonNull<u8>>,
    ) -> usize {
        if self.waiting.is_null() {
            match vault(WAITING_SLOTS * size_of::<*mut u8>()) {
                Some(row) => self.waiting = row.as_ptr().cast(),
                None => return 0,
            }
        }
        WAITING_SLOTS.min(WAITING_BYTES / slot_bytes).saturating_sub(self.waiting_slots)
    }

    /// Lets a slot wait.
    ///
    /// # Safety
    ///
    /// There is room: `room` said so, under this lock.
    pub(super) unsafe fn wait(&mut self, slot: NonNull<u8>) {
        debug_assert!(self.waiting_slots < WAITING_SLOTS);
        // SAFETY: the row has room for `WAITING_SLOTS`.
        unsafe { self.waiting.add(self.waiting_slots).write(slot.as_ptr()) };
        self.waiting_slots += 1;
    }

    /// Takes a waiting slot, to bring it to its span.
    pub(super) fn take_waiting(&mut self) -> Option<NonNull<u8>> {
        self.waiting_slots = self.waiting_slots.checked_sub(1)?;
        // SAFETY: as in `take`.
        NonNull::new(unsafe { *self.waiting.add(self.waiting_slots) })
    }

    /// Brings a slot back to its span. Returns the span, off the list, if it is empty now and another empty one is here.
    ///
    /// # Safety
    ///
    /// `span` is a span of this shelf, and the slot one of its.
    pub(super) unsafe fn put(
        &mut self,
        mut span: NonNull<Span>,
        slot: NonNull<u8>,
    ) -> Option<NonNull<Span>> {
        // SAFETY: the caller's promise; spans move between lists of this shelf.
        unsafe {
            let was_full = span.as_ref().free_slots == 0;
            span.as_mut().put(slot);
            if was_full {
                unlink(&mut self.full, span);
                link(&mut self.partial, span);
            }
            if !span.as_ref().is_empty() {
                return None;
            }
            if self.spare.is_null() {
                self.spare = span.as_ptr();
                return None;
            }
            unlink(&mut self.partial, span);
        }
        self.spans -= 1;
        Some(span)
    }

    /// Takes the empty span off the list, if there is one.
    pub(super) fn take_spare(&mut self) -> Option<NonNull<Span>> {
        let spare = NonNull::new(core::mem::replace(&mut self.spare, null_mut()))?;
        // SAFETY: an empty span stands on `partial`.
        unsafe { unlink(&mut self.partial, spare) };
        self.spans -= 1;
        Some(spare)
    }

    /// Adds a span with free slots.
    ///
    /// # Safety
    ///
    /// `span` is a record without a list that the caller gives away.
    pub(super) unsafe fn add(&mut self, span: NonNull<Span>) {
        // SAFETY: the caller's promise.
        unsafe { link(&mut self.partial, span) };
        self.spans += 1;
    }

    /// Memory for a record of so many bytes, the same at each call.
    pub(super) fn take_record(&mut self, vault: &mut Vault, bytes: usize) -> Option<NonNull<u8>> {
        match NonNull::new(self.records) {
            Some(record) => {
                // SAFETY: records on this list are this shelf's.
                self.records = unsafe { record.as_ref().next };
                Some(record.cast())
            }
            None => vault.take(bytes),
        }
    }

    /// Takes a record back.
    ///
    /// # Safety
    ///
    /// It came from `take_record`, is on no list, and is the caller's.
    pub(super) unsafe fn put_record(&mut self, mut record: NonNull<Span>) {
        // SAFETY: the caller's promise.
        unsafe { record.as_mut().next = self.records };
        self.records = record.as_ptr();
    }

    /// Runs `act` on every span.
    pub(super) fn for_each(&self, mut act: impl FnMut(&mut Span)) {
        for first in [self.partial, self.full] {
            let mut next = first;
            // SAFETY: spans on the lists are this shelf's, whose lock is held.
            while let Some(span) = unsafe { next.as_mut() } {
                next = span.next;
                act(span);
            }
        }
    }
}

/// # Safety
///
/// `span` is a live record on no list; `list` is its shelf's.
unsafe fn link(list: &mut *mut Span, mut span: NonNull<Span>) {
    // SAFETY: the caller's promise; the first span, if any, is on the list.
    unsafe {
        span.as_mut().prev = null_mut();
        span.as_mut().next = *list;
        if let Some(first) = list.as_mut() {
            first.prev = span.as_ptr();
        }
    }
    *list = span.as_ptr();
}

/// # Safety
///
/// `span` stands on `list`.
unsafe fn unlink(list: &mut *mut Span, span: NonNull<Span>) {
    // SAFETY: the span and its neighbours are on the list.
    unsafe {
        let (prev, next) = (span.as_ref().prev, span.as_ref().next);
        match prev.as_mut() {
            Some(prev) => prev.next = next,
            None => *list = next,
        }
        if let Some(next) = next.as_mut() {
            next.prev = prev;
        }
    }
}
