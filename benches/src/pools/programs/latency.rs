//! Single operations, timed one by one: what most of them take, and what the few take that are slow.
//!
//! Above: `rounds`. Below: a [`View`], `ticks`.
//!
//! Which of 512 places is looked at next has no order: if it is empty, a value is allocated for it; else its value is
//! freed. Only the call is timed, between two fences. Another thread keeps the other processor busy meanwhile.

use super::super::ticks::{Ticks, begin, end};
use crate::pools::{CAPACITY, Pool, View};
use alloc_core::sync::{AtomicBool, Ordering};
use std::hint::black_box;

const PLACES: usize = 512;

/// Operations that are not timed at first.
const WARM_UP: u64 = 10_000;

/// A kind of pools, timed for so many operations.
pub(in crate::pools) type Time = fn(u64, &mut Ticks);

pub(in crate::pools) fn latency<P: Pool>(operations: u64, ticks: &mut Ticks) {
    let mut pool = P::with_capacity(CAPACITY);
    let mut view = black_box(pool.view());
    let mut places: Vec<Option<_>> = (0..PLACES).map(|_| None).collect();
    let mut next = 1_u64;
    for n in 0..WARM_UP + operations {
        next = next.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let place = &mut places[(next >> 48) as usize % PLACES];
        let took = match place.take() {
            Some(handle) => {
                let start = begin();
                let word = view.free(handle);
                let took = end().wrapping_sub(start);
                assert!(word <= n, "a value is as it was written");
                took
            }
            None => {
                let start = begin();
                let handle = view.alloc(n);
                let took = end().wrapping_sub(start);
                *place = Some(handle);
                took
            }
        };
        if n >= WARM_UP {
            ticks.add(took);
        }
    }
    for handle in places.into_iter().flatten() {
        view.free(handle);
    }
}

/// Nothing, timed: what is in all other figures.
pub(in crate::pools) fn nothing(operations: u64, ticks: &mut Ticks) {
    for _ in 0..operations {
        let start = begin();
        ticks.add(end().wrapping_sub(start));
    }
}

/// Runs `work` while another thread works too.
pub(in crate::pools) fn beside_another<R>(work: impl FnOnce() -> R) -> R {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut words = [1_u64; 1024];
            // ORDERING: Relaxed; nothing else hangs on the flag.
            while !ended.load(Ordering::Relaxed) {
                words.iter_mut().for_each(|word| *word = word.wrapping_mul(31).wrapping_add(7));
                black_box(&mut words);
            }
        });
        let result = work();
        // ORDERING: Relaxed, as above.
        ended.store(true, Ordering::Relaxed);
        result
    })
}
