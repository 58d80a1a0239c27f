//! The suite of collectors, under every mode, in torture and without, on several stacks.
#![cfg(not(loom))]

use alloc_arena::{Arena, Os};
use alloc_core::api2::alloc::Global;
use alloc_core::gc::suite;
use alloc_sizeclass::{SizeClassHeap, ThreadCache};
use gc_marksweep::{Config, MarkSweep, Mode, Pace, Torture};

/// So small that cycles begin all the time.
const EAGER: Pace = Pace {
    growth_percent: 20,
    min_growth_bytes: 16 << 10,
    limit_bytes: usize::MAX,
    runway_percent: 25,
};

fn config(mode: Mode) -> Config {
    Config { pace: EAGER, ..Config::new(mode) }
}

/// So many; where `COUNT` is set, as by lanes in which everything takes long, at most so few that the suite plays
/// fewer programs too.
fn nodes(most: usize) -> usize {
    if std::env::var_os("COUNT").is_some() { most.min(9_000) } else { most }
}

#[test]
fn stop_the_world() {
    suite::run(|| MarkSweep::new(Global), nodes(200_000));
    suite::run(|| MarkSweep::with_config(config(Mode::StopTheWorld), Global), nodes(100_000));
}

#[test]
fn stop_the_world_tortured() {
    let config = config(Mode::StopTheWorld);
    suite::run(|| MarkSweep::with_config(config.tortured(Torture::Cycles), Global), 2_000);
    suite::run(|| MarkSweep::with_config(config.tortured(Torture::Steps), Global), 2_000);
}

fn parallel(markers: usize, config: Config) -> MarkSweep<Global> {
    MarkSweep::parallel(markers, config, Global).expect("threads")
}

#[test]
fn several_markers() {
    suite::run(|| parallel(3, config(Mode::StopTheWorld)), nodes(200_000));
    suite::run(|| parallel(1, config(Mode::StopTheWorld)), nodes(10_000));
}

#[test]
fn several_markers_tortured() {
    let config = config(Mode::StopTheWorld);
    suite::run(|| parallel(3, config.tortured(Torture::Cycles)), 2_000);
    suite::run(|| parallel(2, config.tortured(Torture::Steps)), 2_000);
}

#[test]
fn incremental() {
    suite::run(|| MarkSweep::with_config(config(Mode::Incremental), Global), nodes(200_000));
}

#[test]
fn incremental_tortured() {
    let config = config(Mode::Incremental);
    suite::run(|| MarkSweep::with_config(config.tortured(Torture::Steps), Global), 5_000);
    suite::run(|| MarkSweep::with_config(config.tortured(Torture::Cycles), Global), 2_000);
}

fn background(config: Config) -> MarkSweep<Global> {
    MarkSweep::background(config, Global).expect("a thread")
}

#[test]
fn background_marking() {
    suite::run(|| background(config(Mode::Background)), nodes(200_000));
}

#[test]
fn background_tortured() {
    let config = config(Mode::Background);
    suite::run(|| background(config.tortured(Torture::Steps)), 5_000);
    suite::run(|| background(config.tortured(Torture::Cycles)), 2_000);
}

#[test]
fn on_the_whole_stack() {
    let stack = || ThreadCache::new(SizeClassHeap::<_>::new(Arena::new(Os::new())));
    suite::run(|| MarkSweep::with_config(config(Mode::StopTheWorld), stack()), nodes(100_000));
    suite::run(
        || MarkSweep::background(config(Mode::Background), stack()).expect("a thread"),
        nodes(100_000),
    );
}
