//! What it costs to allocate many objects and then to free them: the time of one object.
//!
//! Above: `micro`. Below: `heap`.
//!
//! A batch is 1000 objects of 64 bytes, or of sizes from 16 to 1024 bytes; the first word of each is
//! written, as a program would. They are freed in the order of their allocation (`fifo`), in
//! reverse (`lifo`), or in an order without order (`shuffled`). This is what thread caches meet when
//! they run full and empty: refills, flushes, spans that fill and drain.

use super::Task;
use crate::heap::Heap;
use crate::measure::of_this_thread;
use crate::memory::Random;
use std::alloc::Layout;
use std::time::Duration;

const OBJECTS: usize = 1000;

/// Freed in the order of their allocation.
pub const FIFO: usize = 0;
/// In reverse.
pub const LIFO: usize = 1;
/// In an order without order.
pub const SHUFFLED: usize = 2;

/// Batches, freed in an order, of one size or of several.
#[derive(Debug)]
pub struct Batch<const ORDER: usize, const MIXED: bool>;

impl<const ORDER: usize, const MIXED: bool> Task for Batch<ORDER, MIXED> {
    const OPERATIONS: u64 = OBJECTS as u64;
    const GROUP: &'static str = "batches";

    fn name() -> String {
        let order = ["fifo", "lifo", "shuffled"][ORDER];
        format!("batch of {}, {order}", if MIXED { "16 to 1024 B" } else { "64 B" })
    }

    fn run<H: Heap>(heap: &H, steps: u64) -> Duration {
        let (layouts, frees) = (layouts(MIXED), order(ORDER));
        let mut objects = vec![std::ptr::null_mut(); OBJECTS];
        of_this_thread(|| (0..steps).for_each(|_| batch(heap, &mut objects, &layouts, &frees)))
    }
}

fn layouts(mixed: bool) -> Vec<Layout> {
    let mut random = Random::new(3);
    let of = |size| Layout::from_size_align(size, 8).expect("a small size");
    (0..OBJECTS).map(|_| of(if mixed { 16 << random.below(7) } else { 64 })).collect()
}

fn order(order: usize) -> Vec<usize> {
    let mut frees: Vec<usize> = (0..OBJECTS).collect();
    match order {
        FIFO => {}
        LIFO => frees.reverse(),
        _ => Random::new(7).shuffle(&mut frees),
    }
    frees
}

#[inline(never)]
fn batch<H: Heap>(heap: &H, objects: &mut [*mut u8], layouts: &[Layout], frees: &[usize]) {
    for (object, &layout) in objects.iter_mut().zip(layouts) {
        *object = heap.alloc(layout);
        // SAFETY: every layout has room for a word, and is aligned for it.
        unsafe { object.cast::<u64>().write(1) };
    }
    for &n in frees {
        // SAFETY: each object is freed once, with its layout.
        unsafe { heap.free(objects[n], layouts[n]) };
    }
}
