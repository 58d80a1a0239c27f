//! The queue with real threads, over the stack that the models use.
#![cfg(not(loom))]

use alloc_core::api2::alloc::System;
use alloc_core::{Layer, Shared};
use alloc_sizeclass::{SizeClassHeap, ThreadCache};
use loom_queue::Queue;
use std::thread;

#[test]
fn values_arrive_once_and_in_each_producers_order() {
    let stack = Shared::new(ThreadCache::new(SizeClassHeap::<System>::new(System)));
    let queue = Queue::new_in(stack.clone()).unwrap();
    let mut seen = [0u32; 2];
    thread::scope(|scope| {
        for producer in 0..2usize {
            let queue = &queue;
            scope.spawn(move || (1..=20_000).for_each(|n| queue.push((producer, n)).unwrap()));
        }
        while seen != [20_000; 2] {
            // SAFETY: this thread alone consumes.
            if let Some((producer, n)) = unsafe { queue.consume() } {
                assert_eq!(n, seen[producer] + 1);
                seen[producer] = n;
            } else {
                thread::yield_now();
            }
        }
    });
    stack.verify().unwrap();
}
