//! What it costs to put one object in another's place: the time of a free and an allocation.
//!
//! Above: `micro`. Below: `heap`.
//!
//! A table has 10,000 slots, all full. A step takes any slot, frees what is there, and allocates an object
//! of another size, whose first word is written. Sizes follow Pareto: half are below 32 bytes, one in a
//! hundred is above 600, at most 64 KiB. So every size has its turn, no order helps, and more memory is in use
//! than the nearest caches hold.

use super::Task;
use crate::heap::Heap;
use crate::measure::of_this_thread;
use crate::memory::Random;
use std::alloc::Layout;
use std::time::Duration;

/// Slots of the table.
const SLOTS: usize = 10_000;

/// Steps that are drawn beforehand; then they begin again.
const DRAWN: usize = 1 << 16;

const LEAST_BYTES: usize = 16;
const MOST_BYTES: usize = 64 << 10;
/// The exponent of the sizes.
const SHAPE: f64 = 1.2;

/// Replacements in a table.
#[derive(Debug)]
pub struct Replace;

impl Task for Replace {
    const OPERATIONS: u64 = 1;
    const GROUP: &'static str = "replace";

    fn name() -> String {
        "replace among 10,000, Pareto".into()
    }

    fn run<H: Heap>(heap: &H, steps: u64) -> Duration {
        let mut random = Random::new(11);
        let mut table: Vec<(*mut u8, Layout)> = (0..SLOTS)
            .map(|_| pareto(&mut random))
            .map(|layout| (heap.alloc(layout), layout))
            .collect();
        let drawn: Vec<(u32, Layout)> =
            (0..DRAWN).map(|_| (random.below(SLOTS) as u32, pareto(&mut random))).collect();
        let time = of_this_thread(|| {
            for &(slot, layout) in drawn.iter().cycle().take(steps as usize) {
                replace(heap, &mut table[slot as usize], layout);
            }
        });
        for (object, layout) in table {
            // SAFETY: what the table holds is live, with this layout.
            unsafe { heap.free(object, layout) };
        }
        time
    }
}

#[inline]
fn replace<H: Heap>(heap: &H, slot: &mut (*mut u8, Layout), layout: Layout) {
    // SAFETY: what the table holds is live, with its layout; every layout has room for a word and is
    // aligned for it.
    unsafe {
        heap.free(slot.0, slot.1);
        *slot = (heap.alloc(layout), layout);
        slot.0.cast::<u64>().write(1);
    }
}

fn pareto(random: &mut Random) -> Layout {
    let above = (random.below(1 << 30) + 1) as f64 / f64::from(1 << 30);
    let bytes = LEAST_BYTES as f64 / above.powf(1.0 / SHAPE);
    Layout::from_size_align((bytes as usize).min(MOST_BYTES), 8).expect("a small size")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_promised() {
        let mut random = Random::new(1);
        let mut sizes: Vec<usize> = (0..100_000).map(|_| pareto(&mut random).size()).collect();
        sizes.sort_unstable();
        assert_eq!(sizes[0], LEAST_BYTES);
        assert!(sizes[50_000] < 32, "{}", sizes[50_000]);
        assert!((600..1000).contains(&sizes[99_000]), "{}", sizes[99_000]);
        assert!(sizes[99_999] <= MOST_BYTES);
    }
}
