//! A thousand small objects, then all of them freed at once, again and again: the arena's memory is in the cache.
//!
//! Above: the table of measures. Below: `kinds`. Times are the thread's own processor time.

use super::super::kinds::{
    Alloc, Arena, Blink, BumpScope, Bumpalo, OverArena, OverGlobal, Raw, Register, Typed,
};
use super::super::{Column, Contestant, Measure, Object, Way, sum_below};
use super::objects::{Mixed, TEN, TEN_BYTES, ten};
use crate::measure::of_this_thread;
use crate::turns::{Taken, memory_changes};

pub(super) static MEASURE: Measure = Measure {
    name: "small",
    about: "1000 objects, whose first word is written, then a reset, repeated: nanoseconds for an object",
    columns: &[
        Column::time("one type", "objects of 32 bytes", COUNT, last_words),
        Column::time(
            "mixed",
            "objects of 8 to 64 bytes, in an order that is fixed",
            COUNT,
            last_words,
        ),
    ],
    contestants: &[
        Contestant::bound(
            "bound",
            "a pointer in a cell, moved through touched memory",
            both::<Raw>(),
        ),
        Contestant::bound(
            "register",
            "the same, of which nobody else knows: in a register",
            both::<Register>(),
        ),
        Contestant::ours("bump", "Bump over the global allocator", both::<OverGlobal>()),
        Contestant::ours("bump-arena", "Bump over Arena<Os>", both::<OverArena>()),
        Contestant::theirs("bumpalo", "bumpalo 3, least alignment 8", both::<Bumpalo>()),
        Contestant::theirs(
            "typed-arena",
            "typed-arena 2: no reset, so a new arena each time, with room for all",
            Way::Turns(&[Some(one_type::<Typed<Object<3>>>), None]),
        ),
        Contestant::theirs("blink-alloc", "blink-alloc 0.4: Blink::put_no_drop", both::<Blink>()),
        Contestant::theirs(
            "bump-scope",
            "bump-scope 2, least alignment 8, downwards",
            both::<BumpScope>(),
        ),
    ],
};

const fn both<A: Arena + Mixed>() -> Way {
    Way::Turns(const { &[Some(one_type::<A> as _), Some(mixed::<A> as _)] })
}

/// Objects between two resets.
const COUNT: u64 = 1000;

/// The last of each thousand is read: step n's first word is n.
fn last_words(steps: u64) -> u64 {
    sum_below(steps).wrapping_add(steps.wrapping_mul(COUNT - 1))
}

fn one_type<A: Arena + Alloc<Object<3>>>(steps: u64) -> Taken {
    run::<A>(steps, COUNT as usize * size_of::<Object<3>>(), |arena, step| {
        (0..COUNT - 1).for_each(|n| {
            arena.alloc(Object::new(step + n));
        });
        &arena.alloc(Object::new(step + COUNT - 1)).word
    })
}

fn mixed<A: Arena + Mixed>(steps: u64) -> Taken {
    run::<A>(steps, (COUNT / TEN) as usize * TEN_BYTES, |arena, step| {
        (1..COUNT / TEN).for_each(|n| {
            ten(arena, step + (n - 1) * TEN);
        });
        ten(arena, step + COUNT - TEN)
    })
}

/// Fills an arena and resets it, so many times.
#[inline(always)]
fn run<A: Arena>(steps: u64, bytes: usize, fill: impl for<'a> Fn(&'a A, u64) -> &'a u64) -> Taken {
    let mut arena = A::for_bytes(bytes);
    let mut sum = 0_u64;
    let time = of_this_thread(|| {
        let arena = arena.seen();
        for step in 0..steps {
            let last = fill(arena, step);
            memory_changes();
            sum = sum.wrapping_add(*last);
            arena.reset();
        }
    });
    Taken { time, sum }
}
