//! gc-marksweep: programs on a tortured collector, over a layer that fails by schedule. It checks its marks and its heap
//! at the end of each marking.
#![no_main]

use alloc_core::api2::alloc::Global;
use alloc_core::{Failing, Schedule};
use arbitrary::Arbitrary;
use gc_marksweep::{Config, MarkSweep, Mode, Pace, Torture};
use libfuzzer_sys::fuzz_target;
use strata_fuzz::graph::{self, Turns};

#[derive(Arbitrary, Debug)]
struct Input {
    incremental: bool,
    torture: u8,
    growth_percent: u8,
    refusals: u64,
    turns: Turns,
}

fuzz_target!(|input: Input| {
    let mode = if input.incremental { Mode::Incremental } else { Mode::StopTheWorld };
    let torture = [Torture::Off, Torture::Steps, Torture::Cycles][usize::from(input.torture) % 3];
    let pace = Pace {
        growth_percent: input.growth_percent.into(),
        min_growth_bytes: 4 << 10,
        ..Pace::default()
    };
    let config = Config { pace, verify: true, poison: Some(0xDD), ..Config::new(mode) };
    let ground = Failing::new(Schedule::Bits(input.refusals), Global);
    let collector = MarkSweep::with_config(config.tortured(torture), ground);
    graph::play(collector, &input.turns, |collector, _| collector.collect_soon());
});
