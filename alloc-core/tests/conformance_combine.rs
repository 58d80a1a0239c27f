//! Every combinator, put through the kit: over `Global`, `System`, a bounded heap, and each other.

#![cfg_attr(strata_nightly, feature(allocator_api))]
#![cfg(not(all(loom, feature = "loom")))]

mod common;

use alloc_core::api2::alloc::{Global, System};
use alloc_core::conformance::Kit;
use alloc_core::{
    Failing, Fallback, Foreign, Layer, Limit, Locked, Null, Observe, Reclaiming, Schedule,
    Segregate, Shared,
};
use common::{Fault, Toy};

const MIB: usize = 1 << 20;

/// A layer with ample memory, of which everything is asked.
fn ample<L: Layer + Sync>(make: impl Fn() -> L) {
    Kit::layer(make).threads().cases(24).check();
}

/// A layer with bounded memory.
fn bounded<L: Layer + Sync>(make: impl Fn() -> L) {
    Kit::layer(make)
        .threads()
        .cases(48)
        .max_bytes(2 * MIB)
        .max_align_bytes(1 << 16)
        .may_run_out()
        .check();
}

fn toy() -> Locked<Toy> {
    Locked::new(Toy::new(MIB))
}

#[test]
fn the_heap_of_these_tests() {
    Kit::layer(|| Toy::<16>::new(MIB))
        .max_bytes(2 * MIB)
        .may_run_out()
        .balance(Toy::live_bytes)
        .check();
    Kit::layer(|| Toy::<1>::new(8192)).max_bytes(1 << 14).may_run_out().check();
    Kit::layer(|| Toy::<4096>::new(MIB)).max_bytes(2 * MIB).may_run_out().check();
}

#[test]
fn locked() {
    bounded(toy);
    ample(|| Locked::new(Global));
}

#[test]
fn null() {
    Kit::layer(|| Null).threads().clones().may_refuse_everything().check();
}

#[test]
fn fallback() {
    ample(|| Fallback::new(Null, Global));
    ample(|| Fallback::new(toy(), System));
    ample(|| Fallback::new(Locked::new(Toy::<64>::new(1 << 14)), Global));
    bounded(|| Fallback::new(toy(), Null));
    bounded(|| Fallback::new(Locked::new(Toy::<64>::new(1 << 14)), toy()));
    bounded(|| Fallback::new(toy(), Locked::new(Toy::<64>::new(1 << 17))));
    Kit::layer(|| Fallback::new(Global, System)).clones().threads().cases(32).check();
}

/// Both sides stand on one ground, which owns everything: the secondary must not serve what the
/// primary would claim. (The sides share a lock, so they are not frozen: a plain allocator here.)
#[test]
fn fallback_on_a_shared_ground() {
    let make = || {
        let ground = Shared::new(toy());
        Fallback::new(Limit::new(1 << 16, ground.clone()), ground)
    };
    Kit::new(make).threads().max_bytes(2 * MIB).max_align_bytes(1 << 16).may_run_out().check();
}

#[test]
fn segregate() {
    for threshold_bytes in [0, 100, 4096, usize::MAX] {
        ample(|| Segregate::new(threshold_bytes, Global, System));
    }
    for threshold_bytes in [100, 1024] {
        let coarse = || Locked::new(Toy::<64>::new(MIB));
        bounded(|| Segregate::new(threshold_bytes, coarse(), toy()));
        bounded(|| Segregate::new(threshold_bytes, toy(), coarse()));
    }
}

#[test]
fn limit() {
    bounded(|| Limit::new(MIB, Global));
    bounded(|| Limit::new(MIB / 2, toy()));
    ample(|| Limit::new(usize::MAX, System));
    Kit::layer(|| Limit::new(MIB, Global))
        .may_run_out()
        .threads()
        .balance(Limit::live_bytes)
        .check();
}

#[test]
fn reclaiming() {
    ample(|| Reclaiming::new(Global));
    bounded(|| Reclaiming::new(toy()));
    bounded(|| Reclaiming::new(Limit::new(MIB / 2, toy())));
}

#[test]
fn observe() {
    ample(|| Observe::new(Global));
    Kit::layer(|| Observe::new(toy()))
        .may_run_out()
        .max_align_bytes(1 << 16)
        .threads()
        .balance(|it| it.figures().live_bytes)
        .check();
    Kit::layer(|| Observe::new(System)).threads().balance(|it| it.figures().live).check();
}

#[test]
fn failing() {
    ample(|| Failing::new(Schedule::Never, Global));
    bounded(|| Failing::new(Schedule::Never, toy()));
    let schedules = [
        Schedule::Every(2),
        Schedule::Every(7),
        Schedule::After(10),
        Schedule::Bits(0xf0f0_1234_5678_9abc),
        Schedule::Random { seed: 9, permille: 400 },
    ];
    for schedule in schedules {
        Kit::layer(|| Observe::new(Failing::new(schedule, toy())))
            .may_refuse_anytime()
            .max_align_bytes(1 << 16)
            .threads()
            .cases(32)
            .balance(|it| it.figures().live_bytes)
            .check();
    }
}

/// Refusals in the middle of everything: each layer has to leave things as they were.
#[test]
fn everything_over_failing() {
    let failing = |seed| Failing::new(Schedule::Random { seed, permille: 200 }, toy());
    Kit::layer(|| {
        let small = Fallback::new(Locked::new(Toy::<64>::new(1 << 14)), failing(1));
        Observe::new(Reclaiming::new(Limit::new(MIB, Segregate::new(512, small, failing(2)))))
    })
    .may_refuse_anytime()
    .max_align_bytes(1 << 16)
    .threads()
    .balance(|it| it.figures().live_bytes)
    .check();
}

#[test]
fn stacked() {
    bounded(|| {
        let small = Fallback::new(Locked::new(Toy::<64>::new(1 << 14)), Null);
        Observe::new(Reclaiming::new(Limit::new(MIB, Segregate::new(512, small, toy()))))
    });
    ample(|| Limit::new(1 << 30, Observe::new(Segregate::new(64, Foreign::new(Global), System))));
}

#[test]
fn foreign() {
    ample(|| Foreign::new(Global));
    bounded(|| Foreign::new(toy()));
    // Parents that keep less than a layer has to: size 0 fails, or has bytes.
    for fault in [Fault::ZeroSizeFails, Fault::ZeroSizeHasBytes] {
        bounded(|| Foreign::new(Locked::new(Toy::<16>::with(fault, MIB))));
    }
    Kit::layer(|| Foreign::new(Toy::<256>::new(MIB))).may_run_out().max_bytes(2 * MIB).check();
}
