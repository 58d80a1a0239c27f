//! A record's life: made at a thread's first miss, ended with the thread, carried over a fork.
//!
//! Above: `miss.rs` asks for a record; keys call `thread_ends`; `freeze` and `thaw` stand around a
//! fork. Below: the registry, and the heap, in whose memory records lie.

use super::local::{Local, Record, State};
use super::{Lists, Shared};
use crate::heap::BatchHeap;
use alloc_core::Layout;
use alloc_core::sync::{Lock, Ordering};
use core::cell::Cell;
use core::ptr::{NonNull, null_mut};

impl<H: BatchHeap> Shared<H> {
    /// Makes the record of a thread whose state the key has prepared (`Starting`, or null).
    pub(super) fn start(&self, local: *const Local) -> Option<NonNull<Record>> {
        // SAFETY: the key's contract: null, or the calling thread's own.
        let local = unsafe { local.as_ref() }?;
        debug_assert_eq!(local.state.get(), State::Starting);
        if self.registry.lock().is_closed {
            local.state.set(State::Gone);
            return None;
        }
        let Ok(memory) = self.heap.allocate(Layout::new::<Record>()) else {
            local.state.set(State::New);
            return None;
        };
        let record = memory.cast::<Record>();
        // SAFETY: the memory is fresh, and has the layout of a record.
        unsafe {
            record.write(Record {
                lists: Lists::new(),
                gate: Lock::new(()),
                local,
                misses: Cell::new(0),
                counts: Cell::default(),
                prev: null_mut(),
                next: null_mut(),
            });
            self.registry.lock().link(record.as_ptr());
        }
        local.record.set(record.as_ptr());
        // A reclaimer that has met the record already may have to point back first.
        // SAFETY: the record lives until this thread ends.
        let gate = unsafe { record.as_ref() }.gate.lock();
        // ORDERING: Relaxed: this thread alone reads it.
        local.lists.store(Self::lists_of(record.as_ptr()), Ordering::Relaxed);
        drop(gate);
        local.state.set(State::Active);
        Some(record)
    }

    pub(super) fn lists_of(record: *mut Record) -> *mut Lists {
        // SAFETY: a field's address, of a live record.
        unsafe { &raw mut (*record).lists }
    }

    /// Ends a thread's state: what it cached goes back, and it goes to the heap from now on (R4).
    ///
    /// # Safety
    ///
    /// `local` is the calling thread's, for this cache.
    pub(super) unsafe fn thread_ends(&self, local: &Local) {
        local.state.set(State::Gone);
        let Some(record) = NonNull::new(local.record.replace(null_mut())) else { return };
        {
            let mut registry = self.registry.lock();
            // SAFETY: the record of an active thread is on the registry.
            unsafe { registry.unlink(record.as_ptr()) };
        }
        // ORDERING: Relaxed: off the registry, no reclaimer knows this state any more.
        local.lists.store(self.empty(), Ordering::Relaxed);
        // SAFETY: no other thread knows the record, and this one is in no hit.
        unsafe { self.drop_record(record.as_ptr()) };
    }

    /// Flushes a record's lists and frees it.
    ///
    /// # Safety
    ///
    /// The caller owns the record, which is off the registry.
    unsafe fn drop_record(&self, record: *mut Record) {
        // SAFETY: the caller's promise; `start` took the memory with this layout.
        unsafe {
            self.flush_all(&(*record).lists);
            self.free_record(record);
        }
    }

    /// # Safety
    ///
    /// As for `drop_record`; what is on the lists is lost.
    unsafe fn free_record(&self, record: *mut Record) {
        // SAFETY: the caller's promise; `start` took the memory with this layout.
        unsafe {
            record.drop_in_place();
            self.heap.deallocate(NonNull::new_unchecked(record).cast(), Layout::new::<Record>());
        }
    }

    /// Flushes and frees every record: the cache is being dropped.
    ///
    /// # Safety
    ///
    /// No thread is in the cache, or will be.
    pub(super) unsafe fn drop_records(&self) {
        let mut registry = self.registry.lock();
        registry.for_each(|registry, record| {
            // SAFETY: the record is on the registry, and its thread will not use it any more.
            unsafe {
                registry.unlink(record);
                self.drop_record(record);
            }
        });
    }

    /// Takes every lock, so that a fork finds no thread in a miss.
    pub(super) fn freeze(&self) {
        let mut registry = self.registry.lock();
        registry.frozen_by = std::process::id();
        // SAFETY: records on the registry are live.
        registry.for_each(|_, record| unsafe { (*record).gate.acquire() });
        // Held on, until `thaw`.
        core::mem::forget(registry);
        self.heap.freeze();
    }

    /// Releases what `freeze` took; in a forked child, takes over what the other threads cached.
    ///
    /// # Safety
    ///
    /// As for `Layer::thaw`. `own` is the calling thread's state.
    pub(super) unsafe fn thaw(&self, own: *const Local) {
        // SAFETY: `freeze` took the locks, in this process or in the one it is a copy of.
        let mut registry = unsafe {
            self.heap.thaw();
            self.registry.resume()
        };
        let in_child = registry.frozen_by != std::process::id();
        registry.for_each(|registry, record| {
            // SAFETY: records on the registry are live, and `freeze` took their gates; in a child,
            // the other threads do not exist.
            unsafe {
                (*record).gate.release();
                if in_child && (*record).local != own {
                    self.adopt(registry, record);
                }
            }
        });
    }

    /// In a forked child: takes over the record of a thread that is not here.
    ///
    /// # Safety
    ///
    /// The record is on `registry`; its thread does not exist in this process.
    unsafe fn adopt(&self, registry: &mut super::Registry, record: *mut Record) {
        // SAFETY: the record is on the registry. Its thread's storage is a copy that nothing
        // touches: no thread was started in this process yet.
        unsafe {
            registry.unlink(record);
            // ORDERING: Relaxed: there is no other thread.
            if (*(*record).local).busy.load(Ordering::Relaxed) {
                // The fork caught it in a hit: its lists may be half changed.
                registry.lost += 1;
                self.free_record(record);
            } else {
                self.drop_record(record);
            }
        }
    }
}
