//! Two threads: each for itself on one pool, and one after the other with a ring between them.
//!
//! Above: the table of programs. Below: a `View` by reference, `ring`.
//!
//! Times are those that pass: on a machine whose processors are busy, they say little.

use super::alone::pairs;
use super::ring::with_ring;
use crate::pools::{CAPACITY, Pool, View};
use crate::turns::Taken;
use std::sync::Barrier;
use std::time::Instant;

/// Each as in `hot`, from the same moment on. The time is that of the slower one.
pub(in crate::pools) fn hot<P: Pool + Sync>(steps: u64) -> Taken
where
    for<'p> &'p P: View,
{
    let pool = P::with_capacity(CAPACITY);
    let barrier = Barrier::new(2);
    let one = || {
        // What a thread does for the first time does not count.
        pairs(&pool, 1);
        barrier.wait();
        let start = Instant::now();
        let sum = pairs(&pool, steps);
        Taken { time: start.elapsed(), sum }
    };
    let [a, b] = std::thread::scope(|scope| {
        let other = scope.spawn(one);
        [one(), other.join().expect("a program does not panic")]
    });
    Taken { time: a.time.max(b.time), sum: a.sum.wrapping_add(b.sum) }
}

/// From thread to thread, on one pool.
pub(in crate::pools) fn passing<P: Pool + Sync>(steps: u64) -> Taken
where
    for<'p> &'p P: View<Handle: Send>,
{
    let pool = P::with_capacity(CAPACITY);
    let (mut maker, mut other) = (&pool, &pool);
    pass(steps, move |word| maker.alloc(word), move |handle| other.free(handle))
}

/// Nothing but the ring: the floor of `passing`.
pub(in crate::pools) fn words(steps: u64) -> Taken {
    pass(steps, |word: u64| word, |word| word)
}

/// One thread makes, the other frees.
pub(in crate::pools) fn pass<H: Send>(
    steps: u64,
    mut make: impl FnMut(u64) -> H + Send,
    mut free: impl FnMut(H) -> u64 + Send,
) -> Taken {
    let barrier = Barrier::new(2);
    with_ring(|mut putter, mut taker| {
        std::thread::scope(|scope| {
            let maker = scope.spawn(|| {
                barrier.wait();
                (0..steps).for_each(|word| putter.put(make(word)));
                // The pool may be this thread's: it stays until all is freed.
                barrier.wait();
            });
            barrier.wait();
            let start = Instant::now();
            let sum = (0..steps).fold(0_u64, |sum, _| sum.wrapping_add(free(taker.take())));
            let time = start.elapsed();
            barrier.wait();
            maker.join().expect("a program does not panic");
            Taken { time, sum }
        })
    })
}
