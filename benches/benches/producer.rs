//! What it costs when one thread allocates what another frees: the time of one object.
//!
//! The producer allocates an object, writes its first word and hands it over through a ring of 1024
//! places; the consumer reads the word and frees the object. This is where an allocator shows how
//! memory finds its way back to the thread that uses it. The time holds the ring's own: `ring` is
//! the same with one object that goes round and round.

mod common;

use alloc_core::sync::{AtomicPtr, Ordering, wait_a_moment};
use benches::heap::Heap;
use common::each;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use std::alloc::Layout;
use std::ptr;
use std::time::{Duration, Instant};

const PLACES: usize = 1024;

/// One thread puts in, another takes out. A place is empty (null) or full; the producer fills empty
/// places, the consumer empties full ones, both in order.
struct Ring {
    places: Vec<AtomicPtr<u8>>,
}

impl Ring {
    fn new() -> Self {
        Self { places: (0..PLACES).map(|_| AtomicPtr::new(ptr::null_mut())).collect() }
    }

    fn put(&self, n: u64, object: *mut u8) {
        let place = &self.places[n as usize % PLACES];
        let mut round = 0;
        // ORDERING: Acquire meets the Release of `take`: the consumer is done with the place.
        while !place.load(Ordering::Acquire).is_null() {
            wait_a_moment(round);
            round += 1;
        }
        // ORDERING: Release gives the object's contents to the Acquire of `take`.
        place.store(object, Ordering::Release);
    }

    fn take(&self, n: u64) -> *mut u8 {
        let place = &self.places[n as usize % PLACES];
        let mut round = 0;
        loop {
            // ORDERING: Acquire meets the Release of `put`.
            let object = place.load(Ordering::Acquire);
            if !object.is_null() {
                // ORDERING: Release meets the Acquire of `put`.
                place.store(ptr::null_mut(), Ordering::Release);
                return object;
            }
            wait_a_moment(round);
            round += 1;
        }
    }
}

/// How long `objects` take from thread to thread.
fn hand_over(
    objects: u64,
    produce: impl Fn() -> *mut u8 + Sync,
    consume: impl Fn(*mut u8) + Sync,
) -> Duration {
    let ring = Ring::new();
    std::thread::scope(|scope| {
        let start = Instant::now();
        scope.spawn(|| (0..objects).for_each(|n| consume(ring.take(n))));
        (0..objects).for_each(|n| ring.put(n, produce()));
        start
    })
    .elapsed()
}

fn producer(c: &mut Criterion) {
    for size in [64, 4096] {
        let layout = Layout::from_size_align(size, 8).expect("a small size");
        let mut group = c.benchmark_group(format!("producer to consumer, {size}"));
        let object = Box::leak(Box::new(0u64));
        let place = AtomicPtr::new(ptr::from_mut(object).cast::<u8>());
        group.bench_function("ring", |bencher| {
            // ORDERING: the pointer never changes.
            bencher.iter_custom(|n| hand_over(n, || place.load(Ordering::Relaxed), |_| {}));
        });
        each!(|name, heap| bench(&mut group, name, heap, layout));
        group.finish();
    }
}

fn bench<H: Heap>(
    group: &mut BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    heap: &H,
    layout: Layout,
) {
    let produce = || {
        let object = heap.alloc(layout);
        // SAFETY: the layout has room for a word, and is aligned for it.
        unsafe { object.cast::<u64>().write(1) };
        object
    };
    let consume = |object: *mut u8| {
        // SAFETY: the producer wrote the word and will not touch the object again.
        unsafe {
            assert_eq!(object.cast::<u64>().read(), 1);
            heap.free(object, layout);
        }
    };
    group.bench_function(name, |bencher| bencher.iter_custom(|n| hand_over(n, produce, consume)));
}

criterion_group! { name = all; config = common::criterion(); targets = producer }
criterion_main!(all);
