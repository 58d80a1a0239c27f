//! How the compiler computes a table from a list of slot sizes, and which rules it checks.
//!
//! Rules of a table:
//! * T1: slot sizes ascend; they are multiples of 16 up to 1 KiB, of 128 above.
//! * T2: there are at most `MAX_CLASSES - 1` of them, none above `MAX_SLOT_BYTES` or the granule.
//! * T3: the granule is a power of two of at least 256 bytes.
//!
//! From T2 and T3 follows what `class_of` relies on: a slot has the alignment of its size.

use super::{ClassInfo, MAX_CLASSES, MAX_SLOT_BYTES, MIN_SLOT_BYTES, SizeClasses};
use core::marker::PhantomData;

/// Sizes up to here are looked up in steps of 16 bytes, larger ones in steps of 128.
pub(super) const FINE_LIMIT: usize = 1 << 10;
const FINE_ENTRIES: usize = FINE_LIMIT / 16 + 1;
const COARSE_ENTRIES: usize = (MAX_SLOT_BYTES - FINE_LIMIT) / 128 + 1;

/// A span's tail may waste one sixteenth of it.
const TAIL_DIVISOR: usize = 16;

pub(super) struct Built<T>(PhantomData<T>);

impl<T: SizeClasses> Built<T> {
    pub const INFO: [ClassInfo; MAX_CLASSES] = {
        check::<T>();
        let mut info = [ClassInfo::NONE; MAX_CLASSES];
        let mut at = 0;
        while at < T::SLOT_BYTES.len() {
            info[at + 1] = geometry(T::SLOT_BYTES[at], T::GRANULE_BYTES, T::BATCH_BYTES);
            at += 1;
        }
        info
    };

    /// `BY_16[n]`: the class for sizes up to `16 n`. Size 0 has none.
    pub const BY_16: &'static [u8; FINE_ENTRIES] = &{
        check::<T>();
        let mut table = [0; FINE_ENTRIES];
        let mut entry = 1;
        while entry < FINE_ENTRIES {
            table[entry] = smallest(T::SLOT_BYTES, entry * 16);
            entry += 1;
        }
        table
    };

    /// `BY_128[n]`: the class for sizes up to `1024 + 128 n`.
    pub const BY_128: &'static [u8; COARSE_ENTRIES] = &{
        let mut table = [0; COARSE_ENTRIES];
        let mut entry = 0;
        while entry < COARSE_ENTRIES {
            table[entry] = smallest(T::SLOT_BYTES, FINE_LIMIT + entry * 128);
            entry += 1;
        }
        table
    };
}

/// The largest slot of a table, in bytes.
#[inline(always)]
pub(super) const fn largest<T: SizeClasses>() -> usize {
    T::SLOT_BYTES[T::SLOT_BYTES.len() - 1]
}

/// The class of the smallest slot that holds `size`, or 0.
const fn smallest(slot_bytes: &[usize], size: usize) -> u8 {
    let mut at = 0;
    while at < slot_bytes.len() {
        if slot_bytes[at] >= size {
            return at as u8 + 1;
        }
        at += 1;
    }
    0
}

/// The smallest span whose tail is within bounds.
const fn geometry(slot_bytes: usize, granule_bytes: usize, batch_bytes: usize) -> ClassInfo {
    let mut span_bytes = granule_bytes;
    while (span_bytes % slot_bytes) * TAIL_DIVISOR > span_bytes {
        span_bytes += granule_bytes;
    }
    let span_slots = span_bytes / slot_bytes;
    let batch_slots = clamp(batch_bytes / slot_bytes, 1, 256);
    ClassInfo {
        slot_bytes,
        span_bytes,
        span_slots: span_slots as u32,
        batch_slots: batch_slots as u16,
    }
}

const fn clamp(value: usize, low: usize, high: usize) -> usize {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// Refuses, at compile time, a table that breaks a rule.
const fn check<T: SizeClasses>() {
    let sizes = T::SLOT_BYTES;
    let granule = T::GRANULE_BYTES;
    assert!(granule.is_power_of_two() && granule >= 256, "T3: the granule");
    assert!(!sizes.is_empty() && sizes.len() < MAX_CLASSES, "T2: the number of classes");
    let mut at = 0;
    while at < sizes.len() {
        let size = sizes[at];
        assert!(size >= MIN_SLOT_BYTES && size <= MAX_SLOT_BYTES && size <= granule, "T2: a size");
        assert!(at == 0 || size > sizes[at - 1], "T1: sizes ascend");
        assert!(size.is_multiple_of(if size <= FINE_LIMIT { 16 } else { 128 }), "T1: a multiple");
        at += 1;
    }
}
