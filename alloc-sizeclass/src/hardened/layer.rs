//! The hardened stack as a layer: what it owns, reports, gives back; forks.
//!
//! Above: whoever holds the stack. Below: the layer below.

use super::record::Record;
use super::{Hardened, Key, MAX_SLOT_BYTES, NO_BYTES, Policy, Table, span_of};
use crate::table::{ClassTable, MAX_CLASSES};
use alloc_core::{Broken, Layer, Layout, Report};
use core::ops::Range;
use core::ptr::NonNull;

const HARDENED: &str = "Hardened";

// SAFETY: L1: every slice has its layout's size. L2: by that, no other size fits. L3: `allocate_rust`. L4: what lies in
// the window is the layer below's, all else is asked for in the table of runs. L5: no method panics, but for the sink of
// `report`.
unsafe impl<A: Layer, K: Key, P: Policy> Layer for Hardened<A, K, P> {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        let address = ptr.addr().get();
        self.ledger.tables().covers(address) || self.runs.lock().around(address).is_some()
    }

    fn usable_size(&self, layout: Layout) -> usize {
        layout.size()
    }

    fn range(&self) -> Option<Range<usize>> {
        None
    }

    /// Gives back what the calling thread has, and empty spans. Other threads keep what is bounded in their bags.
    fn reclaim(&self, goal_bytes: usize) -> usize {
        if goal_bytes == 0 {
            return self.below.reclaim(0);
        }
        let own = K::record();
        if Record::is_one(own) {
            // SAFETY: the calling thread's record, which is in no other call.
            self.empty(unsafe { &mut *own });
        }
        let released_bytes = self.release_idle();
        let reclaimed_bytes = self.below.reclaim(goal_bytes);
        if reclaimed_bytes == 0 { released_bytes } else { reclaimed_bytes }
    }

    fn report(&self, report: &mut Report<'_>) {
        let (mut spans, mut span_bytes, mut used_bytes) = (0, 0, 0);
        for class in
            Table::classes().filter(|class| Table::info(*class).slot_bytes <= MAX_SLOT_BYTES)
        {
            let (bytes, slots) = span_of(class.index());
            let shelf = self.shelves[class.index()].lock();
            let mut free = shelf.waiting_slots;
            shelf.for_each(|span| free += span.free_slots as usize);
            spans += shelf.spans;
            span_bytes += shelf.spans * bytes;
            let used_slots = shelf.spans * (slots as usize - 1) - free;
            used_bytes += used_slots * Table::info(class).slot_bytes;
        }
        let (large, large_bytes) = {
            let runs = self.runs.lock();
            (runs.live, runs.live_bytes)
        };
        let threads = self.registry.lock().threads;
        report.layer(HARDENED, |report| {
            report.count("threads", threads as u64);
            report.count("spans", spans as u64);
            report.bytes("span bytes", span_bytes);
            report.bytes("slots in use (bags included)", used_bytes);
            report.count("guarded objects", large as u64);
            report.bytes("guarded bytes", large_bytes);
            self.below.report(report);
        });
    }

    fn verify(&self) -> Result<(), Broken> {
        for class in 0..MAX_CLASSES {
            let mut sound = true;
            self.shelves[class].lock().for_each(|span| sound &= span.is_sound());
            Broken::unless(sound, HARDENED, "a span's count agrees with its bits", class)?;
        }
        self.below.verify()
    }

    fn freeze(&self) {
        let mut registry = self.registry.lock();
        registry.frozen_by = std::process::id();
        core::mem::forget(registry);
        self.ledger.freeze();
        for shelf in &self.shelves {
            shelf.acquire();
        }
        self.vault.acquire();
        self.runs.acquire();
        self.below.freeze();
    }

    unsafe fn thaw(&self) {
        // SAFETY: the caller called `freeze`, which took each of these once.
        let in_child = unsafe {
            self.below.thaw();
            self.runs.release();
            self.vault.release();
            for shelf in &self.shelves {
                shelf.release();
            }
            self.ledger.thaw();
            let registry = self.registry.resume();
            registry.frozen_by != std::process::id()
        };
        if !in_child {
            return;
        }
        let own = K::record();
        loop {
            let other = self.registry.lock().other_than(own);
            let Some(record) = other else { return };
            self.adopt(record);
        }
    }
}

impl<A: Layer, K: Key, P: Policy> Hardened<A, K, P> {
    /// Brings what waits to its spans, and empty spans to the layer below. Returns the bytes of these.
    fn release_idle(&self) -> usize {
        let tables = self.ledger.tables();
        let mut released_bytes = 0;
        for class in (0..NO_BYTES).filter(|_| tables.places > 0) {
            loop {
                let waiting = self.shelves[class].lock().take_waiting();
                let Some(slot) = waiting else { break };
                self.put_to_span(&tables, class, slot);
            }
            let spare = self.shelves[class].lock().take_spare();
            if let Some(span) = spare {
                released_bytes += self.release(&tables, class, span);
            }
        }
        released_bytes
    }
}
