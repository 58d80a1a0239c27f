//! Random programs beside a model: everything that handles offer, with panics and refusals in between.
//!
//! Each test runs `COUNT` programs (12 unless told), the first of them from the number `SEED` (1 unless told):
//!
//! ```sh
//! SEED=1000 COUNT=500 cargo test -p gc-generational --test random
//! ```
//!
//! A seed says which program it is, and in which mode it runs. The number of one that fails is printed.
//! `objects.rs` has what the programs make, `model.rs` what should be there, `program.rs` a run, `turn.rs` what
//! happens in one of its turns.
#![cfg(not(loom))]

mod model;
mod objects;
mod program;
mod turn;

use alloc_core::api2::alloc::Global;
use alloc_core::gc::Mutation;
use alloc_core::{Failing, Schedule};
use gc_generational::{Config, Generational, Mode, Pace, Promotion, Torture};
use program::{Options, run};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

type Ground = Failing<Global>;
type Collector = Generational<Ground>;
type Mc<'gc> = Mutation<'gc, Collector>;

/// The panics that belong to the programs.
const DESTRUCTOR: &str = "a destructor";
const MUTATION: &str = "a mutation";
const NO_IDENTITY: &str = "the collected heap has no memory for an identity";

/// Goes on with a panic that is none of these.
fn expect<T>(done: std::thread::Result<T>, panics: &[&str]) -> Option<T> {
    let text = |payload: &(dyn Any + Send)| match payload.downcast_ref::<&str>() {
        Some(text) => Some((*text).to_owned()),
        None => payload.downcast_ref::<String>().cloned(),
    };
    match done {
        Ok(value) => Some(value),
        Err(payload) => match text(&*payload) {
            Some(text) if panics.contains(&text.as_str()) => None,
            _ => resume_unwind(payload),
        },
    }
}

/// Says nothing of the panics that belong to the programs.
fn silence() {
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string();
        if ![DESTRUCTOR, MUTATION, NO_IDENTITY].iter().any(|expected| text.contains(expected)) {
            eprintln!("{text}");
        }
    }));
}

fn config(mode: Mode, seed: u64) -> Config {
    let promotions = [Promotion::First, Promotion::Second, Promotion::Adaptive];
    let mut config = Config {
        nursery_bytes: 16 << 10,
        nursery_max_bytes: 64 << 10,
        promotion: promotions[seed as usize / 3 % 3],
        rests: !seed.is_multiple_of(3),
        ..Config::new(mode)
    };
    let pace = Pace { growth_percent: 20, min_growth_bytes: 16 << 10, ..Pace::default() };
    config.tenured.pace = pace;
    config.tenured.poison = Some(0xDD);
    match seed % 8 {
        0 | 4 => config.tortured(Torture::Steps),
        1 => config.tortured(Torture::Cycles),
        _ => config,
    }
}

fn collector(seed: u64) -> Collector {
    let ground = Failing::new(Schedule::Random { seed, permille: 300 }, Global);
    ground.pause();
    let config = |mode| config(mode, seed);
    match seed % 5 {
        0 => Generational::with_config(config(Mode::StopTheWorld), ground),
        1 | 2 => Generational::with_config(config(Mode::Incremental), ground),
        3 => Generational::background(config(Mode::Background), ground).unwrap(),
        _ => Generational::parallel(2, config(Mode::StopTheWorld), ground).unwrap(),
    }
}

fn variable(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

fn run_all(options: Options) {
    silence();
    let first = variable("SEED", 1);
    for seed in first..first + variable("COUNT", 12) {
        let done = catch_unwind(AssertUnwindSafe(|| run(collector(seed), seed, options)));
        if let Err(payload) = done {
            eprintln!("the seed is {seed}");
            resume_unwind(payload);
        }
    }
}

#[test]
fn plain() {
    run_all(Options { panics: false, fails: false });
}

#[test]
fn panics() {
    run_all(Options { panics: true, fails: false });
}

#[test]
fn fails() {
    run_all(Options { panics: false, fails: true });
}

#[test]
fn fails_and_panics() {
    run_all(Options { panics: true, fails: true });
}
