//! Size classes of objects, computed by the compiler for each length of span.
//!
//! Above: allocation asks for a layout's class; sweeping and verifying ask where slots begin.
//! Below: how long a header is.
//!
//! A table of its own, and not that of alloc-sizeclass, whose slots are multiples of 16: an object
//! is a header word and then whole words, so half of the small sizes are odd multiples of 8. An
//! object of two pointers has 24 bytes; in a slot of 32 it would waste a quarter. So up to 128
//! bytes there is a class for each multiple of 8; then eight to each doubling; and above 1 KiB the
//! sizes are those that divide a span's memory evenly. What is larger than a quarter of a span is
//! large.
//!
//! Slots are at least a granule of 16 bytes long, so that no two begin in the same granule: a bit
//! for each granule is enough to mark them, and is found without knowing the class.
#![forbid(unsafe_code)]

use super::header::header_bytes;
use alloc_core::Layout;

/// What one bit of a bitmap stands for, in bytes of the span.
pub(super) const GRANULE_BYTES: usize = 16;
/// What one word of a bitmap stands for, in bytes of the span.
pub(super) const WORD_BYTES: usize = 64 * GRANULE_BYTES;

/// The most classes, class 0 (large) included.
pub(super) const MAX_CLASSES: usize = 72;

/// The class of large objects, which have a run of their own.
pub(super) const LARGE: usize = 0;

/// Sizes up to here are looked up in steps of 8 bytes, larger ones in steps of 256.
const FINE_BYTES: usize = 1024;
const COARSE_STEP_BYTES: usize = 256;

/// No span is longer, in KiB.
const MAX_SPAN_KIB: usize = 64;
const COARSE_ENTRIES: usize = MAX_SPAN_KIB * 1024 / 4 / COARSE_STEP_BYTES;

/// What a class's spans look like. All zeroes for class 0 and for those that a table does not have.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClassInfo {
    /// Bytes of a slot.
    pub slot_bytes: usize,
    /// The alignment of each slot.
    pub slot_align: usize,
    /// Where the first slot begins, from the beginning of the span.
    pub first: usize,
    /// Slots of a span.
    pub span_slots: usize,
}

const NO_CLASS: ClassInfo = ClassInfo { slot_bytes: 0, slot_align: 1, first: 0, span_slots: 0 };

/// The tables for spans of `KIB` KiB.
pub(super) struct Classes<const KIB: usize>;

impl<const KIB: usize> Classes<KIB> {
    /// How many classes there are, class 0 included.
    pub const COUNT: usize = Built::<KIB>::INFO.1;

    const FINE: [u8; FINE_BYTES / 8 + 1] = {
        let mut table = [0; FINE_BYTES / 8 + 1];
        let mut entry = 0;
        while entry < table.len() {
            table[entry] = Self::smallest(entry * 8);
            entry += 1;
        }
        table
    };

    /// For each step, the class of the smallest size in it.
    const COARSE: [u8; COARSE_ENTRIES] = {
        let mut table = [0; COARSE_ENTRIES];
        let mut entry = 0;
        while entry < table.len() {
            table[entry] = Self::smallest(entry * COARSE_STEP_BYTES + 1);
            entry += 1;
        }
        table
    };

    const STARTS: [[u64; KIB]; MAX_CLASSES] = Built::<KIB>::starts(false);
    const ODD: [[u64; KIB]; MAX_CLASSES] = Built::<KIB>::starts(true);

    /// The geometry of a class.
    #[inline(always)]
    pub const fn info(class: usize) -> &'static ClassInfo {
        &Built::<KIB>::TABLE[class]
    }

    /// The class of the smallest slot that has this size and this alignment; `None`: it is large.
    #[inline(always)]
    pub const fn class_of(layout: Layout) -> Option<usize> {
        let align = layout.align();
        // No overflow: `Layout` keeps the rounded size within `isize::MAX`.
        let size = (layout.size() + (align - 1)) & !(align - 1);
        let mut class = if size <= FINE_BYTES {
            (const { &Self::FINE })[size.div_ceil(8)] as usize
        } else {
            Self::class_of_more(size)
        };
        while class != LARGE && Self::info(class).slot_align < align {
            class = if class + 1 < Self::COUNT { class + 1 } else { LARGE };
        }
        if class == LARGE { None } else { Some(class) }
    }

    /// The class of the smallest slot of this size, whose alignment is that of all slots: a word's.
    #[inline(always)]
    pub const fn class_of_words(size: usize) -> Option<usize> {
        let class = if size <= FINE_BYTES {
            (const { &Self::FINE })[size.div_ceil(8)] as usize
        } else {
            Self::class_of_more(size)
        };
        if class == LARGE { None } else { Some(class) }
    }

    #[inline(always)]
    const fn class_of_more(size: usize) -> usize {
        let entry = (size - 1) / COARSE_STEP_BYTES;
        if entry >= COARSE_ENTRIES {
            return LARGE;
        }
        let mut class = (const { &Self::COARSE })[entry] as usize;
        while class != LARGE && Self::info(class).slot_bytes < size {
            class = if class + 1 < Self::COUNT { class + 1 } else { LARGE };
        }
        class
    }

    const fn smallest(size: usize) -> u8 {
        let mut class = 1;
        while class < Self::COUNT {
            if Built::<KIB>::TABLE[class].slot_bytes >= size {
                return class as u8;
            }
            class += 1;
        }
        LARGE as u8
    }

    /// Which granules of a word's memory a slot of this class begins in.
    #[inline(always)]
    pub const fn starts(class: usize, word: usize) -> u64 {
        (const { &Self::STARTS })[class][word]
    }

    /// Which of those slots begin in the middle of their granule.
    #[inline(always)]
    pub const fn odd(class: usize, word: usize) -> u64 {
        (const { &Self::ODD })[class][word]
    }
}

/// How the tables come about.
struct Built<const KIB: usize>;

impl<const KIB: usize> Built<KIB> {
    const SPAN_BYTES: usize = KIB * 1024;
    const INFO: ([ClassInfo; MAX_CLASSES], usize) = Self::build();
    const TABLE: &'static [ClassInfo; MAX_CLASSES] = &Self::INFO.0;

    const fn build() -> ([ClassInfo; MAX_CLASSES], usize) {
        assert!(KIB.is_power_of_two() && KIB <= MAX_SPAN_KIB, "a span's length");
        let memory = Self::SPAN_BYTES - header_bytes::<KIB>();
        let mut info = [NO_CLASS; MAX_CLASSES];
        let mut count = 1;
        let mut slot_bytes = GRANULE_BYTES;
        while slot_bytes <= memory / 4 {
            info[count] = Self::geometry(slot_bytes);
            count += 1;
            slot_bytes = Self::next(slot_bytes, memory);
        }
        (info, count)
    }

    const fn next(slot_bytes: usize, memory: usize) -> usize {
        if slot_bytes < 128 {
            return slot_bytes + 8;
        }
        if slot_bytes < FINE_BYTES {
            return slot_bytes + (1 << slot_bytes.ilog2()) / 8;
        }
        let mut slots = memory.div_ceil(slot_bytes + slot_bytes / 8);
        while (memory / slots) & !(GRANULE_BYTES - 1) <= slot_bytes {
            slots -= 1;
        }
        (memory / slots) & !(GRANULE_BYTES - 1)
    }

    const fn geometry(slot_bytes: usize) -> ClassInfo {
        let natural = 1 << slot_bytes.trailing_zeros();
        // Above, the sizes divide the memory as it is: moving the first slot would lose the last.
        let most = if slot_bytes <= FINE_BYTES { 1024 } else { 64 };
        let slot_align = if natural < most { natural } else { most };
        let first = header_bytes::<KIB>().next_multiple_of(slot_align);
        let span_slots = (Self::SPAN_BYTES - first) / slot_bytes;
        ClassInfo { slot_bytes, slot_align, first, span_slots }
    }

    const fn starts(only_odd: bool) -> [[u64; KIB]; MAX_CLASSES] {
        let mut table = [[0; KIB]; MAX_CLASSES];
        let mut class = 1;
        while class < Self::INFO.1 {
            let info = Self::TABLE[class];
            let mut slot = 0;
            while slot < info.span_slots {
                let at = info.first + slot * info.slot_bytes;
                if !only_odd || !at.is_multiple_of(GRANULE_BYTES) {
                    table[class][at / WORD_BYTES] |= 1 << (at % WORD_BYTES / GRANULE_BYTES);
                }
                slot += 1;
            }
            class += 1;
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<const KIB: usize>() {
        for class in 1..Classes::<KIB>::COUNT {
            let info = Classes::<KIB>::info(class);
            let starts: u32 = (0..KIB).map(|w| Classes::<KIB>::starts(class, w).count_ones()).sum();
            assert_eq!(starts as usize, info.span_slots, "{KIB} KiB, {info:?}");
            assert!(info.first + info.span_slots * info.slot_bytes <= KIB * 1024);
            assert!(
                info.first >= header_bytes::<KIB>()
                    && info.slot_bytes.is_multiple_of(info.slot_align)
            );
            let before = Classes::<KIB>::info(class - 1).slot_bytes;
            assert!(before < info.slot_bytes && info.span_slots >= 3, "{info:?}");
        }
    }

    #[test]
    fn slots_lie_in_their_span_and_begin_in_granules_of_their_own() {
        check::<64>();
        check::<16>();
        check::<4>();
        check::<1>();
    }

    fn smallest_of<const KIB: usize>(layout: Layout) -> Option<usize> {
        (1..Classes::<KIB>::COUNT).find(|&class| {
            let info = Classes::<KIB>::info(class);
            info.slot_bytes >= layout.pad_to_align().size() && info.slot_align >= layout.align()
        })
    }

    #[test]
    fn the_class_is_the_smallest_that_fits() {
        for align_shift in 0..13 {
            for size in 0..20_000 {
                let layout = Layout::from_size_align(size, 1 << align_shift).unwrap();
                assert_eq!(
                    Classes::<64>::class_of(layout),
                    smallest_of::<64>(layout),
                    "{layout:?}"
                );
                assert_eq!(Classes::<4>::class_of(layout), smallest_of::<4>(layout), "{layout:?}");
            }
        }
    }

    /// What the room comment says.
    #[test]
    fn a_slot_wastes_at_most_an_eighth() {
        let sizes: Vec<_> =
            (1..Classes::<64>::COUNT).map(|class| Classes::<64>::info(class).slot_bytes).collect();
        assert_eq!(sizes[..4], [16, 24, 32, 40]);
        for pair in sizes.windows(2).filter(|pair| pair[0] >= 128 && pair[1] < 7000) {
            assert!(pair[1] - pair[0] <= pair[0] / 7, "{pair:?}");
        }
        for class in 1..Classes::<64>::COUNT {
            let info = Classes::<64>::info(class);
            let used_bytes = info.first + info.span_slots * info.slot_bytes;
            assert!(65536 - used_bytes <= 65536 / 32, "{info:?}");
        }
    }
}
