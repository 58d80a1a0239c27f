//! The arena: over a buffer with small pages, and over the operating system with calls that fail.
#![no_main]

use alloc_arena::{Arena, Call, Failures, Fixed, Os, Scheduled};
use alloc_core::Layer;
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use std::mem::MaybeUninit;
use std::time::Duration;
use strata_fuzz::{Op, Session};

#[derive(Arbitrary, Debug)]
enum Ground {
    Buffer { kib: u16, page_log2: u8 },
    Os { reservation_log2: u8, dedicated_log2: u8, purge: bool, failures: Vec<(u8, u8, u8)> },
}

#[derive(Arbitrary, Debug)]
struct Input {
    ground: Ground,
    ops: Vec<Op>,
}

fuzz_target!(|input: Input| match input.ground {
    Ground::Buffer { kib, page_log2 } => {
        let mut buffer = vec![MaybeUninit::uninit(); (kib as usize % 1024) << 10];
        let source = Fixed::new(&mut buffer).with_page_bytes(64 << (page_log2 % 7));
        play(&Arena::new(source), &input.ops);
    }
    Ground::Os { reservation_log2, dedicated_log2, purge, failures } => {
        let source = Scheduled::new(Os::new());
        for (call, kind, number) in failures {
            let number = number as usize + 1;
            let kinds = [Failures::Nth(number), Failures::From(number), Failures::Every(number)];
            let call = Call::ALL[call as usize % Call::ALL.len()];
            source.fail(call, kinds[kind as usize % kinds.len()]);
        }
        let arena = Arena::new(source)
            .with_reservation_bytes(1 << (16 + reservation_log2 % 10))
            .with_dedicated_bytes(1 << (16 + dedicated_log2 % 10))
            .with_purge_delay(purge.then_some(Duration::ZERO));
        play(&arena, &input.ops);
    }
});

fn play<S: alloc_arena::Source>(arena: &Arena<S>, ops: &[Op]) {
    Session::new(arena).play(ops);
    assert_eq!(arena.figures().used_bytes, 0);
    arena.verify().unwrap();
}
