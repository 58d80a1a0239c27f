//! The operations of a sequence, and how they are drawn.
//!
//! Above: `runner`, which draws; `session`, which plays. Everything that an operation refers to is
//! named so that any part of a sequence is a sequence too: that is what makes shortening work.

use super::Rules;
use core::alloc::Layout;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any};
use proptest::prop_oneof;

/// One operation. `which` chooses among the live allocations, whatever their number.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Allocate { size: usize, align_log2: u32, zeroed: bool, elsewhere: bool },
    Deallocate { which: u16, fit: u16, elsewhere: bool },
    Grow { which: u16, fit: u16, more: usize, align_log2: u32, zeroed: bool, elsewhere: bool },
    Shrink { which: u16, fit: u16, keep: u16, align_log2: u32, elsewhere: bool },
    Absurd { kind: usize, grow: Option<u16>, zeroed: bool },
    Exhaust { size: usize, align_log2: u32 },
    Reclaim { goal_bytes: usize },
    Freeze,
    Report,
    Relocate,
}

/// Layouts that no machine has the memory for, or that are at the edge of what a `Layout` may be.
/// An allocator may refuse them, or serve them right.
pub(super) fn absurd(kind: usize) -> Layout {
    let most = isize::MAX as usize;
    let high = |from_top: u32| 1usize << (usize::BITS - 1 - from_top);
    let (size, align) = match kind % ABSURD_KINDS {
        0 => (most, 1),
        1 => (most - 15, 16),
        2 => (most - 4095, 4096),
        3 => (high(1), high(1)),
        4 => (1, 1 << (usize::BITS / 8 * 5)),
        5 => (0, 1 << (usize::BITS / 8 * 5)),
        6 => (8, high(1)),
        7 => (0, high(1)),
        8 => (most / 2, 8),
        9 => (1 << (usize::BITS / 4 * 3), 4096),
        _ => (most - (1 << 21), 1),
    };
    Layout::from_size_align(size, align).expect("each fits in isize, rounded up to its alignment")
}
pub(super) const ABSURD_KINDS: usize = 11;

/// Sizes: small ones, 0, around powers of two, and up to the limit.
fn sizes(rules: &Rules) -> BoxedStrategy<usize> {
    let most = rules.max_bytes / 4;
    let powers = most.ilog2();
    prop_oneof![
        8 => 1..=64usize,
        1 => Just(0usize),
        6 => (0..=powers, 0..3usize).prop_map(|(power, near)| (1usize << power) - 1 + near),
        5 => 65..=4096usize,
        3 => 4097..=65536usize,
        1 => 0..=most,
    ]
    .prop_map(move |size| size.min(most))
    .boxed()
}

fn aligns(rules: &Rules) -> BoxedStrategy<u32> {
    let most = rules.max_align_bytes.ilog2();
    prop_oneof![12 => 0..=4u32, 4 => 5..=12u32, 1 => 13..=16u32, 1 => 0..=most]
        .prop_map(move |log2| log2.min(most))
        .boxed()
}

/// Where between the size asked for and the size handed out a layout lies, in permille.
fn fits() -> impl Strategy<Value = u16> {
    prop_oneof![2 => Just(0u16), 1 => Just(1000u16), 1 => 0..=1000u16]
}

fn seldom() -> impl Strategy<Value = bool> {
    prop_oneof![11 => Just(false), 1 => Just(true)]
}

fn allocate(rules: &Rules) -> BoxedStrategy<Op> {
    (sizes(rules), aligns(rules), any::<bool>(), seldom())
        .prop_map(|(size, align_log2, zeroed, elsewhere)| Op::Allocate {
            size,
            align_log2,
            zeroed,
            elsewhere,
        })
        .boxed()
}

fn grow(rules: &Rules) -> BoxedStrategy<Op> {
    (any::<u16>(), fits(), sizes(rules), aligns(rules), any::<bool>(), seldom())
        .prop_map(|(which, fit, more, align_log2, zeroed, elsewhere)| Op::Grow {
            which,
            fit,
            more,
            align_log2,
            zeroed,
            elsewhere,
        })
        .boxed()
}

fn shrink(rules: &Rules) -> BoxedStrategy<Op> {
    (any::<u16>(), fits(), 0..=1000u16, aligns(rules), seldom())
        .prop_map(|(which, fit, keep, align_log2, elsewhere)| Op::Shrink {
            which,
            fit,
            keep,
            align_log2,
            elsewhere,
        })
        .boxed()
}

/// Any operation.
pub(super) fn any_op(rules: &Rules) -> BoxedStrategy<Op> {
    let deallocate = (any::<u16>(), fits(), seldom())
        .prop_map(|(which, fit, elsewhere)| Op::Deallocate { which, fit, elsewhere });
    let absurd = (0..ABSURD_KINDS, any::<Option<u16>>(), any::<bool>())
        .prop_map(|(kind, grow, zeroed)| Op::Absurd { kind, grow, zeroed });
    let exhaust = (sizes(rules), aligns(rules))
        .prop_map(|(size, align_log2)| Op::Exhaust { size, align_log2 });
    let reclaim = prop_oneof![Just(usize::MAX), 0..=65536usize]
        .prop_map(|goal_bytes| Op::Reclaim { goal_bytes });
    prop_oneof![
        40 => allocate(rules),
        24 => deallocate,
        14 => grow(rules),
        10 => shrink(rules),
        4 => absurd,
        1 => exhaust,
        3 => reclaim,
        1 => Just(Op::Freeze),
        1 => Just(Op::Report),
        2 => Just(Op::Relocate),
    ]
    .boxed()
}
