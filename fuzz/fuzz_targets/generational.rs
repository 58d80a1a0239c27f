//! gc-generational: programs on a tortured collector with a small nursery, over a layer that fails by schedule. It looks
//! at every object after its minor collections.
#![no_main]

use alloc_core::api2::alloc::Global;
use alloc_core::{Failing, Schedule};
use arbitrary::Arbitrary;
use gc_generational::{Config, Generational, Mode, Pace, Promotion, Torture};
use libfuzzer_sys::fuzz_target;
use strata_fuzz::graph::{self, Turns};

#[derive(Arbitrary, Debug)]
struct Input {
    incremental: bool,
    torture: u8,
    promotion: u8,
    rests: bool,
    refusals: u64,
    turns: Turns,
}

fuzz_target!(|input: Input| {
    let mode = if input.incremental { Mode::Incremental } else { Mode::StopTheWorld };
    let torture = [Torture::Off, Torture::Steps, Torture::Cycles][usize::from(input.torture) % 3];
    let promotions = [Promotion::First, Promotion::Second, Promotion::Adaptive];
    let mut config = Config {
        nursery_bytes: 16 << 10,
        nursery_max_bytes: 64 << 10,
        promotion: promotions[usize::from(input.promotion) % 3],
        rests: input.rests,
        ..Config::new(mode)
    };
    config.tenured.pace =
        Pace { growth_percent: 20, min_growth_bytes: 16 << 10, ..Pace::default() };
    config.tenured.poison = Some(0xDD);
    config.tenured.verify = true;
    let ground = Failing::new(Schedule::Bits(input.refusals), Global);
    let collector = Generational::with_config(config.tortured(torture), ground);
    graph::play(collector, &input.turns, |collector, what| match what % 3 {
        0 => collector.collect_soon(),
        1 => collector.collect_nursery_soon(),
        _ => collector.compact_soon(),
    });
});
