//! The queue and the allocator below it in one model.
//!
//! Weakened: the Release in `push`, or the Acquire in `consume`, made Relaxed: both models fail
//! (unordered accesses to a value).
#![cfg(all(loom, feature = "loom"))]

use alloc_arena::{Arena, Fixed};
use alloc_core::api2::alloc::System;
use alloc_core::{Allocator, Layer, Shared};
use alloc_sizeclass::{SizeClassHeap, ThreadCache};
use loom::sync::Arc;
use loom::thread;
use loom_queue::Queue;

/// A producer beside a consumer. Every thread more multiplies the executions: the allocator's
/// locks and lists are in the model, too.
fn producer_and_consumer<A>(allocator: A)
where
    A: Allocator + Send + Sync + 'static,
{
    let queue = Arc::new(Queue::new_in(allocator).unwrap());
    let producer = {
        let queue = queue.clone();
        thread::spawn(move || [1, 2].map(|value| queue.push(value).unwrap()))
    };
    // SAFETY: this thread alone consumes.
    let first = unsafe { queue.consume() };
    producer.join().unwrap();
    // SAFETY: as above.
    let rest = std::iter::from_fn(|| unsafe { queue.consume() });
    let seen: Vec<u32> = first.into_iter().chain(rest).collect();
    assert_eq!(seen, [1, 2]);
}

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.max_branches = 20_000;
    builder.check(run);
}

#[test]
fn over_a_thread_cache() {
    model(|| {
        let stack = Shared::new(ThreadCache::new(SizeClassHeap::<System>::new(System)));
        producer_and_consumer(stack.clone());
        stack.verify().unwrap();
    });
}

#[test]
fn over_a_heap_in_a_buffer() {
    model(|| {
        let buffer = Box::leak(Box::new_uninit_slice(32 << 10));
        let address = buffer.as_mut_ptr();
        let stack = Shared::new(SizeClassHeap::<_>::new(Arena::new(Fixed::new(buffer))));
        producer_and_consumer(stack.clone());
        stack.verify().unwrap();
        drop(stack);
        // SAFETY: the buffer that was leaked above; the stack over it is gone.
        drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(address, 32 << 10)) });
    });
}

/// What a model finds is told as a test's failure, whatever the threads of the model had cached.
#[test]
#[should_panic(expected = "what was found")]
fn a_finding_is_told() {
    model(|| {
        let stack = Shared::new(ThreadCache::new(SizeClassHeap::<System>::new(System)));
        let other = {
            let stack = stack.clone();
            thread::spawn(move || drop(Queue::<u32, _>::new_in(stack).unwrap()))
        };
        drop(Queue::<u32, _>::new_in(stack).unwrap());
        other.join().unwrap();
        panic!("what was found");
    });
}
