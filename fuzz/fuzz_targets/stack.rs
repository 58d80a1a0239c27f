//! The stack, as an allocator without frames: over a range of any length, used again after a reset; alone, and with what
//! overflows elsewhere.
#![no_main]

use alloc_arena::Stack;
use alloc_core::api2::alloc::System;
use alloc_core::{Fallback, Limit, Observe};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use strata_fuzz::{Op, Session};

#[derive(Arbitrary, Debug)]
struct Input {
    capacity_bytes: u32,
    sequences: Vec<Vec<Op>>,
    overflowing: Vec<Op>,
}

fuzz_target!(|input: Input| {
    let below = Observe::new(System);
    let capacity_bytes = input.capacity_bytes as usize % (1 << 18);
    let mut stack = Stack::with_capacity_in(capacity_bytes, &below);
    for sequence in &input.sequences {
        Session::new(&&stack).play(sequence);
        stack.reset();
        assert_eq!((stack.used_bytes(), stack.left_bytes()), (0, stack.capacity_bytes()));
    }
    let overflow = Limit::new(32 << 20, System);
    Session::new(&Fallback::new(&stack, &overflow)).play(&input.overflowing);
    assert_eq!(overflow.live_bytes(), 0);
    drop(stack);
    assert_eq!(below.figures().live_bytes, 0);
});
