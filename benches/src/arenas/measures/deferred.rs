//! Deferred calls: closures that run when a scope ends.
//!
//! Above: the table of measures. Below: frames of alloc-arena, scopeguard, boxed closures. Each call adds a word to a sum, which has to be
//! right. Times are the thread's own processor time.
//!
//! `one` and `eight` are known when the program is compiled; in `loop` a loop defers eight calls, as many as it is told.

use super::super::kinds::OverGlobal;
use super::super::{Column, Contestant, Measure, Way, sum_below};
use super::scopes::Frames;
use crate::measure::of_this_thread;
use crate::turns::{Taken, memory_changes};
use alloc_arena::{Frame, Stack};
use alloc_core::api2::alloc::Global;
use scopeguard::{defer, guard};
use std::cell::Cell;
use std::hint::black_box;

pub(super) static MEASURE: Measure = Measure {
    name: "defer",
    about: "a scope in which calls are deferred that run at its end: nanoseconds for a call",
    columns: &[
        Column::time("one", "one call, and the scope with it", 1, sum_below),
        Column::time("eight", "eight calls", EIGHT, sum_of_eight),
        Column::time("loop", "eight calls, deferred in a loop", EIGHT, sum_of_eight),
    ],
    contestants: &[
        Contestant::bound(
            "bound",
            "the calls, where they run",
            Way::Turns(&[Some(plain_one), Some(plain_eight), Some(plain_loop)]),
        ),
        Contestant::ours(
            "stack",
            "Frame::defer in a frame of a Stack",
            Way::Turns(&[
                Some(frame_one::<Stack<Global>>),
                Some(frame_eight::<Stack<Global>>),
                Some(frame_loop::<Stack<Global>>),
            ]),
        ),
        Contestant::ours(
            "bump",
            "Frame::defer in a frame of a Bump",
            Way::Turns(&[
                Some(frame_one::<OverGlobal>),
                Some(frame_eight::<OverGlobal>),
                Some(frame_loop::<OverGlobal>),
            ]),
        ),
        Contestant::theirs(
            "scopeguard",
            "scopeguard 1: defer!; in the loop a vector of guards",
            Way::Turns(&[Some(guard_one), Some(guard_eight), Some(guard_loop)]),
        ),
        Contestant::theirs(
            "boxes",
            "a Vec<Box<dyn FnOnce()>>, run from its end",
            Way::Turns(&[Some(boxed_one), Some(boxed_eight), Some(boxed_loop)]),
        ),
    ],
};

const EIGHT: u64 = 8;

/// n + (n + 1) + … + (n + 7), of each step n.
fn sum_of_eight(steps: u64) -> u64 {
    sum_below(steps).wrapping_mul(EIGHT).wrapping_add(sum_below(EIGHT).wrapping_mul(steps))
}

/// Where calls add their words: one call does not wait for the one before.
type Sums = [Cell<u64>; 16];

/// Adds a word.
#[inline(always)]
fn add(sums: &Sums, word: u64) {
    let sum = &sums[word as usize % sums.len()];
    sum.set(sum.get().wrapping_add(word));
}

#[inline(always)]
fn run(steps: u64, mut each: impl FnMut(&Sums, u64)) -> Taken {
    let sums = Sums::default();
    let time = of_this_thread(|| {
        let sums = black_box(&sums);
        (0..steps).for_each(|word| each(sums, word));
    });
    Taken { time, sum: sums.iter().fold(0, |sum, of| sum.wrapping_add(of.get())) }
}

fn plain_one(steps: u64) -> Taken {
    run(steps, |sums, word| {
        memory_changes();
        add(sums, word);
    })
}

fn plain_eight(steps: u64) -> Taken {
    run(steps, |sums, word| {
        memory_changes();
        (0..EIGHT).for_each(|n| add(sums, word + n));
    })
}

fn plain_loop(steps: u64) -> Taken {
    run(steps, |sums, word| {
        memory_changes();
        (0..black_box(EIGHT)).for_each(|n| add(sums, word + n));
    })
}

/// A frame for each step.
#[inline(always)]
fn in_frames<M: Frames>(
    steps: u64,
    each: impl for<'f, 'e> Fn(&mut Frame<'f, 'e, M>, &'e Sums, u64),
) -> Taken {
    let mut memory = M::make();
    run(steps, |sums, word| {
        let memory = black_box(&mut memory);
        memory.in_frame(|frame| each(frame, sums, word));
    })
}

fn frame_one<M: Frames>(steps: u64) -> Taken {
    in_frames::<M>(steps, |frame, sums, word| {
        frame.defer(move || add(sums, word));
        memory_changes();
    })
}

fn frame_eight<M: Frames>(steps: u64) -> Taken {
    in_frames::<M>(steps, |frame, sums, word| {
        frame.defer(move || add(sums, word));
        frame.defer(move || add(sums, word + 1));
        frame.defer(move || add(sums, word + 2));
        frame.defer(move || add(sums, word + 3));
        frame.defer(move || add(sums, word + 4));
        frame.defer(move || add(sums, word + 5));
        frame.defer(move || add(sums, word + 6));
        frame.defer(move || add(sums, word + 7));
        memory_changes();
    })
}

fn frame_loop<M: Frames>(steps: u64) -> Taken {
    in_frames::<M>(steps, |frame, sums, word| {
        for n in 0..black_box(EIGHT) {
            frame.defer(move || add(sums, word + n));
        }
        memory_changes();
    })
}

fn guard_one(steps: u64) -> Taken {
    run(steps, |sums, word| {
        defer!(add(sums, word));
        memory_changes();
    })
}

fn guard_eight(steps: u64) -> Taken {
    run(steps, |sums, word| {
        defer!(add(sums, word));
        defer!(add(sums, word + 1));
        defer!(add(sums, word + 2));
        defer!(add(sums, word + 3));
        defer!(add(sums, word + 4));
        defer!(add(sums, word + 5));
        defer!(add(sums, word + 6));
        defer!(add(sums, word + 7));
        memory_changes();
    })
}

fn guard_loop(steps: u64) -> Taken {
    run(steps, |sums, word| {
        let mut guards = Vec::new();
        for n in 0..black_box(EIGHT) {
            guards.push(guard(word + n, |word| add(sums, word)));
        }
        memory_changes();
    })
}

/// Closures on the heap, which run when it is dropped, the last one first; on a panic too.
struct Boxed<'c>(Vec<Box<dyn FnOnce() + 'c>>);

impl Drop for Boxed<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        while let Some(call) = self.0.pop() {
            call();
        }
    }
}

fn boxed_one(steps: u64) -> Taken {
    run(steps, |sums, word| {
        let mut calls = Boxed(Vec::new());
        calls.0.push(Box::new(move || add(sums, word)));
        memory_changes();
    })
}

fn boxed_eight(steps: u64) -> Taken {
    run(steps, |sums, word| {
        let mut calls = Boxed(Vec::with_capacity(EIGHT as usize));
        calls.0.push(Box::new(move || add(sums, word)));
        calls.0.push(Box::new(move || add(sums, word + 1)));
        calls.0.push(Box::new(move || add(sums, word + 2)));
        calls.0.push(Box::new(move || add(sums, word + 3)));
        calls.0.push(Box::new(move || add(sums, word + 4)));
        calls.0.push(Box::new(move || add(sums, word + 5)));
        calls.0.push(Box::new(move || add(sums, word + 6)));
        calls.0.push(Box::new(move || add(sums, word + 7)));
        memory_changes();
    })
}

fn boxed_loop(steps: u64) -> Taken {
    run(steps, |sums, word| {
        let mut calls = Boxed(Vec::new());
        for n in 0..black_box(EIGHT) {
            calls.0.push(Box::new(move || add(sums, word + n)));
        }
        memory_changes();
    })
}
