//! How the compiler computes a table from a list of slot sizes, and which rules it checks.
//!
//! Rules of a table:
//! * T1: slot sizes ascend; they are multiples of 16 up to 1 KiB, above it of a sixteenth of the
//!   power of two below them: so that each falls on an entry's edge in the tables below.
//! * T2: there are at most `MAX_CLASSES - 1` of them, none above `MAX_SLOT_BYTES`.
//! * T3: the granule is a power of two of at least 256 bytes.
//!
//! Slots stand in rows, in spans that are aligned to the granule: so a slot has the alignment of
//! its size, up to the granule.

use super::{
    ClassInfo, MAX_CLASSES, MAX_SLOT_BYTES, MAX_SMALL_SLOT_BYTES, MIN_SLOT_BYTES, SizeClasses,
};
use core::marker::PhantomData;

/// Sizes up to here are looked up in steps of 16 bytes, larger ones in sixteen steps to each
/// doubling.
pub(super) const FINE_LIMIT: usize = 1 << 10;
const FINE_ENTRIES: usize = FINE_LIMIT / 16;
const COARSE_ENTRIES: usize = 16 * (MAX_SLOT_BYTES.ilog2() - FINE_LIMIT.ilog2()) as usize;

/// The most slots in a batch, however small they are.
const MAX_BATCH_SLOTS: usize = 1024;

/// A span's tail may waste one sixteenth of it; of medium slots, whose tail's pages are never
/// touched, one eighth of the address space.
const TAIL_DIVISOR: usize = 16;
const MEDIUM_TAIL_DIVISOR: usize = 8;

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

    /// For each class whose spans are one granule, a *mark*: a number whose product with an offset in the granule, without its
    /// carry, is less than the mark just where the slot size divides the offset; its last byte is the class. 0 for other classes.
    ///
    /// A mark is the smallest number with that byte that is at least 2^64 over the slot size. That it is up to 255 too much
    /// makes up to 2^24 in a product with an offset below 2^16, and less than 2^49 with one below 2^32; between multiples the
    /// products are 2^64 over the slot size apart. Source: Lemire, Kaser, Kurz, "Faster remainder by direct computation", 2019.
    pub const MARKS: &'static [u64; MAX_CLASSES] = &{
        let mut marks = [0; MAX_CLASSES];
        let mut class = 1;
        while class <= T::SLOT_BYTES.len() {
            let info = Self::INFO[class];
            let fits = T::GRANULE_BYTES.ilog2() <= 32 && info.slot_bytes <= MAX_SMALL_SLOT_BYTES;
            if info.span_bytes == T::GRANULE_BYTES && fits {
                let least = u64::MAX / info.slot_bytes as u64 + 1;
                marks[class] = (least - class as u64).next_multiple_of(256) + class as u64;
            }
            class += 1;
        }
        marks
    };

    /// `FINE[n]`: the class for sizes from `16 n + 1` to `16 n + 16`.
    pub const FINE: &'static [u8; FINE_ENTRIES] = &{
        check::<T>();
        let mut table = [0; FINE_ENTRIES];
        let mut entry = 0;
        while entry < FINE_ENTRIES {
            table[entry] = smallest(T::SLOT_BYTES, (entry + 1) * 16);
            entry += 1;
        }
        table
    };

    /// The class for the sizes of each [`coarse_entry`].
    pub const COARSE: &'static [u8; COARSE_ENTRIES] = &{
        check::<T>();
        let mut table = [0; COARSE_ENTRIES];
        let mut entry = 0;
        while entry < COARSE_ENTRIES {
            let power = FINE_LIMIT << (entry / 16);
            table[entry] = smallest(T::SLOT_BYTES, power + (entry % 16 + 1) * (power / 16));
            entry += 1;
        }
        table
    };
}

/// The entry of the coarse table for sizes above `FINE_LIMIT`, given the size less one: the
/// position of its first bit, and the four bits that follow.
#[inline(always)]
pub(super) const fn coarse_entry(last: usize) -> usize {
    let first_bit = last.ilog2() as usize;
    16 * (first_bit - FINE_LIMIT.ilog2() as usize) + (last >> (first_bit - 4)) - 16
}

const _: () = {
    assert!(FINE_ENTRIES * 16 == FINE_LIMIT);
    assert!(coarse_entry(FINE_LIMIT) == 0);
    assert!(coarse_entry(MAX_SLOT_BYTES - 1) == COARSE_ENTRIES - 1);
};

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
    let is_medium = slot_bytes > MAX_SMALL_SLOT_BYTES;
    let divisor = if is_medium { MEDIUM_TAIL_DIVISOR } else { TAIL_DIVISOR };
    let mut span_bytes = granule_bytes;
    while span_bytes < slot_bytes || (span_bytes % slot_bytes) * divisor > span_bytes {
        span_bytes += granule_bytes;
    }
    let natural = 1 << slot_bytes.trailing_zeros();
    ClassInfo {
        slot_bytes,
        slot_align: if natural < granule_bytes { natural } else { granule_bytes },
        span_bytes,
        span_slots: (span_bytes / slot_bytes) as u32,
        batch_slots: clamp(batch_bytes / slot_bytes, 1, MAX_BATCH_SLOTS) as u16,
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
pub(super) const fn check<T: SizeClasses>() {
    let sizes = T::SLOT_BYTES;
    let granule = T::GRANULE_BYTES;
    assert!(granule.is_power_of_two() && granule >= 256, "T3: the granule");
    assert!(!sizes.is_empty() && sizes.len() < MAX_CLASSES, "T2: the number of classes");
    let mut at = 0;
    while at < sizes.len() {
        let size = sizes[at];
        assert!(size >= MIN_SLOT_BYTES && size <= MAX_SLOT_BYTES, "T2: a size");
        assert!(at == 0 || size > sizes[at - 1], "T1: sizes ascend");
        let step = if size <= FINE_LIMIT { 16 } else { (1 << (size - 1).ilog2()) / 16 };
        assert!(size.is_multiple_of(step), "T1: a multiple");
        at += 1;
    }
}
