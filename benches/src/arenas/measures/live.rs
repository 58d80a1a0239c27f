//! A hundred thousand coroutines alive at once, each of which has run and waits.
//!
//! Above: the table of measures. Below: `suppliers`, corosensei; each contestant in a process of its own.
//!
//! The system has a limit for mappings (`vm.max_map_count`), which may be met long before memory is short: then the figures
//! are those of as many coroutines as there were, and the note says so.

use super::super::answer::Answer;
use super::super::{Column, Contestant, Measure, Unit, Way};
use super::passes::scaled;
use super::suppliers::{Default, Mapped, Pool, Supplier};
use crate::measure::{Resident, of_this_thread};
use corosensei::{Coroutine, CoroutineResult};
use std::io;

pub(super) static MEASURE: Measure = Measure {
    name: "live",
    about: "100 000 coroutines, made and run until they wait, then all of them ended, each contestant in a process of its own",
    columns: &[
        Column::told("made", "a coroutine made, and run until it waits", Unit::Ns),
        Column::told("ended", "the same run to its end, and dropped", Unit::Ns),
        Column::told("memory", "what is resident of each while all wait", Unit::Bytes),
        Column::told("alive", "how many there were at once", Unit::Count),
    ],
    contestants: &[
        Contestant::ours(
            "stack-pool",
            "StackPool over the system's pages",
            Way::Child(live::<Pool>),
        ),
        Contestant::theirs("default", "corosensei's DefaultStack", Way::Child(live::<Default>)),
        Contestant::theirs(
            "mmap",
            "mmap and munmap for each stack, without a guard page",
            Way::Child(live::<Mapped>),
        ),
    ],
};

const COUNT: u64 = 100_000;

type Waiting<S> = Coroutine<(), (), u64, <S as Supplier>::Stack>;

fn live<S: Supplier>(scale: u32) -> Answer {
    let wanted = scaled(COUNT, scale) as usize;
    let mut supplier = S::make();
    let mut all: Vec<Waiting<S>> = Vec::with_capacity(wanted);
    let memory = Resident::open();
    let before_bytes = memory.bytes();
    let mut limit = None;
    let made = of_this_thread(|| limit = fill::<S>(&mut supplier, &mut all, wanted).err());
    let bytes = memory.bytes().saturating_sub(before_bytes);
    let alive = all.len();
    let mut sum = 0_u64;
    let ended = of_this_thread(|| {
        for mut coroutine in all {
            if let CoroutineResult::Return(word) = coroutine.resume(()) {
                sum += word;
            }
            supplier.back(coroutine.into_stack());
        }
    });
    let each = |what: f64| (alive > 0).then(|| what / alive as f64);
    let expected = (0..alive as u64).sum::<u64>();
    Answer {
        figures: vec![
            each(made.as_nanos() as f64),
            each(ended.as_nanos() as f64),
            each(bytes as f64),
            Some(alive as f64),
        ],
        note: limit.map(|error| format!("only {alive} of {wanted} stacks: {error}")),
        failed: (sum != expected).then(|| format!("the words add up to {sum}, not {expected}")),
    }
}

/// Makes coroutines and lets each run until it waits; stops where there is no stack for one.
fn fill<S: Supplier>(supplier: &mut S, all: &mut Vec<Waiting<S>>, wanted: usize) -> io::Result<()> {
    for word in 0..wanted as u64 {
        let mut coroutine = Coroutine::with_stack(supplier.stack()?, move |yielder, ()| {
            yielder.suspend(());
            word
        });
        coroutine.resume(());
        all.push(coroutine);
    }
    Ok(())
}
