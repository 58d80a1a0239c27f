//! The tables: waste is bounded, slots are aligned, and the documentation shows what is there.
//!
//! `STRATA_BLESS=1` writes the documentation's table anew.

use alloc_core::Layout;
use alloc_sizeclass::{Class, ClassTable, Compact, Fine, MAX_SMALL_SLOT_BYTES, SizeClasses};
use std::fmt::Write;

const FINE_TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fine-table.md");

fn percent(part: usize, whole: usize) -> f64 {
    part as f64 * 100.0 / whole as f64
}

/// The most bytes that rounding up to a slot of this class wastes.
fn rounding_waste_bytes<T: SizeClasses>(class: Class) -> usize {
    let below = match class.index() {
        1 => 0,
        index => T::info(Class::new(index - 1)).slot_bytes,
    };
    T::info(class).slot_bytes - (below + 1)
}

fn markdown<T: SizeClasses>() -> String {
    let mut text = String::from(
        "\n| class | slot bytes | align | span bytes | slots per span | tail waste % | max rounding waste % | batch slots |\n\
         |--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for class in T::classes() {
        let info = T::info(class);
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.2} | {:.2} | {} |",
            class.index(),
            info.slot_bytes,
            info.slot_align,
            info.span_bytes,
            info.span_slots,
            percent(info.tail_bytes(), info.span_bytes),
            percent(rounding_waste_bytes::<T>(class), info.slot_bytes),
            info.batch_slots,
        )
        .unwrap();
    }
    text
}

#[test]
fn the_documentation_shows_the_table() {
    let text = markdown::<Fine>();
    if std::env::var_os("STRATA_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(FINE_TABLE, &text).unwrap();
    }
    let file = std::fs::read_to_string(FINE_TABLE).unwrap();
    assert!(file == text, "docs/fine-table.md is out of date: run this test with STRATA_BLESS=1");
}

/// Bytes that an object costs, span's tail included, against its size.
#[test]
fn waste_is_bounded() {
    let mut worst_with_tail: f64 = 0.0;
    // Of medium slots, what is wasted is address space: pages at the end that are never touched.
    for class in Fine::classes().filter(|class| !Fine::info(*class).is_medium()) {
        let info = Fine::info(class);
        if info.slot_bytes > 128 {
            let waste = percent(rounding_waste_bytes::<Fine>(class), info.slot_bytes);
            assert!(waste <= 12.5, "{waste:.2} % of slots of {} bytes", info.slot_bytes);
            let least = info.slot_bytes - rounding_waste_bytes::<Fine>(class);
            let used_bytes = least * info.span_slots as usize;
            let waste = percent(info.span_bytes - used_bytes, info.span_bytes);
            worst_with_tail = worst_with_tail.max(waste);
        }
        let tail = percent(info.tail_bytes(), info.span_bytes);
        assert!(tail <= 6.25, "{tail:.2} % of spans of slots of {} bytes", info.slot_bytes);
    }
    for class in Fine::classes().filter(|class| Fine::info(*class).is_medium()) {
        let info = Fine::info(class);
        let waste = percent(rounding_waste_bytes::<Fine>(class), info.slot_bytes);
        assert!(waste <= 20.0, "{waste:.2} % of slots of {} bytes", info.slot_bytes);
        let tail = percent(info.tail_bytes(), info.span_bytes);
        assert!(tail <= 12.5, "{tail:.2} % of spans of slots of {} bytes", info.slot_bytes);
    }
    println!("worst waste of a full span above 128 bytes: {worst_with_tail:.2} %");
}

fn every_size_gets_the_smallest_slot<T: SizeClasses>() {
    let largest = *T::SLOT_BYTES.last().unwrap();
    assert_eq!(T::class_of_size(0), None);
    for size in 1..=largest {
        let class = T::class_of_size(size).unwrap();
        let expected = T::SLOT_BYTES.iter().position(|slot| *slot >= size).unwrap() + 1;
        assert_eq!(class.index(), expected, "the class of {size} bytes");
    }
    for size in [largest + 1, largest * 2, isize::MAX as usize, usize::MAX] {
        assert_eq!(T::class_of_size(size), None);
    }
}

#[test]
fn lookups_agree_with_the_list_of_sizes() {
    every_size_gets_the_smallest_slot::<Fine>();
    every_size_gets_the_smallest_slot::<Compact>();
}

/// Sizes that are aligned to less than those below them: the class of a size may not do.
struct Odd;

impl SizeClasses for Odd {
    const SLOT_BYTES: &'static [usize] = &[16, 48, 208, 256, 1088, 2048, 2176];
    const GRANULE_BYTES: usize = 4096;
}

fn every_layout_gets_the_smallest_slot<T: SizeClasses>() {
    let edges = T::SLOT_BYTES.iter().flat_map(|slot| [slot / 2, slot - 1, *slot, slot + 1]);
    for size in edges.filter(|size| *size > 0) {
        for align in (0..=17).map(|shift| 1 << shift) {
            let layout = Layout::from_size_align(size, align).unwrap();
            let fits = |class: &Class| {
                T::info(*class).slot_bytes >= size && T::info(*class).slot_align >= align
            };
            assert_eq!(T::class_of(layout), T::classes().find(fits), "{layout:?}");
        }
    }
}

#[test]
fn lookups_agree_with_the_list_of_alignments() {
    every_layout_gets_the_smallest_slot::<Fine>();
    every_layout_gets_the_smallest_slot::<Compact>();
    every_layout_gets_the_smallest_slot::<Odd>();
    // A search is for what is not found at sight.
    let layout = Layout::from_size_align(100, 64).unwrap();
    assert_eq!(Fine::class_at_sight(layout), Fine::class_of_size(128));
    assert_eq!(Odd::class_at_sight(layout), None);
    assert_eq!(Odd::class_of(layout), Some(Class::new(4)));
}

/// The mark of its last class would be less than 2^64 over the slot size, if it were rounded up from one less.
struct Edge;

impl SizeClasses for Edge {
    const SLOT_BYTES: &'static [usize] = &[16, 32, 48, 848];
}

fn marks_find_slots<T: SizeClasses>() -> usize {
    let mut marked = 0;
    for class in T::classes() {
        let (mark, info) = (T::mark(class), T::info(class));
        assert_eq!(mark != 0, info.span_bytes == T::GRANULE_BYTES && !info.is_medium());
        if mark == 0 {
            continue;
        }
        marked += 1;
        assert_eq!(mark as u8 as usize, class.index());
        for offset in 0..T::GRANULE_BYTES {
            let starts = T::starts_at(mark, 7 * T::GRANULE_BYTES + offset);
            assert_eq!(starts, offset.is_multiple_of(info.slot_bytes), "{info:?} at {offset}");
        }
    }
    assert!((0..100).all(|address| !T::starts_at(0, address)));
    marked
}

#[test]
fn marks_agree_with_a_division() {
    assert_eq!(marks_find_slots::<Compact>(), 10);
    assert_eq!(marks_find_slots::<Odd>(), 5);
    assert_eq!(marks_find_slots::<Edge>(), 4);
    assert_eq!(marks_find_slots::<Fine>(), 63);
}

#[test]
fn a_class_may_be_another_table_s() {
    let last = Class::new(Compact::SLOT_BYTES.len());
    assert!(Compact::has(last) && !Compact::has(Class::new(last.index() + 1)));
    assert_eq!(Compact::info(Class::new(last.index() + 1)).slot_bytes, 0);
    assert!(Fine::has(Class::new(last.index() + 1)));
}

#[test]
fn medium_slots_are_longer_than_small_ones() {
    let info = |size| *Fine::info(Fine::class_of_size(size).unwrap());
    assert!(!info(MAX_SMALL_SLOT_BYTES).is_medium());
    assert!(info(MAX_SMALL_SLOT_BYTES + 1).is_medium());
}

fn alignments_are_natural<T: SizeClasses>() {
    for class in T::classes() {
        let info = T::info(class);
        assert!(info.span_bytes.is_multiple_of(T::GRANULE_BYTES) && info.span_slots > 0);
        assert!(info.slot_bytes.is_multiple_of(info.slot_align));
        assert!((1..=1024).contains(&info.batch_slots));
        assert!(T::GRANULE_BYTES.is_multiple_of(info.slot_align));
        if info.slot_bytes.is_power_of_two() {
            let natural = info.slot_bytes.min(T::GRANULE_BYTES);
            assert_eq!(info.slot_align, natural, "natural alignment");
        }
    }
    for align in (0..=17).map(|shift| 1usize << shift) {
        for size in [
            1,
            7,
            16,
            17,
            100,
            128,
            129,
            1000,
            4096,
            4097,
            32 << 10,
            (32 << 10) + 1,
            100_000,
            (1 << 20) + 1,
        ] {
            let layout = Layout::from_size_align(size, align).unwrap();
            let Some(class) = T::class_of(layout) else { continue };
            let info = T::info(class);
            assert!(info.slot_bytes >= size && info.slot_align >= align, "{layout:?}");
        }
    }
}

#[test]
fn slots_of_a_power_of_two_are_aligned_to_their_size() {
    alignments_are_natural::<Fine>();
    alignments_are_natural::<Compact>();
    for shift in 4..=16 {
        let natural = Layout::from_size_align(1 << shift, 1 << shift).unwrap();
        let class = Fine::class_of(natural).unwrap();
        assert_eq!(Fine::info(class).slot_bytes, 1 << shift, "not a byte more");
    }
}
