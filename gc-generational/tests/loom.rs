//! Loom models of minor collections beside background marking, named after the facts in `turn.rs`.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p gc-generational --features loom --test loom --release
//! ```
//!
//! What an object holds is a loom cell: a visit reads it, a mutation and a minor collection write it, and loom
//! reports one that is not ordered with another. The tag in a header is the mutator's own here. Which weakening was
//! tried, and makes a model fail, stands above each.
#![cfg(all(loom, feature = "loom"))]

use alloc_core::Layout;
use alloc_core::api2::alloc::System;
use gc_marksweep::heap::{Marker, Mutator, ObjectHeap};
use gc_marksweep::{Passage, Verdict};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use std::cell::Cell;
use std::ptr::NonNull;

type Heap = ObjectHeap<System, 1>;
type Mutates = Mutator<Arc<Heap>, System, 1>;

const OBJECT: Layout = Layout::new::<[u64; 20]>();
const PREEMPTIONS: usize = 4;

/// What an object leads to: nothing, another tenured one, or a young one.
const NOTHING: usize = 100;
const YOUNG: usize = 101;

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.max(Some(PREEMPTIONS));
    builder.max_branches = 20_000;
    builder.check(f);
}

/// A tenured object: its slot, and what it leads to.
struct Tenured {
    slot: NonNull<u8>,
    leads_to: UnsafeCell<usize>,
}

/// All that both threads know of.
struct World {
    objects: Vec<Tenured>,
    passage: Passage,
}

// SAFETY: slots are memory of their heap, which outlives the model's threads; cells are loom's to judge.
unsafe impl Send for World {}
// SAFETY: the same.
unsafe impl Sync for World {}

impl World {
    fn new(mutator: &Mutates, leads_to: &[usize]) -> Arc<Self> {
        let object = |&leads_to| {
            let slot = mutator.allocate(OBJECT, false).expect("memory");
            Tenured { slot, leads_to: UnsafeCell::new(leads_to) }
        };
        let objects = leads_to.iter().map(object).collect();
        Arc::new(Self { objects, passage: Passage::new() })
    }

    fn address(&self, object: usize) -> usize {
        self.objects[object].slot.addr().get()
    }

    fn claim(&self, object: usize, marker: Marker<1>) -> bool {
        // SAFETY: the object is alive and the heap is marking, to the end of the model.
        unsafe { marker.claim(self.objects[object].slot) }
    }

    fn read(&self, object: usize) -> usize {
        // SAFETY: loom judges.
        self.objects[object].leads_to.with(|leads_to| unsafe { *leads_to })
    }

    fn set(&self, object: usize, to: usize) {
        // SAFETY: loom judges.
        self.objects[object].leads_to.with_mut(|leads_to| unsafe { *leads_to = to });
    }

    /// The marker: N1 is asserted.
    fn mark(&self, mut grey: Vec<usize>, marker: Marker<1>) {
        while let Some(object) = grey.pop() {
            let entered = self.passage.enter(self.address(object), || self.claim(object, marker));
            if entered == Verdict::Visit {
                let to = self.read(object);
                assert_ne!(to, YOUNG, "N1: the marker met a young object");
                self.passage.leave();
                grey.extend((to < self.objects.len()).then_some(to));
            }
        }
    }
}

/// The mutator's side: which objects are watched, and which remembered.
struct Generation<'w> {
    world: &'w World,
    marker: Marker<1>,
    watched: Vec<Cell<bool>>,
    remembered: Cell<Vec<usize>>,
}

impl<'w> Generation<'w> {
    /// A cycle has begun right behind a minor collection that promoted everything: all objects are watched.
    fn new(world: &'w World, marker: Marker<1>) -> Self {
        let watched = world.objects.iter().map(|_| Cell::new(true)).collect();
        Self { world, marker, watched, remembered: Cell::default() }
    }

    /// The barrier, and then the write.
    fn write(&self, object: usize, to: usize) {
        if self.watched[object].get() {
            let Self { world, marker, .. } = *self;
            // SAFETY: the object is alive, and the heap is marking.
            let is_claimed = || unsafe { marker.is_claimed(world.objects[object].slot) };
            let visits_first = || world.claim(object, marker) && world.read(object) != YOUNG;
            let address = world.address(object);
            Passage::before_write(Some(&world.passage), address, is_claimed, visits_first);
            self.watched[object].set(false);
            let mut remembered = self.remembered.take();
            remembered.push(object);
            self.remembered.set(remembered);
        }
        self.world.set(object, to);
    }

    /// A minor collection: what is remembered is rewritten, without a word to the marker (N2).
    fn minor(&self, promoted: usize) {
        for object in self.remembered.take() {
            // A mover writes every pointer that it is shown, also those that stay as they are.
            let to = self.world.read(object);
            self.world.set(object, if to == YOUNG { promoted } else { to });
            self.watched[object].set(true);
        }
    }
}

/// Objects 0 and 1 are in the snapshot, 0 leads to 1. The mutator has both lead to young objects, and collects
/// them twice, while the marker is on its way.
///
/// Fails if the barrier does not claim, or does not wait, before it remembers; if an object is not watched when the
/// cycle begins; and if a minor collection rewrites what is not remembered.
#[test]
fn n1_n2_minor_collections_beside_the_marker() {
    model(|| {
        // SAFETY: the heap is new, and this its only mutator.
        let mutator = unsafe { Mutates::new(Arc::new(Heap::new(System))) };
        let world = World::new(&mutator, &[1, NOTHING]);
        let marker = mutator.start_marking().expect("nothing to sweep");
        let helper = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.mark(vec![0], marker))
        };
        let generation = Generation::new(&world, marker);
        generation.write(1, YOUNG);
        generation.write(1, YOUNG);
        generation.minor(NOTHING);
        generation.write(0, YOUNG);
        generation.write(1, YOUNG);
        generation.minor(NOTHING);
        helper.join().expect("the marker");
        assert_eq!((world.read(0), world.read(1)), (NOTHING, NOTHING));
    });
}

/// An object is promoted while the marker is on its way, is written to, and rewritten: it was born claimed, so the
/// marker leaves it alone, though an object of the snapshot leads to it.
///
/// Fails if it is not born claimed.
#[test]
fn n2_objects_that_are_promoted_while_marking() {
    model(|| {
        // SAFETY: the heap is new, and this its only mutator.
        let mutator = unsafe { Mutates::new(Arc::new(Heap::new(System))) };
        let old = mutator.allocate(OBJECT, false).expect("memory");
        let marker = mutator.start_marking().expect("nothing to sweep");
        // A slot that was handed out while marking.
        let promoted = mutator.allocate(OBJECT, false).expect("memory");
        let object = |slot, to| Tenured { slot, leads_to: UnsafeCell::new(to) };
        let objects = vec![object(old, 1), object(promoted, YOUNG)];
        let world = Arc::new(World { objects, passage: Passage::new() });
        let helper = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.mark(vec![0], marker))
        };
        let generation = Generation::new(&world, marker);
        // It was promoted with a pointer to an object that stayed young, so it is remembered.
        generation.watched[1].set(false);
        generation.remembered.set(vec![1]);
        generation.minor(NOTHING);
        generation.write(1, YOUNG);
        generation.minor(NOTHING);
        helper.join().expect("the marker");
    });
}
