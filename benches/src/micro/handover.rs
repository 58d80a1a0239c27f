//! What it costs when one thread allocates what another frees: the time of one object.
//!
//! Above: `micro`. Below: `heap`; a ring between the two threads.
//!
//! The producer allocates an object, writes its first word and hands it over through a ring of 1024
//! places; the consumer reads the word and frees the object. This is where an allocator shows how
//! memory finds its way back to the thread that uses it. The floor is the ring alone, with one object
//! that goes round and round. The time is wall time: on a machine whose processors are busy, it says
//! little.

use super::{Task, size};
use crate::heap::Heap;
use alloc_core::sync::{AtomicPtr, Ordering, wait_a_moment};
use std::alloc::Layout;
use std::ptr;
use std::time::{Duration, Instant};

const PLACES: usize = 1024;

/// Objects of so many bytes that go from thread to thread.
#[derive(Debug)]
pub struct Handover<const BYTES: usize>;

impl<const BYTES: usize> Task for Handover<BYTES> {
    const OPERATIONS: u64 = 1;
    const GROUP: &'static str = "producer";

    fn name() -> String {
        format!("producer to consumer, {}", size(BYTES))
    }

    fn run<H: Heap>(heap: &H, steps: u64) -> Duration {
        let layout = Layout::from_size_align(BYTES, 8).expect("a small size");
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
        hand_over(steps, produce, consume)
    }

    fn floor(steps: u64) -> Option<Duration> {
        let mut object = 0u64;
        let place = AtomicPtr::new(ptr::from_mut(&mut object).cast::<u8>());
        // ORDERING: the pointer never changes.
        Some(hand_over(steps, || place.load(Ordering::Relaxed), |_| {}))
    }
}

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
