//! Frames within frames, of a stack and of a bump, over an allocator that fails by schedule: each level plays a sequence
//! of its own by reference to its frame, while what lies in the outer ones stays as it is.
#![no_main]

use alloc_arena::{Bump, Frame, Lifo, Stack};
use alloc_core::api2::alloc::System;
use alloc_core::{Failing, Limit, Observe, Schedule};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use std::cell::Cell;
use strata_fuzz::{Op, Session};

#[derive(Arbitrary, Debug)]
struct Input {
    capacity_bytes: u16,
    first_log2: u8,
    most_log2: u8,
    refusals: u64,
    levels: Vec<(u8, Vec<Op>)>,
}

/// A level, then those within it, then the level again.
fn play<'f, L: Lifo>(frame: &mut Frame<'f, '_, L>, levels: &[(u8, Vec<Op>)], calls: &'f Cell<u32>) {
    let Some(((byte, sequence), inner)) = levels.split_first() else { return };
    let kept = frame.try_alloc_slice_fill(usize::from(*byte) * 3, byte).ok();
    if frame.try_defer(move || calls.set(calls.get() - 1)).is_ok() {
        calls.set(calls.get() + 1);
    }
    Session::new(&&*frame).play(sequence);
    frame.frame(|frame| play(frame, inner, calls));
    Session::new(&&*frame).play(sequence);
    assert!(kept.is_none_or(|kept| kept.iter().all(|at| at == byte)));
}

fuzz_target!(|input: Input| {
    let calls = Cell::new(0);
    let mut stack = Stack::with_capacity_in(input.capacity_bytes.into(), System);
    stack.frame(|frame| play(frame, &input.levels, &calls));
    assert_eq!((stack.used_bytes(), calls.get()), (0, 0));

    let limited = Limit::new(64 << 20, Failing::new(Schedule::Bits(input.refusals), System));
    let below = Observe::new(limited);
    let (first, most) = (1 << (input.first_log2 % 16), 1 << (input.most_log2 % 20));
    let mut bump = Bump::new(&below).with_chunk_bytes(first, most);
    bump.frame(|frame| play(frame, &input.levels, &calls));
    assert_eq!((bump.allocated_bytes(), calls.get()), (0, 0));
    assert_eq!(bump.chunk_bytes(), below.figures().live_bytes);
    drop(bump);
    assert_eq!(below.figures().live_bytes, 0);
});
