//! The suite of collectors, under every mode of the tenured space, in torture and without, on several stacks.
#![cfg(not(loom))]

use alloc_arena::{Arena, Os};
use alloc_core::api2::alloc::Global;
use alloc_core::gc::suite;
use alloc_sizeclass::{SizeClassHeap, ThreadCache};
use gc_generational::{Config, Generational, Mode, Pace, Promotion, Torture};

/// So small that collections happen all the time.
const EAGER: Pace = Pace {
    growth_percent: 20,
    min_growth_bytes: 16 << 10,
    limit_bytes: usize::MAX,
    runway_percent: 25,
};

fn config(mode: Mode, promotion: Promotion) -> Config {
    let mut config = Config { nursery_bytes: 32 << 10, promotion, ..Config::new(mode) };
    config.tenured.pace = EAGER;
    config
}

/// All of them; where `COUNT` is set, as by lanes in which everything takes long, the one that is default.
fn promotions() -> &'static [Promotion] {
    const ALL: [Promotion; 3] = [Promotion::Adaptive, Promotion::First, Promotion::Second];
    if std::env::var_os("COUNT").is_some() { &ALL[..1] } else { &ALL }
}

/// So many; where `COUNT` is set, at most so few that the suite plays fewer programs too.
fn nodes(most: usize) -> usize {
    if std::env::var_os("COUNT").is_some() { most.min(9_000) } else { most }
}

#[test]
fn as_it_comes() {
    suite::run(|| Generational::new(Global), nodes(50_000));
}

#[test]
fn stop_the_world() {
    for &promotion in promotions() {
        suite::run(
            || Generational::with_config(config(Mode::StopTheWorld, promotion), Global),
            5_000,
        );
    }
}

#[test]
fn incremental() {
    for &promotion in promotions() {
        suite::run(
            || Generational::with_config(config(Mode::Incremental, promotion), Global),
            5_000,
        );
    }
}

#[test]
fn tortured() {
    for &promotion in promotions() {
        for mode in [Mode::StopTheWorld, Mode::Incremental] {
            let config = config(mode, promotion);
            suite::run(
                || Generational::with_config(config.tortured(Torture::Cycles), Global),
                1_000,
            );
            suite::run(
                || Generational::with_config(config.tortured(Torture::Steps), Global),
                1_000,
            );
        }
    }
}

fn background(config: Config) -> Generational<Global> {
    Generational::background(config, Global).expect("a thread")
}

#[test]
fn background_marking() {
    for &promotion in promotions() {
        suite::run(|| background(config(Mode::Background, promotion)), nodes(10_000));
    }
}

#[test]
fn background_tortured() {
    for &promotion in promotions() {
        let config = config(Mode::Background, promotion);
        suite::run(|| background(config.tortured(Torture::Steps)), 1_000);
        suite::run(|| background(config.tortured(Torture::Cycles)), 1_000);
    }
}

#[test]
fn several_markers() {
    let config = config(Mode::StopTheWorld, Promotion::Adaptive);
    suite::run(|| Generational::parallel(3, config, Global).expect("threads"), nodes(40_000));
}

#[test]
fn on_the_whole_stack() {
    let stack = || ThreadCache::new(SizeClassHeap::<_>::new(Arena::new(Os::new())));
    suite::run(|| Generational::new(stack()), nodes(50_000));
    let config = config(Mode::Background, Promotion::Adaptive);
    suite::run(|| Generational::background(config, stack()).expect("a thread"), nodes(50_000));
}
