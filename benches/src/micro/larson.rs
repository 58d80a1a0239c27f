//! What it costs to serve threads that come and go and leave their objects behind: the time of one
//! replacement, two threads being at work at any time.
//!
//! Above: `micro`. Below: `heap`.
//!
//! This is the shape of Larson and Krishnan's server: each of two lanes has a table of 1000 objects of 16 to
//! 1000 bytes. A thread replaces objects anywhere in its table; after 50,000 replacements it ends, and a
//! new thread takes over the table, so that it frees what others allocated. The time is wall time, and a
//! new thread is in it.

use super::Task;
use crate::heap::Heap;
use crate::memory::Random;
use std::alloc::Layout;
use std::sync::Barrier;
use std::time::{Duration, Instant};

const LANES: usize = 2;
const SLOTS: usize = 1000;
/// Replacements in a thread's life.
const LIFE: u64 = 50_000;

/// A server's threads.
#[derive(Debug)]
pub struct Larson;

/// What a thread leaves to the next.
struct Table {
    slots: Vec<(*mut u8, Layout)>,
    random: Random,
}

// SAFETY: a table's objects belong to who has the table; any thread may free what another allocated
// (contract of `Heap`, which is shared).
unsafe impl Send for Table {}

impl Task for Larson {
    const OPERATIONS: u64 = LANES as u64;
    const GROUP: &'static str = "larson";

    fn name() -> String {
        "larson, 2 threads".into()
    }

    fn run<H: Heap>(heap: &H, steps: u64) -> Duration {
        let gate = Barrier::new(LANES + 1);
        std::thread::scope(|scope| {
            for lane in 0..LANES {
                let gate = &gate;
                scope.spawn(move || {
                    let mut table = Table::new(heap, lane as u64);
                    gate.wait();
                    for life in lives(steps) {
                        table = std::thread::scope(|scope| {
                            scope.spawn(move || table.serve(heap, life)).join()
                        })
                        .expect("a thread that replaces objects does not panic");
                    }
                    gate.wait();
                    table.clear(heap);
                });
            }
            gate.wait();
            let start = Instant::now();
            gate.wait();
            start.elapsed()
        })
    }

    fn floor(_: u64) -> Option<Duration> {
        None
    }
}

/// How many replacements each thread makes, one after the other.
fn lives(steps: u64) -> impl Iterator<Item = u64> {
    (0..steps.div_ceil(LIFE)).map(move |n| LIFE.min(steps - n * LIFE))
}

impl Table {
    fn new<H: Heap>(heap: &H, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut object = || {
            let layout = layout(&mut random);
            (heap.alloc(layout), layout)
        };
        let slots = (0..SLOTS).map(|_| object()).collect();
        Self { slots, random }
    }

    /// A thread's life; the table goes to the next.
    fn serve<H: Heap>(mut self, heap: &H, life: u64) -> Self {
        for _ in 0..life {
            let at = self.random.below(SLOTS);
            let layout = layout(&mut self.random);
            let slot = &mut self.slots[at];
            // SAFETY: what the table holds is live, with its layout; every layout has room for a word and is
            // aligned for it.
            unsafe {
                heap.free(slot.0, slot.1);
                *slot = (heap.alloc(layout), layout);
                slot.0.cast::<u64>().write(1);
            }
        }
        self
    }

    fn clear<H: Heap>(self, heap: &H) {
        for (object, layout) in self.slots {
            // SAFETY: what the table holds is live, with this layout.
            unsafe { heap.free(object, layout) };
        }
    }
}

fn layout(random: &mut Random) -> Layout {
    Layout::from_size_align(16 + random.below(985), 8).expect("a small size")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_replacement_is_lost() {
        for steps in [1, LIFE, LIFE + 1, 5 * LIFE / 2] {
            assert_eq!(lives(steps).sum::<u64>(), steps);
        }
    }
}
