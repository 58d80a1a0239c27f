//! The bump allocator, over an allocator that fails by schedule; used again after a reset.
#![no_main]

use alloc_arena::Bump;
use alloc_core::api2::alloc::System;
use alloc_core::{Failing, Limit, Observe, Schedule};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use strata_fuzz::{Op, Session};

#[derive(Arbitrary, Debug)]
struct Input {
    first_log2: u8,
    most_log2: u8,
    refusals: u64,
    sequences: Vec<Vec<Op>>,
}

fuzz_target!(|input: Input| {
    let limited = Limit::new(64 << 20, Failing::new(Schedule::Bits(input.refusals), System));
    let below = Observe::new(limited);
    let (first, most) = (1 << (input.first_log2 % 16), 1 << (input.most_log2 % 20));
    let mut bump = Bump::new(&below).with_chunk_bytes(first, most);
    for sequence in &input.sequences {
        Session::new(&&bump).play(sequence);
        bump.reset();
        assert_eq!(bump.allocated_bytes(), 0);
        assert_eq!(bump.chunk_bytes(), below.figures().live_bytes);
    }
    drop(bump);
    assert_eq!(below.figures().live_bytes, 0);
});
