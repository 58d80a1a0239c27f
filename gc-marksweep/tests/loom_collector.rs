//! Loom models of how objects are visited beside a mutator, named after the rules in `protocol.rs`.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p gc-marksweep --features loom --test loom_collector --release
//! ```
//!
//! What an object holds is a loom cell: a visit reads it, a mutator writes it, and loom reports one that
//! is not ordered with the other. Claims are the heap's own bits. Which weakening was tried, and makes a
//! model fail, stands above each.
#![cfg(all(loom, feature = "loom"))]

use alloc_core::Layout;
use alloc_core::api2::alloc::System;
use gc_marksweep::heap::{Marker, Mutator, ObjectHeap};
use gc_marksweep::{Passage, Verdict};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use std::ptr::NonNull;

type Heap = ObjectHeap<System, 1>;
type Mutates = Mutator<Arc<Heap>, System, 1>;

const OBJECT: Layout = Layout::new::<[u64; 20]>();

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    if builder.preemption_bound.is_none() {
        builder.preemption_bound = Some(2);
    }
    builder.max_branches = 20_000;
    builder.check(f);
}

/// An object, with what it holds beside it, where loom sees it.
struct Object {
    slot: NonNull<u8>,
    holds: UnsafeCell<usize>,
    visits: AtomicUsize,
}

// SAFETY: the slot is memory of its heap, which outlives the model's threads; the cell is loom's to judge.
unsafe impl Send for Object {}
// SAFETY: the same.
unsafe impl Sync for Object {}

impl Object {
    fn new(mutator: &Mutates) -> Self {
        let slot = mutator.allocate(OBJECT, false).expect("memory");
        Self { slot, holds: UnsafeCell::new(1), visits: AtomicUsize::new(0) }
    }

    fn address(&self) -> usize {
        self.slot.addr().get()
    }

    fn claim(&self, marker: Marker<1>) -> bool {
        // SAFETY: the object is alive and the heap is marking, to the end of the model.
        unsafe { marker.claim(self.slot) }
    }

    /// What a visit does: it reads.
    fn visit(&self) -> usize {
        self.visits.fetch_add(1, Ordering::Relaxed);
        // SAFETY: loom judges.
        self.holds.with(|value| unsafe { *value })
    }

    /// The marker's way, P1.
    fn mark(&self, marker: Marker<1>, passage: &Passage) {
        if passage.enter(self.address(), || self.claim(marker)) == Verdict::Visit {
            assert_eq!(self.visit(), 1, "what it held when the cycle began");
            passage.leave();
        }
    }

    /// The mutator's way, P2.
    fn write(&self, marker: Marker<1>, passage: &Passage) {
        if self.claim(marker) {
            self.visit();
        } else {
            passage.wait_for(self.address());
        }
        // SAFETY: loom judges.
        self.holds.with_mut(|value| unsafe { *value += 1 });
    }
}

fn start() -> Mutates {
    // SAFETY: the heap is new, and this its only mutator.
    unsafe { Mutator::new(Arc::new(Heap::new(System))) }
}

/// P1, P2: the marker visits an object while the mutator writes to it, twice.
///
/// Fails with claims that are Relaxed (either of the two orders), with a Relaxed load in `wait_for`, with a
/// Relaxed store in `leave`, and without waiting.
#[test]
fn p1_p2_claim_against_barrier() {
    model(|| {
        let mutator = start();
        let object = Arc::new(Object::new(&mutator));
        let passage = Arc::new(Passage::new());
        let marker = mutator.start_marking().expect("nothing to sweep");
        let helper = {
            let (object, passage) = (Arc::clone(&object), Arc::clone(&passage));
            thread::spawn(move || object.mark(marker, &passage))
        };
        object.write(marker, &passage);
        object.write(marker, &passage);
        helper.join().expect("the helper");
        assert_eq!(object.visits.load(Ordering::Relaxed), 1, "visited once");
    });
}

/// P1, P2: the marker goes from one object to the next while the mutator writes to both, the other way
/// round. Nobody waits for ever.
///
/// Fails with a Relaxed store of `inside` in `enter`.
#[test]
fn p1_p2_two_objects() {
    model(|| {
        let mutator = start();
        let objects = Arc::new([Object::new(&mutator), Object::new(&mutator)]);
        let passage = Arc::new(Passage::new());
        let marker = mutator.start_marking().expect("nothing to sweep");
        let helper = {
            let (objects, passage) = (Arc::clone(&objects), Arc::clone(&passage));
            thread::spawn(move || objects.iter().for_each(|object| object.mark(marker, &passage)))
        };
        objects.iter().rev().for_each(|object| object.write(marker, &passage));
        helper.join().expect("the helper");
        for object in objects.iter() {
            assert_eq!(object.visits.load(Ordering::Relaxed), 1, "visited once");
        }
    });
}

/// P3: an object that is born while the marker is at work is claimed: the mutator writes to it without
/// waiting for anybody, and the marker, who meets it by way of an older one, leaves it alone.
#[test]
fn p3_allocation_during_marking() {
    model(|| {
        let mutator = start();
        let old = Arc::new(Object::new(&mutator));
        let passage = Arc::new(Passage::new());
        let marker = mutator.start_marking().expect("nothing to sweep");
        let helper = {
            let (old, passage) = (Arc::clone(&old), Arc::clone(&passage));
            thread::spawn(move || old.mark(marker, &passage))
        };
        let born = Object::new(&mutator);
        born.write(marker, &passage);
        old.write(marker, &passage);
        born.mark(marker, &passage);
        helper.join().expect("the helper");
        assert_eq!(born.visits.load(Ordering::Relaxed), 0, "never visited");
        assert_eq!(old.visits.load(Ordering::Relaxed), 1, "visited once");
    });
}
