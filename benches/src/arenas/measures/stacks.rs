//! Coroutine stacks: a coroutine made on one, run to its end, and dropped.
//!
//! Above: the table of measures. Below: `suppliers`, who give stacks; corosensei. Times are the thread's own processor time,
//! the kernel's part included.

use super::super::{Column, Contestant, Measure, Way, sum_below};
use super::suppliers::{Again, ByHand, Default, Mapped, Pool, Supplier};
use crate::measure::of_this_thread;
use crate::turns::{Taken, memory_changes};
use corosensei::{Coroutine, CoroutineResult};
use std::hint::black_box;
use std::mem::MaybeUninit;

pub(super) static MEASURE: Measure = Measure {
    name: "stacks",
    about: "a coroutine on a stack of 64 KiB, made, run to its end and dropped: nanoseconds for a coroutine",
    columns: &[
        Column::time("shallow", "it returns at once", 1, sum_below),
        Column::time("deep", "it writes to 16 KiB of its stack first", 1, sum_below),
    ],
    contestants: &[
        Contestant::bound("bound", "one stack, used again and again", both::<Again>()),
        Contestant::ours("stack-pool", "StackPool over the system's pages", both::<Pool>()),
        Contestant::theirs("default", "corosensei's DefaultStack", both::<Default>()),
        Contestant::theirs(
            "by hand",
            "DefaultStacks, kept in a vector when they are free",
            both::<ByHand>(),
        ),
        Contestant::theirs(
            "mmap",
            "mmap and munmap for each stack, without a guard page",
            both::<Mapped>(),
        ),
    ],
};

const fn both<S: Supplier>() -> Way {
    Way::Turns(const { &[Some(shallow::<S> as _), Some(deep::<S> as _)] })
}

const DEEP_BYTES: usize = 16 << 10;

fn shallow<S: Supplier>(steps: u64) -> Taken {
    run::<S>(steps, |word| {
        memory_changes();
        word
    })
}

fn deep<S: Supplier>(steps: u64) -> Taken {
    run::<S>(steps, |word| {
        let mut room = [const { MaybeUninit::<u64>::uninit() }; DEEP_BYTES / size_of::<u64>()];
        // A word on each page.
        room.iter_mut().step_by(64).for_each(|place| {
            place.write(word);
        });
        black_box(&mut room);
        word
    })
}

#[inline(always)]
fn run<S: Supplier>(steps: u64, body: impl Fn(u64) -> u64 + Copy + 'static) -> Taken {
    let mut supplier = S::make();
    let mut sum = 0_u64;
    let time = of_this_thread(|| {
        let supplier = black_box(&mut supplier);
        for word in 0..steps {
            let stack = supplier.stack().expect("a stack for one coroutine at a time");
            let mut coroutine = Coroutine::with_stack(stack, move |_, ()| body(word));
            // It does not suspend: it returns.
            let CoroutineResult::<(), u64>::Return(read) = coroutine.resume(()) else { break };
            sum = sum.wrapping_add(read);
            supplier.back(coroutine.into_stack());
        }
    });
    Taken { time, sum }
}
