//! Frames: entered, filled, left. What was allocated in a frame is free when it is left.
//!
//! Above: the table of measures. Below: `scopes`, which are the frames. Times are the thread's own processor time.

use super::super::kinds::{Blink, BumpScope, Bumpalo, OverArena, OverGlobal};
use super::super::{Column, Contestant, Measure, Way, sum_below};
use super::scopes::{Framed, Malloc, Outermost, Pointer, Resetting, Scope, Work};
use crate::measure::of_this_thread;
use crate::turns::{Taken, memory_changes};
use alloc_arena::Stack;
use alloc_core::api2::alloc::Global;
use std::array;
use std::hint::black_box;

pub(super) static MEASURE: Measure = Measure {
    name: "frames",
    about: "a frame entered, values of 32 bytes allocated in it, and left: nanoseconds for a frame",
    columns: &[
        Column::time("empty", "with nothing in it", 1, sum_below),
        Column::time("one", "with one value", 1, sum_below),
        Column::time("eight", "with eight values", 1, sum_of_eight),
        Column::time(
            "nested",
            "ten frames in each other, with a value in each",
            DEPTH as u64,
            |steps| sum_below(steps).wrapping_mul(DEPTH as u64),
        ),
    ],
    contestants: &[
        Contestant::bound("bound", "a pointer kept, moved, and put back", all::<Pointer>()),
        Contestant::ours(
            "stack",
            "Stack::frame, over the global allocator",
            all::<Framed<Stack<Global>>>(),
        ),
        Contestant::ours(
            "bump",
            "Bump::frame, over the global allocator",
            all::<Framed<OverGlobal>>(),
        ),
        Contestant::theirs(
            "bump-scope",
            "bump-scope 2, least alignment 8, downwards: scoped",
            all::<BumpScope>(),
        ),
        Contestant::ours(
            "bump reset",
            "Bump over the global allocator, reset",
            flat::<Resetting<OverGlobal>>(),
        ),
        Contestant::ours(
            "bump-arena reset",
            "Bump over Arena<Os>, reset",
            flat::<Resetting<OverArena>>(),
        ),
        Contestant::theirs(
            "bumpalo reset",
            "bumpalo 3, least alignment 8, reset",
            flat::<Resetting<Bumpalo>>(),
        ),
        Contestant::theirs(
            "blink-alloc reset",
            "blink-alloc 0.4, reset",
            flat::<Resetting<Blink>>(),
        ),
        Contestant::theirs(
            "system",
            "std's Box for each value, on the system's malloc",
            all::<Malloc>(),
        ),
    ],
};

const fn all<S: Outermost>() -> Way {
    Way::Turns(
        const {
            &[
                Some(empty::<S> as _),
                Some(one::<S> as _),
                Some(eight::<S> as _),
                Some(nested::<S> as _),
            ]
        },
    )
}

/// Of who frees all that there is, so that frames cannot stand in each other.
const fn flat<S: Outermost>() -> Way {
    Way::Turns(const { &[Some(empty::<S> as _), Some(one::<S> as _), Some(eight::<S> as _), None] })
}

/// Values in a frame of `eight`.
const EIGHT: usize = 8;

/// How deep `nested` goes.
const DEPTH: u32 = 10;

/// n + (n + 1) + … + (n + 7), of each step n.
fn sum_of_eight(steps: u64) -> u64 {
    let more = sum_below(EIGHT as u64).wrapping_mul(steps);
    sum_below(steps).wrapping_mul(EIGHT as u64).wrapping_add(more)
}

/// A word that goes out as it came in.
struct Empty(u64);

impl Work for Empty {
    #[inline(always)]
    fn run<S: Scope>(self, _frame: &mut S) -> u64 {
        memory_changes();
        self.0
    }
}

/// A value.
struct One(u64);

impl Work for One {
    #[inline(always)]
    fn run<S: Scope>(self, frame: &mut S) -> u64 {
        let value = frame.put(self.0);
        memory_changes();
        value.word
    }
}

/// Eight values.
struct Eight(u64);

impl Work for Eight {
    #[inline(always)]
    fn run<S: Scope>(self, frame: &mut S) -> u64 {
        let values: [_; EIGHT] = array::from_fn(|n| frame.put(self.0 + n as u64));
        memory_changes();
        values.iter().map(|value| value.word).sum()
    }
}

/// A value, and further frames, so many deep.
struct Nested {
    word: u64,
    depth: u32,
}

impl Work for Nested {
    #[inline(always)]
    fn run<S: Scope>(self, frame: &mut S) -> u64 {
        let read = One(self.word).run(frame);
        read + deep(frame, self.word, self.depth - 1)
    }
}

/// A call for each frame, as where a program recurs.
#[inline(never)]
fn deep<S: Scope>(scope: &mut S, word: u64, depth: u32) -> u64 {
    if depth == 0 { 0 } else { scope.enter(Nested { word, depth }) }
}

fn empty<S: Outermost>(steps: u64) -> Taken {
    run::<S>(steps, |scope, word| scope.enter(Empty(word)))
}

fn one<S: Outermost>(steps: u64) -> Taken {
    run::<S>(steps, |scope, word| scope.enter(One(word)))
}

fn eight<S: Outermost>(steps: u64) -> Taken {
    run::<S>(steps, |scope, word| scope.enter(Eight(word)))
}

fn nested<S: Outermost>(steps: u64) -> Taken {
    run::<S>(steps, |scope, word| deep(scope, word, DEPTH))
}

#[inline(always)]
fn run<S: Outermost>(steps: u64, each: impl Fn(&mut S, u64) -> u64) -> Taken {
    let mut scope = S::make();
    let mut sum = 0_u64;
    let time = of_this_thread(|| {
        let scope = black_box(&mut scope);
        for word in 0..steps {
            sum = sum.wrapping_add(each(scope, word));
        }
    });
    Taken { time, sum }
}
