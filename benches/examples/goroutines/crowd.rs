//! Step 3: a crowd. How much memory a task takes, how fast they come and go, how fast they take turns.
//!
//! A task that lives takes the pages of its stack that it has touched, mostly one, and what it has allocated. The rest
//! of its stack is addresses. When the crowd has gone, its stacks wait for the next one, the warmest first.

use super::{Arguments, Variant, on, per};
use alloc_arena::Bump;
use alloc_core::api2::vec::Vec as TaskVec;
use benches::goroutines::{Channel, Group, STACKS, Stopped, TASKS, go, yield_now};
use benches::measure::Resident;

/// Words that each task keeps.
const WORDS: u64 = 16;
/// How often each of a small crowd takes its turn.
const TURNS: u64 = 1000;

/// Shows all that this file is about.
pub fn show(arguments: &Arguments) -> Result<(), Stopped> {
    let &Arguments { live, total, workers, variant } = arguments;
    let ((), figures, time) = on(workers, || take_turns(100, TURNS))?;
    let million = figures.switches as f64 / time.as_secs_f64() / 1e6;
    println!("100 tasks take turns: {million:.1} million switches a second");

    let (bytes, figures, _) = on(workers, move || all_at_a_time(live, variant))?;
    println!("{live} tasks at a time: {} bytes resident for each", bytes / live.max(1));
    println!("  {} went on on another thread than they had begun on", figures.moves);

    let ((), figures, time) = on(workers, move || one_after_the_other(total, live, variant))?;
    println!("{total} tasks in all, one after the other: {} each", per(time, total));
    println!("  {} thefts of a queue's older half", figures.steals);

    let figures = STACKS.figures();
    println!(
        "{} stacks of {} KiB were made; the deepest looked at had touched {} KiB",
        figures.peak_live_stacks,
        figures.stack_bytes >> 10,
        figures.peak_stack_bytes >> 10
    );
    let given_back_bytes = STACKS.reclaim(usize::MAX);
    println!("the idle ones give {} MiB back to the system", given_back_bytes >> 20);
    Ok(())
}

/// Everyone waits until all have come; what they took of memory.
fn all_at_a_time(live: u64, variant: Variant) -> u64 {
    let resident = Resident::open();
    let before_bytes = resident.bytes();
    let (come, gate, gone) = (Group::new(), Channel::<()>::new(0), Group::new());
    for number in 0..live {
        let (come, gate, gone) = (come.member(), gate.clone(), gone.member());
        go(move || {
            let _gone = gone;
            keep(variant, number, || {
                drop(come);
                gate.receive();
            });
        });
    }
    come.wait();
    let bytes = resident.bytes().saturating_sub(before_bytes);
    gate.close();
    gone.wait();
    bytes
}

/// At most `live` at a time: who comes takes a place of the channel, and leaves it in the end.
fn one_after_the_other(total: u64, live: u64, variant: Variant) {
    let (places, gone) = (Channel::new(live as usize), Group::new());
    for number in 0..total {
        let _ = places.send(());
        let (places, gone) = (places.clone(), gone.member());
        go(move || {
            let _gone = gone;
            keep(variant, number, || {});
            places.receive();
        });
    }
    gone.wait();
}

fn take_turns(tasks: u64, turns: u64) {
    let gone = Group::new();
    for _ in 0..tasks {
        let gone = gone.member();
        go(move || {
            (0..turns).for_each(|_| yield_now());
            drop(gone);
        });
    }
    gone.wait();
}

/// Keeps some words of its own while something else happens.
fn keep(variant: Variant, number: u64, meanwhile: impl FnOnce()) {
    match variant {
        Variant::Cache => {
            let mut words = TaskVec::with_capacity_in(WORDS as usize, &TASKS);
            words.extend((0..WORDS).map(|word| number ^ word));
            meanwhile();
            assert!(words.iter().zip(0..).all(|(word, at)| *word == number ^ at));
        }
        Variant::Bump => {
            let mut bump = Bump::new(&TASKS).with_chunk_bytes(512, 4096);
            bump.frame(|frame| {
                let words = frame.alloc_slice_with(WORDS as usize, |at| number ^ at as u64);
                meanwhile();
                assert!(words.iter().zip(0..).all(|(word, at)| *word == number ^ at));
            });
        }
    }
}
