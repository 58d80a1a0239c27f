//! `Profile`, `Leaks` and `Sampled`: what they say of a program is what the session knows of it.
#![no_main]

use alloc_core::api2::alloc::System;
use alloc_core::profile::Snapshot;
use alloc_core::report::Tree;
use alloc_core::{Failing, Layer, Leaks, Limit, Observe, Profile, Sampled, Schedule};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use strata_fuzz::{Op, Session};

#[derive(Arbitrary, Debug)]
struct Input {
    /// `Leaks` stands on top, or else `Profile`: what is inside of one is not watched by another.
    leaks: bool,
    mean_bytes: u16,
    mean_allocations: u8,
    pages: u8,
    seed: u64,
    refusals: u64,
    ops: Vec<Op>,
}

fuzz_target!(|input: Input| {
    let limited = Limit::new(64 << 20, Failing::new(Schedule::Bits(input.refusals), System));
    let below = Observe::new(limited);
    let sampled = Sampled::new(&below)
        .with_mean_allocations(usize::from(input.mean_allocations) % 8)
        .with_pages(usize::from(input.pages) % 32)
        .with_seed(input.seed | 1);
    if input.leaks {
        leaks(Leaks::new(sampled), &input.ops);
    } else {
        let profile = Profile::new(sampled).with_mean_bytes(input.mean_bytes.into());
        profiled(profile.with_seed(input.seed | 1), &input.ops);
    }
    assert_eq!(below.figures().live_bytes, 0, "a watcher keeps memory");
});

fn leaks(leaks: Leaks<impl Layer>, ops: &[Op]) {
    let mut session = Session::new(&leaks);
    for op in ops {
        session.step(*op);
        leaks.verify().unwrap();
        let live = Tree::of(&leaks).figure("Leaks", "live allocations");
        assert_eq!(live, Some(session.live() as u64));
    }
    let list = leaks.leaks();
    assert_eq!((list.count(), list.bytes()), (session.live(), session.live_bytes()));
    session.end();
    leaks.assert_none();
}

fn profiled(profile: Profile<impl Layer>, ops: &[Op]) {
    let in_use =
        |snapshot: &Snapshot| snapshot.samples().map(|sample| sample.in_use.objects).sum::<f64>();
    let mut session = Session::new(&profile);
    for op in ops {
        session.step(*op);
        profile.verify().unwrap();
    }
    // Where everything is sampled, an estimate is the truth.
    if profile.mean_bytes() == 0 && profile.lost_samples() == 0 {
        assert_eq!(in_use(&profile.snapshot()), session.live() as f64);
    }
    session.end();
    assert_eq!(in_use(&profile.snapshot()), 0.0);
}
