//! Most combinators on top of each other; what `Observe` counted is compared with the model.
#![no_main]

use alloc_arena::{Arena, Bump, Fixed};
use alloc_core::api2::alloc::System;
use alloc_core::{
    Failing, Fallback, Layer, Limit, Locked, Observe, Reclaiming, Schedule, Segregate,
};
use alloc_sizeclass::{Compact, SizeClassHeap};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use std::mem::MaybeUninit;
use strata_fuzz::{Op, Session};

#[derive(Arbitrary, Debug)]
struct Input {
    kib: u8,
    limit_log2: u8,
    threshold_log2: u8,
    refusals: u64,
    ops: Vec<Op>,
}

fuzz_target!(|input: Input| {
    let mut buffer = vec![MaybeUninit::uninit(); (input.kib as usize) << 10];
    let arena = Arena::new(Fixed::new(&mut buffer).with_page_bytes(1024));
    let heap: SizeClassHeap<_, Compact> = SizeClassHeap::new(&arena);
    let refusing = Failing::new(Schedule::Bits(input.refusals), Limit::new(32 << 20, System));
    let large = Fallback::new(Locked::new(Bump::new(&heap)), refusing);
    let parts = Segregate::new(1 << (input.threshold_log2 % 16), &heap, large);
    let limited = Limit::new(1 << (10 + input.limit_log2 % 15), parts);
    let stack = Observe::new(Reclaiming::new(limited));
    let mut session = Session::new(&stack);
    for op in &input.ops {
        session.step(match op {
            // Both sides share a ground, whose lock a freeze would take twice.
            Op::Freeze => Op::Reclaim { goal_bytes: u32::MAX },
            other => *other,
        });
        stack.verify().unwrap();
        let figures = stack.figures();
        assert_eq!((figures.live, figures.live_bytes), (session.live(), session.live_bytes()));
    }
    session.end();
    assert_eq!(stack.below().below().live_bytes(), 0);
});
