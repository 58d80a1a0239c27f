//! The heap by size classes: over `System`, where every span is checked, over a buffer, and over a
//! layer that fails by schedule.
#![no_main]

use alloc_arena::{Arena, Fixed};
use alloc_core::api2::alloc::System;
use alloc_core::{Failing, Layer, Limit, Observe, Schedule};
use alloc_sizeclass::{Compact, Fine, Lookup, SizeClassHeap, SizeClasses};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use std::mem::MaybeUninit;
use strata_fuzz::{Op, Session, used_bytes};

#[derive(Arbitrary, Debug)]
enum Ground {
    System,
    Failing { refusals: u64 },
    Buffer { kib: u16, page_log2: u8 },
}

#[derive(Arbitrary, Debug)]
struct Input {
    ground: Ground,
    compact: bool,
    ops: Vec<Op>,
}

fuzz_target!(|input: Input| if input.compact {
    play::<Compact>(&input)
} else {
    play::<Fine>(&input)
});

fn play<T: SizeClasses>(input: &Input) {
    match input.ground {
        Ground::System => over::<T, _>(Limit::new(64 << 20, System), &input.ops),
        Ground::Failing { refusals } => {
            let failing = Failing::new(Schedule::Bits(refusals), System);
            over::<T, _>(Limit::new(64 << 20, failing), &input.ops);
        }
        Ground::Buffer { kib, page_log2 } => {
            let mut buffer = vec![MaybeUninit::uninit(); (kib as usize % 4096) << 10];
            let source = Fixed::new(&mut buffer).with_page_bytes(256 << (page_log2 % 7));
            over::<T, _>(Arena::new(source), &input.ops);
        }
    }
}

fn over<T: SizeClasses, A: Layer>(ground: A, ops: &[Op]) {
    let below = Observe::new(ground);
    let heap: SizeClassHeap<_, T> = SizeClassHeap::new(&below);
    Session::new(&heap).play(ops);
    assert_eq!(used_bytes(&heap), 0, "a slot is lost");
    let odd = std::ptr::NonNull::from(&heap).cast();
    assert_eq!(heap.layout_at(odd), None);
    drop(heap);
    assert_eq!(below.figures().live_bytes, 0, "a dropped heap keeps memory");
}
