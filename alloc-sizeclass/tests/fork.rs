//! Forks, with threads busy: the child has one thread, and everything that the others cached.
#![cfg(unix)]

mod common;

use alloc_core::api2::alloc::System;
use alloc_core::report::Tree;
use alloc_core::{Allocator, Layer, Layout};
use alloc_sizeclass::{SizeClassHeap, thread_cache};
use common::{fork, in_child};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

thread_cache! {
    static STACK: SizeClassHeap<System> = SizeClassHeap::new(System);
}

fn churn(rounds: usize) {
    let mut held = Vec::with_capacity(64);
    for round in 0..rounds {
        let layout = Layout::from_size_align(16 + round * 37 % 3000, 8).unwrap();
        held.push((STACK.allocate(layout).unwrap(), layout));
        if held.len() == 64 {
            for (slot, layout) in held.drain(..) {
                // SAFETY: allocated above with this layout, freed once.
                unsafe { STACK.deallocate(slot.cast(), layout) };
            }
        }
    }
    for (slot, layout) in held {
        // SAFETY: as above.
        unsafe { STACK.deallocate(slot.cast(), layout) };
    }
}

/// What the child found, as its exit code.
fn check_in_child() -> i32 {
    churn(5000);
    if STACK.verify().is_err() {
        return 2;
    }
    let tree = Tree::of(&STACK);
    // The other threads' caches were taken over, or counted as lost.
    if tree.figure("ThreadCache", "threads") != Some(1) {
        return 3;
    }
    let child_thread = thread::spawn(|| churn(1000));
    if child_thread.join().is_err() { 4 } else { 0 }
}

#[test]
fn a_forked_child_allocates_and_inherits_the_caches() {
    static STOP: AtomicBool = AtomicBool::new(false);
    // No thread is about to start at a fork: the standard library has a lock for that, which a child would find held.
    static STARTED: Barrier = Barrier::new(4);
    let busy: Vec<_> = (0..3)
        .map(|_| {
            thread::spawn(|| {
                STARTED.wait();
                while !STOP.load(Ordering::Relaxed) {
                    churn(500);
                }
            })
        })
        .collect();
    STARTED.wait();
    churn(1000);
    for round in 0..40 {
        in_child(round, fork, check_in_child);
    }
    STOP.store(true, Ordering::Relaxed);
    for thread in busy {
        thread.join().unwrap();
    }
    STACK.verify().unwrap();
}
