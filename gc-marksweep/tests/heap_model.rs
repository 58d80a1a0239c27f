//! The heap against a model: a table of objects, some of which are marked in each cycle.

mod common;

use alloc_arena::{Arena, Fixed, Os};
use alloc_core::api2::alloc::System;
use alloc_core::{Foreign, Layer, Layout, Limit};
use alloc_sizeclass::{SizeClassHeap, ThreadCache};
use common::Model;
use core::mem::MaybeUninit;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Allocate { bytes: usize, align_shift: u32, drops: bool, times: usize },
    StartMarking,
    Mark { which: usize, alone: bool },
    MarkSome { step: usize },
    FinishMarking,
    CancelMarking,
    Sweep { spans: usize },
    SweepDropping { objects: usize },
    Reclaim,
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = prop_oneof![
        6 => 8..200usize,
        2 => 200..5000usize,
        1 => 5000..100_000usize,
        1 => Just(0)
    ];
    let align_shift = prop_oneof![8 => Just(3), 2 => 0..7u32, 1 => 7..13u32];
    let times = prop_oneof![3 => 1..4usize, 1 => 1..300usize];
    prop_oneof![
        10 => (bytes, align_shift, any::<bool>(), times)
            .prop_map(|(bytes, align_shift, drops, times)| Op::Allocate { bytes, align_shift, drops, times }),
        3 => Just(Op::StartMarking),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(which, alone)| Op::Mark { which, alone }),
        3 => (1..8usize).prop_map(|step| Op::MarkSome { step }),
        3 => Just(Op::FinishMarking),
        1 => Just(Op::CancelMarking),
        2 => (1..5usize).prop_map(|spans| Op::Sweep { spans }),
        2 => (1..50usize).prop_map(|objects| Op::SweepDropping { objects }),
        1 => Just(Op::Reclaim),
    ]
}

fn run<A: Layer, const KIB: usize>(below: A, ops: &[Op]) {
    let mut model = Model::<A, KIB>::new(below);
    for (at, op) in ops.iter().enumerate() {
        match *op {
            Op::Allocate { bytes, align_shift, drops, times } => {
                let layout = Layout::from_size_align(bytes, 1 << align_shift).unwrap();
                for _ in 0..times {
                    if model.allocate(layout, drops).is_err() {
                        break;
                    }
                }
            }
            Op::StartMarking => {
                let was_marking = model.mutator.marker().is_some();
                let is_swept = model.mutator.heap().is_swept();
                let started = model.mutator.start_marking().is_some();
                assert_eq!(started, is_swept || was_marking);
            }
            Op::Mark { which, alone } => {
                if let Some(marker) = model.mutator.marker() {
                    model.mark(which, marker, alone);
                }
            }
            Op::MarkSome { step } => {
                if let Some(marker) = model.mutator.marker() {
                    for which in (0..model.live.len()).step_by(step) {
                        model.mark(which, marker, which % 2 == 0);
                    }
                }
            }
            Op::FinishMarking => {
                if model.mutator.marker().is_some() {
                    model.finish_marking();
                }
            }
            Op::CancelMarking => {
                model.mutator.cancel_marking();
                model.live.values_mut().for_each(|live| live.marked = false);
            }
            Op::Sweep { spans } => {
                model.mutator.heap().sweep_some(spans);
            }
            Op::SweepDropping { objects } => {
                model.sweep_dropping(objects);
            }
            Op::Reclaim => {
                model.mutator.heap().reclaim(usize::MAX);
            }
        }
        model.mutator.verify().unwrap();
        if at % 8 == 0 || model.live.len() < 100 {
            model.check();
        }
    }
    model.check();
    end(model);
}

/// A last cycle that marks nothing leaves nothing.
fn end<A: Layer, const KIB: usize>(mut model: Model<A, KIB>) {
    if model.mutator.marker().is_some() {
        model.finish_marking();
    }
    model.sweep_all();
    assert!(model.mutator.start_marking().is_some());
    model.finish_marking();
    model.sweep_all();
    model.check();
    model.mutator.heap().reclaim(usize::MAX);
    let figures = model.mutator.figures();
    assert_eq!((figures.runs, figures.run_bytes, figures.objects), (0, 0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn over_an_arena(ops in proptest::collection::vec(op(), 1..100)) {
        run::<_, 64>(Arena::new(Os::new()), &ops);
    }

    #[test]
    fn over_a_buffer(ops in proptest::collection::vec(op(), 1..100), kib in 16..2000usize) {
        let mut buffer = vec![MaybeUninit::new(0xAA_u8); kib << 10];
        run::<_, 4>(Arena::new(Fixed::new(&mut buffer).with_page_bytes(1024)), &ops);
    }

    #[test]
    fn over_a_foreign_allocator(ops in proptest::collection::vec(op(), 1..100)) {
        run::<_, 16>(Foreign::new(System), &ops);
    }

    #[test]
    fn over_the_stack(ops in proptest::collection::vec(op(), 1..100)) {
        run::<_, 64>(ThreadCache::new(SizeClassHeap::<_>::new(Arena::new(Os::new()))), &ops);
    }

    #[test]
    fn under_a_limit(ops in proptest::collection::vec(op(), 1..100), kib in 0..500usize) {
        run::<_, 1>(Limit::new(kib << 10, System), &ops);
    }
}
