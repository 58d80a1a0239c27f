//! Ten million mixed small objects, then all of them freed, three times over.
//!
//! Above: the table of measures. Below: `passes`, `kinds`.

use super::super::answer::Answer;
use super::super::kinds::{Arena, Blink, BumpScope, Bumpalo, OverArena, OverGlobal, Raw};
use super::super::{Contestant, Measure, Way};
use super::objects::{Mixed, TEN, TEN_BYTES, ten};
use super::passes::{self, COLUMNS};
use crate::turns::memory_changes;

pub(super) static MEASURE: Measure = Measure {
    name: "mixed",
    about: "10 million objects of 8 to 64 bytes, then a reset, three times: nanoseconds for an object, each in a process of its own",
    columns: COLUMNS,
    contestants: &[
        Contestant::bound(
            "bound",
            "a pointer in a cell, moved through memory that was touched before",
            Way::Child(three::<Raw>),
        ),
        Contestant::ours("bump", "Bump over the global allocator", Way::Child(three::<OverGlobal>)),
        Contestant::ours("bump-arena", "Bump over Arena<Os>", Way::Child(three::<OverArena>)),
        Contestant::theirs("bumpalo", "bumpalo 3, least alignment 8", Way::Child(three::<Bumpalo>)),
        Contestant::theirs(
            "blink-alloc",
            "blink-alloc 0.4: Blink::put_no_drop",
            Way::Child(three::<Blink>),
        ),
        Contestant::theirs(
            "bump-scope",
            "bump-scope 2, least alignment 8, downwards",
            Way::Child(three::<BumpScope>),
        ),
    ],
};

const COUNT: u64 = 10_000_000;

fn three<A: Arena + Mixed>(scale: u32) -> Answer {
    let count = passes::scaled(COUNT, scale);
    let mut arena = A::for_bytes((count / TEN) as usize * TEN_BYTES);
    let arena = arena.seen();
    let mut wrong = 0;
    let mut answer = passes::three(count, || {
        (1..count / TEN).for_each(|n| {
            ten(arena, (n - 1) * TEN);
        });
        let last = ten(arena, count - TEN);
        memory_changes();
        wrong += u64::from(*last != count - 1);
        arena.reset();
    });
    if wrong > 0 {
        answer.failed = Some("the last object of a pass is not what was written".into());
    }
    answer
}
