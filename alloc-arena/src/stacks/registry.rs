//! The mappings of all pools, for a signal handler that has an address and nothing else.
//!
//! Above: mappings as they are made and end; the handler (`overflow.rs`). One static table of a fixed length: a handler
//! may read it at any time, and nothing of it is ever freed. A mapping that finds no room in it has guards all the
//! same, and its overflows are what they are without a handler.

use super::places::Places;
use super::record::{Place, Record};
use super::seq::Seq;
use alloc_core::sync::{AtomicPtr, AtomicUsize, Ordering};
use core::ptr::NonNull;

/// How many mappings have room.
const MAPPINGS: usize = 256;

/// A mapping: words of its `Seq`.
struct Entry {
    seq: Seq,
    /// Where the places begin; 0: the entry is free.
    base: AtomicUsize,
    made: AtomicUsize,
    stride_bytes: AtomicUsize,
    guard_bytes: AtomicUsize,
    records: AtomicPtr<Record>,
}

impl Entry {
    alloc_core::const_fn! {
        const fn new() -> Self {
            Self {
                seq: Seq::new(),
                base: AtomicUsize::new(0),
                made: AtomicUsize::new(0),
                stride_bytes: AtomicUsize::new(0),
                guard_bytes: AtomicUsize::new(0),
                records: AtomicPtr::new(core::ptr::null_mut()),
            }
        }
    }
}

alloc_core::static_array! {
    /// The mappings of this process's pools. In a model there are none, as there are no signals.
    fn entries() -> [Entry; MAPPINGS];
}

// ORDERING: Relaxed throughout this file: the words lie between the fences of `Seq`.

/// Notes a mapping, or that it has more places. The caller holds its pool's lock.
pub(super) fn note(mapping: &Places) {
    let base = mapping.base().addr().get();
    let ours = |entry: &&Entry| entry.base.load(Ordering::Relaxed) == base;
    if let Some(entry) = entries().iter().find(ours) {
        // One word of an entry that is this mapping's: nothing to tear.
        entry.made.store(mapping.made, Ordering::Relaxed);
        return;
    }
    for entry in entries() {
        let mut taken = false;
        entry.seq.try_write(|| {
            taken = entry.base.load(Ordering::Relaxed) == 0;
            if taken {
                entry.base.store(base, Ordering::Relaxed);
                entry.made.store(mapping.made, Ordering::Relaxed);
                entry.stride_bytes.store(mapping.shape.stride_bytes(), Ordering::Relaxed);
                entry.guard_bytes.store(mapping.shape.guard_bytes, Ordering::Relaxed);
                entry.records.store(mapping.records().as_ptr(), Ordering::Relaxed);
            }
        });
        if taken {
            return;
        }
    }
}

/// Forgets a mapping that is about to end.
pub(super) fn forget(mapping: &Places) {
    let base = mapping.base().addr().get();
    for entry in entries() {
        if entry.base.load(Ordering::Relaxed) == base {
            entry.seq.write(|| entry.base.store(0, Ordering::Relaxed));
            return;
        }
    }
}

/// A place that an address is part of.
pub(super) struct Found {
    pub place: Place,
    /// Its number in its mapping.
    pub index: usize,
    /// Where its guard ends and its stack begins.
    pub low: usize,
}

/// The place that `address` is part of. May be called in a signal handler.
pub(super) fn find(address: usize) -> Option<Found> {
    entries().iter().find_map(|entry| {
        let load = |word: &AtomicUsize| word.load(Ordering::Relaxed);
        let (base, made, stride_bytes, guard_bytes, records) = entry.seq.read(|| {
            let records = entry.records.load(Ordering::Relaxed);
            let lengths = (load(&entry.stride_bytes), load(&entry.guard_bytes));
            (load(&entry.base), load(&entry.made), lengths.0, lengths.1, records)
        })?;
        let offset = address.checked_sub(base).filter(|_| base != 0)?;
        let index = offset / stride_bytes;
        let records = NonNull::new(records).filter(|_| index < made)?;
        let low = base + index * stride_bytes + guard_bytes;
        // SAFETY: the mapping has made more than `index` records, and was noted when the entry was read.
        let place = unsafe { Place::new(records.add(index)) };
        Some(Found { place, index, low })
    })
}
