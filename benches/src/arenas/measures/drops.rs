//! Values with a destructor: the arena runs it, or the box that the arena gave.
//!
//! Above: the table of measures. Below: `dropping`, whose passes these are. A destructor adds the value's word to a sum of its
//! thread: no value may be left, and none dropped twice.

use super::super::answer::Answer;
use super::super::{Column, Contestant, Measure, Side, Way, sum_below};
use super::dropping::{
    Blink, Boxes, BumpScope, Bumpalo, Dropping, OverArena, OverGlobal, Plain, Typed, dropped_sum,
};
use super::passes::{self, COLUMNS};
use crate::measure::of_this_thread;
use crate::turns::Taken;
use std::hint::black_box;

pub(super) static MEASURE: Measure = Measure {
    name: "drops",
    about: "1000 values of 32 bytes with a destructor, then all of them dropped, repeated: nanoseconds for a value",
    columns: &[Column::time("drops", "allocated, and dropped", COUNT, |steps| {
        sum_below(steps.wrapping_mul(COUNT))
    })],
    contestants: &[
        of::<Plain>(in_turns::<Plain>()),
        of::<OverGlobal>(in_turns::<OverGlobal>()),
        of::<OverArena>(in_turns::<OverArena>()),
        of::<Bumpalo>(in_turns::<Bumpalo>()),
        of::<Typed>(in_turns::<Typed>()),
        of::<Blink>(in_turns::<Blink>()),
        of::<BumpScope>(in_turns::<BumpScope>()),
        of::<Boxes>(in_turns::<Boxes>()),
    ],
};

pub(super) static PASSES: Measure = Measure {
    name: "drops-mixed",
    about: "a million values of 32 bytes with a destructor, then all of them dropped, three times: nanoseconds for a value, each in a process of its own",
    columns: COLUMNS,
    contestants: &[
        of::<Plain>(Way::Child(three::<Plain>)),
        of::<OverGlobal>(Way::Child(three::<OverGlobal>)),
        of::<OverArena>(Way::Child(three::<OverArena>)),
        of::<Bumpalo>(Way::Child(three::<Bumpalo>)),
        of::<Typed>(Way::Child(three::<Typed>)),
        of::<Blink>(Way::Child(three::<Blink>)),
        of::<BumpScope>(Way::Child(three::<BumpScope>)),
        of::<Boxes>(Way::Child(three::<Boxes>)),
    ],
};

/// Values that are dropped at once.
const COUNT: u64 = 1000;

/// The same in a pass.
const MILLION: u64 = 1_000_000;

const fn of<D: Dropping>(way: Way) -> Contestant {
    let (name, about, side) = D::WHO;
    Contestant::new(name, about, side, way)
}

const fn in_turns<D: Dropping>() -> Way {
    Way::Turns(const { &[Some(thousands::<D> as _)] })
}

fn thousands<D: Dropping>(steps: u64) -> Taken {
    let mut values = D::for_values(COUNT as usize);
    let before = dropped_sum();
    let time = of_this_thread(|| {
        let values = black_box(&mut values);
        (0..steps).for_each(|step| values.pass(step * COUNT, COUNT));
    });
    Taken { time, sum: dropped_sum().wrapping_sub(before) }
}

fn three<D: Dropping>(scale: u32) -> Answer {
    let count = passes::scaled(MILLION, scale);
    let mut values = D::for_values(count as usize);
    let values = black_box(&mut values);
    let before = dropped_sum();
    let mut answer = passes::three(count, || values.pass(0, count));
    if dropped_sum().wrapping_sub(before) != sum_below(count).wrapping_mul(3) {
        answer.failed = Some("not every value was dropped once".into());
    }
    answer
}

const _: () = assert!(matches!(Plain::WHO.2, Side::Bound));
