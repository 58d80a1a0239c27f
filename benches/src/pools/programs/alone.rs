//! One thread on its own pool: at once, in batches, and for the first time.
//!
//! Above: the table of programs. Below: a `View`.
//!
//! Times are the thread's own processor time, which other programs on the machine hardly touch; but `fill` has
//! much to do between what it times, and takes the time that passes.

use crate::measure::of_this_thread;
use crate::memory::Random;
use crate::pools::{CAPACITY, Pool, View};
use crate::turns::{Taken, memory_changes};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Values that are alive at once in `batches`.
pub(in crate::pools) const BATCH: usize = 400;

pub(in crate::pools) fn hot<P: Pool>(steps: u64) -> Taken {
    let mut pool = P::with_capacity(CAPACITY);
    let mut sum = 0;
    let time = of_this_thread(|| sum = pairs(pool.view(), steps));
    Taken { time, sum }
}

/// So many values, one after the other. Returns their sum.
#[inline(never)]
pub(super) fn pairs<V: View>(view: V, steps: u64) -> u64 {
    // Here, not in the caller: nobody else could have an exclusive reference that is an argument.
    let mut view = black_box(view);
    let mut sum = 0_u64;
    for word in 0..steps {
        let handle = view.alloc(word);
        memory_changes();
        sum = sum.wrapping_add(view.free(handle));
    }
    sum
}

pub(in crate::pools) fn batches<P: Pool>(steps: u64) -> Taken {
    let mut order: Vec<u32> = (0..BATCH as u32).collect();
    Random::new(7).shuffle(&mut order);
    let mut pool = P::with_capacity(CAPACITY);
    let mut sum = 0_u64;
    let time = of_this_thread(|| {
        let mut view = black_box(pool.view());
        let mut handles = Vec::with_capacity(BATCH);
        handles.resize_with(BATCH, || None);
        for _ in 0..steps {
            sum = sum.wrapping_add(batch(&mut view, &mut handles, &order));
        }
    });
    Taken { time, sum }
}

#[inline(always)]
fn batch<V: View>(view: &mut V, handles: &mut [Option<V::Handle>], order: &[u32]) -> u64 {
    for (word, place) in (0..).zip(handles.iter_mut()) {
        *place = Some(view.alloc(word));
    }
    memory_changes();
    let mut sum = 0_u64;
    for &at in order {
        if let Some(handle) = handles[at as usize].take() {
            sum = sum.wrapping_add(view.free(handle));
        }
    }
    sum
}

pub(in crate::pools) fn fill<P: Pool>(steps: u64) -> Taken {
    let mut taken = Taken { time: Duration::ZERO, sum: 0 };
    for _ in 0..steps {
        let mut pool = P::with_capacity(CAPACITY);
        let mut view = black_box(pool.view());
        let mut handles = Vec::with_capacity(CAPACITY);
        let start = Instant::now();
        all_slots(&mut view, &mut handles);
        taken.time += start.elapsed();
        let words = handles.into_iter().map(|handle| view.free(handle));
        taken.sum = words.fold(taken.sum, u64::wrapping_add);
    }
    taken
}

#[inline(always)]
fn all_slots<V: View>(view: &mut V, handles: &mut Vec<V::Handle>) {
    handles.extend((0..CAPACITY as u64).map(|word| view.alloc(word)));
}
