//! Loops that do nothing: what is taken off the figures of the others.
//!
//! Above: `mod.rs`. Each has the shape of the paths that name it, without the allocator.

use super::{Path, threads};
use std::hint::black_box;
use std::ptr;

const fn bare(name: &'static str, what: &'static str, turns: fn(usize)) -> Path {
    Path { less: None, ..Path::new(name, what, turns) }
}

pub(super) const PATHS: &[Path] = &[
    bare("bare/loop", "a loop that holds a pointer in place", hold),
    bare("bare/calls", "a loop that calls two C functions, which return at once", calls),
    bare("bare/calls-3", "a loop that calls three", calls_three),
    bare("bare/call", "a loop that calls one C function, which returns at once", call),
    bare("bare/wave", "a loop that stores pointers and then loads them", wave)
        .rounds_of(WAVES, WAVE_SLOTS),
    bare("bare/hand-over", "two threads that hand a list of pointers to and fro", hand_over)
        .rounds_of(HAND_OVERS, HAND_OVER_SLOTS),
];

/// Slots in a wave: many times what a thread's list holds.
pub(super) const WAVE_SLOTS: usize = 5000;
pub(super) const WAVES: usize = 20;

/// Slots that go from thread to thread at once.
pub(super) const HAND_OVER_SLOTS: usize = 2000;
pub(super) const HAND_OVERS: usize = 50;

#[inline(never)]
fn hold(rounds: usize) {
    for _ in 0..rounds {
        black_box(ptr::without_provenance_mut::<u8>(64));
    }
}

/// What stands in for `malloc` and for `free`.
#[inline(never)]
extern "C" fn returns(word: usize) -> usize {
    word
}

#[inline(never)]
extern "C" fn returns_nothing(_word: usize) {}

#[inline(never)]
fn calls(rounds: usize) {
    let (first, second) = black_box((
        returns as extern "C" fn(usize) -> usize,
        returns_nothing as extern "C" fn(usize),
    ));
    for _ in 0..rounds {
        second(black_box(first(64)));
    }
}

#[inline(never)]
fn calls_three(rounds: usize) {
    let (first, second) = black_box((
        returns as extern "C" fn(usize) -> usize,
        returns_nothing as extern "C" fn(usize),
    ));
    for _ in 0..rounds {
        second(black_box(first(black_box(first(64)))));
    }
}

#[inline(never)]
fn call(rounds: usize) {
    let first = black_box(returns as extern "C" fn(usize) -> usize);
    for _ in 0..rounds {
        black_box(first(64));
    }
}

#[inline(never)]
fn wave(rounds: usize) {
    let mut slots = vec![0usize; WAVE_SLOTS];
    for _ in 0..rounds {
        slots.iter_mut().for_each(|slot| *slot = black_box(64));
        black_box(&mut slots);
        slots.iter().for_each(|slot| {
            black_box(*slot);
        });
    }
}

fn hand_over(rounds: usize) {
    threads::hand_over(
        rounds,
        || black_box(64),
        |slot| {
            black_box(slot);
        },
    );
}
