//! Misses: refill and flush (step 2).
//!
//! Above: a hit that found no slot or no room. Below: the heap. Everything here runs with the
//! record's gate held (R2), or without a record, directly on the heap (R4).

use super::local::{Record, State};
use super::{Key, Lists, Shared, ThreadCache};
use crate::heap::{Batch, BatchHeap};
use crate::table::{Class, ClassTable};
use alloc_core::{AllocError, Layout};
use core::ptr::NonNull;

/// A thread looks for idle classes once in so many misses.
const MISSES_PER_SWEEP: u32 = 256;

impl<H: BatchHeap, K: Key<H>> ThreadCache<H, K> {
    /// A slot of `class`, after `pop` found none.
    #[cold]
    #[inline(never)]
    pub(super) fn refill(&self, class: Class) -> Result<NonNull<u8>, AllocError> {
        match self.record() {
            // SAFETY: it is the calling thread's record.
            Some(record) => unsafe { self.home.refill(record.as_ref(), class) },
            None => self.home.heap.allocate(slot_layout::<H>(class)).map(NonNull::cast),
        }
    }

    /// Takes `slot`, after `push` found no room.
    ///
    /// # Safety
    ///
    /// `slot` is a slot of `class` from the heap below, and the caller gives it away.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn flush(&self, class: Class, slot: NonNull<u8>) {
        match self.record() {
            // SAFETY: it is the calling thread's record; the caller's promise.
            Some(record) => unsafe { self.home.flush(record.as_ref(), class, slot) },
            // SAFETY: the slot came from the heap; its own layout fits it.
            None => unsafe { self.home.heap.deallocate(slot, slot_layout::<H>(class)) },
        }
    }

    /// The calling thread's record, made if this is its first miss. `None` if it cannot have one.
    pub(super) fn record(&self) -> Option<NonNull<Record>> {
        // SAFETY: the key's contract.
        let local = unsafe { &*K::local(&self.home) };
        match local.state.get() {
            State::Active => NonNull::new(local.record.get()),
            State::New => self.home.start(K::attach(&self.home)),
            State::Starting | State::Gone => None,
        }
    }
}

impl<H: BatchHeap> Shared<H> {
    /// # Safety
    ///
    /// `record` is the calling thread's.
    unsafe fn refill(&self, record: &Record, class: Class) -> Result<NonNull<u8>, AllocError> {
        let _gate = record.gate.lock();
        let info = H::Table::info(class);
        // SAFETY: R2: the gate is held, and this thread is in no hit.
        unsafe {
            record.lists.with(class, |list| {
                // A reclaimer may have hidden the lists for a moment.
                if let Some(slot) = list.pop() {
                    return Ok(slot);
                }
                if !list.use_spare() {
                    record.count(|counts| counts.refills += 1);
                    let want = list.grow(info);
                    let mut batch = self.heap.refill(class, want)?;
                    if want == 0 && batch.len() == 1 {
                        return batch.pop().ok_or(AllocError);
                    }
                    list.accept(batch);
                }
                list.pop().ok_or(AllocError)
            })
        }
    }

    /// # Safety
    ///
    /// `record` is the calling thread's; `slot` is of `class`, and the caller gives it away.
    unsafe fn flush(&self, record: &Record, class: Class, slot: NonNull<u8>) {
        let _gate = record.gate.lock();
        let info = H::Table::info(class);
        // SAFETY: R2 for the lists; the slot is given away once: to the list, or to the heap.
        unsafe {
            record.lists.with(class, |list| {
                if list.push(slot) {
                    return;
                }
                let leaves = list.make_room(info);
                self.give(record, class, leaves);
                if !list.push(slot) {
                    self.give(record, class, Batch::of_one(slot));
                }
            });
            self.sweep_now_and_then(record);
        }
    }

    /// # Safety
    ///
    /// `batch` has slots of `class` from the heap; the caller owns `record`'s lists.
    unsafe fn give(&self, record: &Record, class: Class, batch: Batch) {
        if !batch.is_empty() {
            record.count(|counts| counts.flushes += 1);
            // SAFETY: the caller's promise.
            unsafe { self.heap.flush(class, batch) };
        }
    }

    /// Gives back what idle classes keep, once in many misses.
    ///
    /// # Safety
    ///
    /// The caller owns `record`'s lists.
    unsafe fn sweep_now_and_then(&self, record: &Record) {
        record.misses.set(record.misses.get() + 1);
        if record.misses.get() < MISSES_PER_SWEEP {
            return;
        }
        record.misses.set(0);
        for class in H::Table::classes() {
            // SAFETY: the caller owns the lists, which hold slots of the heap.
            unsafe {
                let info = H::Table::info(class);
                for batch in record.lists.with(class, |list| list.sweep(info)) {
                    self.give(record, class, batch);
                }
            }
        }
    }

    /// Gives everything in `lists` back to the heap. Returns the bytes.
    ///
    /// # Safety
    ///
    /// The caller owns the lists.
    pub(super) unsafe fn flush_all(&self, lists: &Lists) -> usize {
        let mut bytes = 0;
        for class in H::Table::classes() {
            // SAFETY: the caller's promise.
            for batch in unsafe { lists.with(class, |list| list.take_all()) } {
                bytes += batch.len() * H::Table::info(class).slot_bytes;
                if !batch.is_empty() {
                    // SAFETY: slots on the list of a class are of that class, from the heap.
                    unsafe { self.heap.flush(class, batch) };
                }
            }
        }
        bytes
    }
}

/// A layout that a slot of `class` serves exactly.
pub(super) fn slot_layout<H: BatchHeap>(class: Class) -> Layout {
    let info = H::Table::info(class);
    // SAFETY: 16 is a power of two, and slot sizes are far below `isize::MAX`, multiples of 16.
    unsafe { Layout::from_size_align_unchecked(info.slot_bytes, 16) }
}
