//! The thread cache as a value, by one thread, which the whole of its protocol but the races is for:
//! refills, flushes, reclaims, a second thread that comes and goes.
#![no_main]

use alloc_core::api2::{alloc::System, boxed::Box};
use alloc_core::{Failing, Layer, Limit, Observe, Schedule, Shared};
use alloc_sizeclass::{Compact, Fine, SizeClassHeap, SizeClasses, ThreadCache};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use strata_fuzz::{Op, Session, used_bytes};

#[derive(Arbitrary, Debug)]
struct Input {
    compact: bool,
    refusals: u64,
    ops: Vec<Op>,
    /// Played by another thread, which ends before this one goes on.
    elsewhere: Option<Vec<Op>>,
    after: Vec<Op>,
}

fuzz_target!(|input: Input| if input.compact {
    play::<Compact>(&input)
} else {
    play::<Fine>(&input)
});

/// What a thread's record takes of the heap.
fn record_bytes<T: SizeClasses>() -> u64 {
    let cache = ThreadCache::new(SizeClassHeap::<_, T>::new(System));
    drop(Box::new_in(1_u8, &cache));
    cache.reclaim(usize::MAX);
    used_bytes(&cache)
}

fn play<T: SizeClasses>(input: &Input) {
    let limited = Limit::new(64 << 20, Failing::new(Schedule::Bits(input.refusals), System));
    let below = Shared::new(Observe::new(limited));
    let cache = ThreadCache::new(SizeClassHeap::<_, T>::new(below.clone()));
    let mut session = Session::new(&cache);
    for op in &input.ops {
        session.step(*op);
        cache.verify().unwrap();
    }
    if let Some(ops) = &input.elsewhere {
        std::thread::scope(|scope| {
            // The scope alone would not wait for the thread's destructors, which flush its cache.
            scope.spawn(|| Session::new(&cache).play(ops)).join().expect("no panic");
        });
    }
    session.play(&input.after);
    // All that is left is this thread's record, if there was memory for it.
    let bytes = used_bytes(&cache);
    assert!(bytes == 0 || bytes == record_bytes::<T>(), "a slot is lost");
    drop(cache);
    assert_eq!(below.figures().live_bytes, 0, "a dropped cache keeps memory");
}
