//! The suite where the queue cannot grow: what was marked and could not be put in is looked for in the heap.
#![cfg(not(loom))]

use alloc_core::api2::alloc::{AllocError, Allocator, Global};
use alloc_core::gc::{Gc, Heap, Lock, suite};
use alloc_core::{Broken, Layer, Layout, Report, Rootable};
use gc_marksweep::{Config, MarkSweep, Mode, Pace, Torture};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Refuses most of the batches that a queue asks for.
struct Stingy {
    asked: AtomicUsize,
    /// One of so many is granted.
    one_of: usize,
}

const BATCH: Layout = Layout::new::<[usize; 512]>();

// SAFETY: every method forwards to `Global`, or refuses.
unsafe impl Allocator for Stingy {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout == BATCH {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed);
            if !(asked.wrapping_mul(0x9E37_79B9) >> 7).is_multiple_of(self.one_of) {
                return Err(AllocError);
            }
        }
        Global.allocate(layout)
    }
    unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { Global.deallocate(ptr, layout) }
    }
}

// SAFETY: as above.
unsafe impl Layer for Stingy {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        Layer::owns(&Global, ptr)
    }
    fn usable_size(&self, layout: Layout) -> usize {
        Global.usable_size(layout)
    }
    fn reclaim(&self, _: usize) -> usize {
        0
    }
    fn report(&self, report: &mut Report<'_>) {
        Global.report(report);
    }
    fn verify(&self) -> Result<(), Broken> {
        Ok(())
    }
}

const EAGER: Pace = Pace {
    growth_percent: 20,
    min_growth_bytes: 16 << 10,
    limit_bytes: usize::MAX,
    runway_percent: 25,
};

fn stingy(one_of: usize) -> Stingy {
    Stingy { asked: AtomicUsize::new(0), one_of }
}

#[test]
fn a_short_queue() {
    for one_of in [3, usize::MAX] {
        for mode in [Mode::StopTheWorld, Mode::Incremental] {
            let config = Config { pace: EAGER, ..Config::new(mode) };
            suite::run(|| MarkSweep::with_config(config, stingy(one_of)), 1_000);
            suite::run(
                || MarkSweep::with_config(config.tortured(Torture::Steps), stingy(one_of)),
                1_000,
            );
            suite::run(
                || MarkSweep::with_config(config.tortured(Torture::Cycles), stingy(one_of)),
                1_000,
            );
        }
    }
}

#[test]
fn a_short_queue_beside_mutations() {
    for one_of in [3, usize::MAX] {
        let config = Config { pace: EAGER, ..Config::default() };
        let make = |config| MarkSweep::background(config, stingy(one_of)).expect("a thread");
        suite::run(|| make(config), 2_000);
        suite::run(|| make(config.tortured(Torture::Steps)), 1_000);
        suite::run(|| make(config.tortured(Torture::Cycles)), 1_000);
    }
}

#[test]
fn a_short_queue_of_several_markers() {
    let config = Config { pace: EAGER, ..Config::default() };
    for one_of in [3, usize::MAX] {
        let make = |config| MarkSweep::parallel(3, config, stingy(one_of)).expect("threads");
        suite::run(|| make(config), 1_000);
        suite::run(|| make(config.tortured(Torture::Cycles)), 1_000);
    }
}

type Wide<'gc> = Gc<'gc, [Lock<Option<Gc<'gc, [u64; 3]>>>]>;

/// Huge slices, by cards, that lead to huge slices.
#[test]
fn a_short_queue_and_huge_slices() {
    Rootable!(type Root<'gc> = Vec<Wide<'gc>>);
    fn run(collector: MarkSweep<Stingy>) {
        let mut heap = Heap::<_, Root>::new(collector, |mc| {
            (0..3).map(|_| Gc::slice(mc, 20_000, |_| Lock::new(None))).collect()
        });
        for round in 0..60_u64 {
            heap.mutate(|mc, root| {
                for (n, wide) in root.iter().enumerate() {
                    for index in (0..20_000).skip(((round + n as u64) % 37) as usize).step_by(37) {
                        let value = [index as u64, round, n as u64];
                        wide.write_at(mc, index).set(Some(Gc::new(mc, value)));
                    }
                }
            });
            heap.mutate(|_, root| {
                for (n, wide) in root.iter().enumerate() {
                    for (index, value) in wide.iter().enumerate() {
                        if let Some(value) = value.get() {
                            assert_eq!((value[0], value[2]), (index as u64, n as u64));
                        }
                    }
                }
            });
        }
        assert!(heap.collector().figures().searches > 0, "{:?}", heap.collector().figures());
    }
    let config = Config { pace: EAGER, poison: Some(0xDD), ..Config::default() };
    run(MarkSweep::with_config(config, stingy(usize::MAX)));
    run(MarkSweep::with_config(Config { mode: Mode::Incremental, ..config }, stingy(3)));
    run(MarkSweep::background(config, stingy(usize::MAX)).expect("a thread"));
    run(MarkSweep::background(config.tortured(Torture::Steps), stingy(usize::MAX))
        .expect("a thread"));
}
